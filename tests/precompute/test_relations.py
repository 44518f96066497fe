import numpy as np
import pytest

from atlas.schema import ClassRecord, Concept, Evidence, ImageNetClass
from precompute.relations import alignment, refine, with_aligned

A, B = "n01440764", "n02102040"


def _concept(wnid: str, index: int, share: float) -> Concept:
    return Concept(f"{wnid}/{index}", "class", wnid, index, contribution=share, share=share)


def _place(rows: np.ndarray, seed: int) -> np.ndarray:
    return np.stack([np.arange(len(rows)), np.full(len(rows), seed)], axis=1).astype(float)


def _world():
    atoms = {A: np.array([[1, 0, 0], [0, 1, 0]], np.float32), B: np.array([[0.9, 0.1, 0], [0, 0, 1]], np.float32)}
    concepts = [_concept(A, 0, 0.9), _concept(A, 1, 0.02), _concept(B, 0, 0.8), _concept(B, 1, 0.1)]
    records = [ClassRecord(ImageNetClass(i, w, w), "full", scope="class", n_photos=50) for i, w in enumerate((A, B))]
    return concepts, records, atoms


def test_neighbours_are_similar_concepts_of_other_classes():
    concepts, _ = refine(*_world(), layout=_place, seed=0)
    cosine = 0.9 / np.hypot(0.9, 0.1)
    assert [(n.id, n.cosine) for n in concepts[0].neighbours] == [(f"{B}/0", pytest.approx(cosine))]
    assert [(n.id) for n in concepts[2].neighbours] == [f"{A}/0"]
    assert concepts[1].neighbours == concepts[3].neighbours == ()
    assert not concepts[0].neighbours[0].background


def test_a_likeness_of_two_backgrounds_is_flagged():
    _, records, atoms = _world()
    concepts = [_concept(A, 0, 0.02), _concept(A, 1, 0.9), _concept(B, 0, -0.01), _concept(B, 1, 0.9)]
    found, _ = refine(concepts, records, atoms, layout=_place, seed=0)
    assert found[0].neighbours[0].background


def test_every_concept_has_a_place_and_every_class_its_nearest():
    concepts, records = refine(*_world(), layout=_place, seed=7)
    assert [(c.map_x, c.map_y) for c in concepts] == [(0, 7), (1, 7), (2, 7), (3, 7)]
    assert [n.id for n in records[0].nearest_classes] == [B]
    assert records[0].nearest_classes[0].cosine > 0.9


def test_a_class_is_aligned_with_every_atom():
    atoms = np.array([[3, 0, 0], [0, 0, 0.5], [-1, 1, 0]], np.float32)
    assert alignment(np.array([2, 2, 0], np.float32), atoms) == (0.7071, 0.0, 0.0)


def test_a_class_of_the_shared_dictionary_is_near_by_its_evidence():
    shared = [Concept(f"shared/{i}", "shared", None, i, contribution=None) for i in range(2)]
    records = [
        ClassRecord(ImageNetClass(i, w, w), "sample", scope="shared", evidence=(Evidence(e, 1.0, 1.0, None, None, 1.0, 1.0),))
        for i, (w, e) in enumerate([(A, 0), (B, 0), ("n02979186", 1)])
    ]
    _, found = refine(shared, records, {"shared": np.eye(2, 3, dtype=np.float32)}, layout=_place, seed=0)
    assert [(n.id, round(n.cosine)) for n in found[0].nearest_classes] == [(B, 1), ("n02979186", 0)]


def test_alignment_is_the_cosine_with_head_weights_whatever_their_length():
    weights = np.array([[0, 5, 0], [0.1, 0, 0], [3, 3, 0]], np.float32)
    (found,) = with_aligned([_concept(A, 0, 1.0)], np.array([[1, 0, 0]], np.float32), weights, ["a", "b", "c"])
    assert [(n.id, pytest.approx(n.cosine)) for n in found.aligned] == [("b", 1.0), ("c", np.sqrt(0.5)), ("a", 0.0)]


def test_an_empty_atlas_stays_empty():
    assert refine([], [], {}, layout=_place, seed=0) == ([], [])
