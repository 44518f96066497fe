import numpy as np
import pytest

from atlas.schema import ClassRecord, Concept, Evidence, ImageNetClass
from precompute.analysis.relations import alignment, refine, with_aligned

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
    concepts, _ = refine(*_world(), weights=None, layout=_place, seed=0)
    cosine = 0.9 / np.hypot(0.9, 0.1)
    assert [(n.id, n.cosine) for n in concepts[0].neighbours] == [(f"{B}/0", pytest.approx(cosine))]
    assert [(n.id) for n in concepts[2].neighbours] == [f"{A}/0"]
    assert concepts[1].neighbours == concepts[3].neighbours == ()
    assert not concepts[0].neighbours[0].background


def test_a_likeness_of_two_backgrounds_is_flagged():
    _, records, atoms = _world()
    concepts = [_concept(A, 0, 0.02), _concept(A, 1, 0.9), _concept(B, 0, -0.01), _concept(B, 1, 0.9)]
    found, _ = refine(concepts, records, atoms, weights=None, layout=_place, seed=0)
    assert found[0].neighbours[0].background


def test_every_concept_has_a_place():
    concepts, _ = refine(*_world(), weights=None, layout=_place, seed=7)
    assert [(c.map_x, c.map_y) for c in concepts] == [(0, 7), (1, 7), (2, 7), (3, 7)]


def _weights(*rows: list[float]) -> np.ndarray:
    found = np.zeros((1000, 3), np.float32)
    found[: len(rows)] = rows
    return found


def test_a_class_is_aligned_with_every_atom():
    atoms = np.array([[3, 0, 0], [0, 0, 0.5], [-1, 1, 0]], np.float32)
    assert alignment(np.array([2, 2, 0], np.float32), atoms) == (0.7071, 0.0, 0.0)


def test_classes_are_near_whose_weights_are_aligned_alike_with_the_shared_atoms_whatever_their_photos():
    """One class has a dictionary of its own, one shared evidence, one no photo: all are compared in the same vocabulary."""
    shared = [Concept(f"shared/{i}", "shared", None, i, contribution=None) for i in range(2)]
    c = "n02979186"
    records = [
        ClassRecord(ImageNetClass(0, A, A), "full", scope="class", n_photos=50),
        ClassRecord(ImageNetClass(1, B, B), "sample", scope="shared", evidence=(Evidence(1, 1.0, 1.0, None, None, 1.0, 1.0),)),
        ClassRecord(ImageNetClass(2, c, c), "none"),
    ]
    atoms = {"shared": np.eye(2, 3, dtype=np.float32), A: np.eye(3, dtype=np.float32)[2:]}
    weights = _weights([1, 0, 9], [0, 1, 0], [2, 0.2, 0])  # the third direction is no shared atom: it tells nothing
    _, found = refine([*shared, _concept(A, 0, 1.0)], records, atoms, weights=weights, layout=_place, seed=0)
    assert [n.id for n in found[0].nearest_classes] == [c, B]
    assert found[0].nearest_classes[0].cosine == pytest.approx(2 / np.hypot(2, 0.2))
    assert found[0].nearest_classes[1].cosine == pytest.approx(0.0)


def test_without_a_shared_dictionary_all_atoms_are_the_vocabulary_and_without_weights_none_is():
    _, records = refine(*_world(), weights=_weights([1, 0, 0], [1, 0.1, 0]), layout=_place, seed=0)
    assert [n.id for n in records[0].nearest_classes] == [B]
    _, records = refine(*_world(), weights=None, layout=_place, seed=0)
    assert records[0].nearest_classes == ()


def test_alignment_is_the_cosine_with_head_weights_whatever_their_length():
    weights = np.array([[0, 5, 0], [0.1, 0, 0], [3, 3, 0]], np.float32)
    (found,) = with_aligned([_concept(A, 0, 1.0)], np.array([[1, 0, 0]], np.float32), weights, ["a", "b", "c"])
    assert [(n.id, pytest.approx(n.cosine)) for n in found.aligned] == [("b", 1.0), ("c", np.sqrt(0.5)), ("a", 0.0)]


def test_an_empty_atlas_stays_empty():
    assert refine([], [], {}, weights=None, layout=_place, seed=0) == ([], [])
