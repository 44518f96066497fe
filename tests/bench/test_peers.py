"""Agreement with peer libraries on the same matrices, and speed beside them on one machine in one run.

Peers are dependencies of nothing but `make bench`: a test whose peer is not installed is skipped.
"""

import sys
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import NMF

from precompute.analysis import metrics
from precompute.dictionary import codes_of, nmf, nonnegative, semi_nmf
from precompute.importance import METHODS, AffineHead, SampledHead, hsic, rise, sobol

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]  # peers warn of much

PHOTOS, CONCEPTS, CHANNELS, CLASSES, CHOSEN = 200, 10, 1280, 1000, 7
DESIGNS = 32


def planted(*, patches: int = 800, channels: int = 200, concepts: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    codes = rng.gamma(1.0, 1.0, (patches, concepts)) * (rng.random((patches, concepts)) < 0.4)
    noise = 0.05 * rng.random((patches, channels))
    return (codes @ (rng.random((concepts, channels)) * (rng.random((concepts, channels)) < 0.3)) + noise).astype(np.float32)


def seconds(run: Callable[[], object], *, times: int = 5) -> float:
    """Return the shortest of several runs."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return min(took)


# --- dictionaries and their measures


def test_nmf_reaches_the_loss_and_the_atoms_of_scikit_learn_run_to_convergence() -> None:
    A = planted()
    ours = nmf.fit(A, concepts=8, seed=0)
    model = NMF(8, init="nndsvda", tol=1e-7, max_iter=3000, random_state=0)
    codes = model.fit_transform(A)
    loss, best = (np.linalg.norm(A - product) for product in (codes_of(A, ours) @ ours.atoms, codes @ model.components_))
    assert loss <= 1.001 * best
    assert metrics.matched_cosines(ours.atoms, model.components_).min() > 0.999
    norms = np.linalg.norm(model.components_, axis=1)
    encoded = nonnegative.solve(A, (model.components_ / norms[:, None]).astype(np.float32))
    assert np.linalg.norm(A - encoded @ (model.components_ / norms[:, None])) <= 1.0001 * best


def test_semi_nmf_ends_lower_than_overcomplete() -> None:
    optimization = pytest.importorskip("overcomplete.optimization", exc_type=ImportError)
    A = planted() - 0.2
    ours = semi_nmf.fit(A, concepts=8, seed=0)
    peer = optimization.SemiNMF(8, device="cpu")
    Z, D = peer.fit(torch.from_numpy(A), max_iter=500)
    assert np.linalg.norm(A - codes_of(A, ours) @ ours.atoms) <= 1.001 * float(torch.linalg.norm(torch.from_numpy(A) - Z @ D))


def test_relative_l2_is_that_of_overcomplete_on_each_row() -> None:
    peer = pytest.importorskip("overcomplete.metrics", exc_type=ImportError)
    A = planted(patches=40)
    approximation = A + np.random.default_rng(1).standard_normal(A.shape).astype(np.float32)
    rows = [metrics.relative_l2(A[i : i + 1], approximation[i : i + 1]) for i in range(len(A))]
    assert np.mean(rows) == pytest.approx(peer.relative_avg_l2_loss(*map(torch.from_numpy, (A, approximation))), rel=1e-4)


def test_stability_is_one_less_the_hungarian_loss_of_overcomplete_per_concept() -> None:
    peer = pytest.importorskip("overcomplete.metrics", exc_type=ImportError)
    first, second = np.random.default_rng(0).standard_normal((2, 9, 20))
    loss = peer.cosine_hungarian_loss(torch.from_numpy(first), torch.from_numpy(second))
    assert metrics.matched_cosines(first, second).mean() == pytest.approx(1 - loss / 9)


def test_fid_and_hoyer_are_those_of_overcomplete() -> None:
    peer = pytest.importorskip("overcomplete.metrics", exc_type=ImportError)
    first, second = np.random.default_rng(0).gamma(1.0, 1.0, (2, 60, 20))
    assert metrics.fid(first, second) == pytest.approx(float(peer.wasserstein_1d(*map(torch.from_numpy, (first, second)))))
    assert metrics.hoyer(first) == pytest.approx(float(peer.hoyer(torch.from_numpy(first)).mean()), abs=1e-4)


# --- importance


class _Reducer:
    """Stands for the peer's fitted NMF: gives it the codes we use."""

    def __init__(self, codes: np.ndarray, atoms: np.ndarray) -> None:
        self.codes, self.components_ = codes, atoms

    def transform(self, _: np.ndarray) -> np.ndarray:
        return self.codes


class Case:
    """Codes, atoms and one linear head over 1000 classes, for the peer and for us."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.codes = rng.gamma(1.0, 1.0, (PHOTOS, CONCEPTS)).astype(np.float32)
        atoms = rng.random((CONCEPTS, CHANNELS))
        self.atoms = (atoms / np.linalg.norm(atoms, axis=1, keepdims=True)).astype(np.float32)
        torch.manual_seed(0)
        self.head = torch.nn.Linear(CHANNELS, CLASSES).requires_grad_(False)
        self.V = torch.from_numpy(self.atoms)
        w, b = self.head.weight[CHOSEN], self.head.bias[CHOSEN]
        self.affine = AffineHead(self.atoms @ w.numpy(), float(b))
        self.one_class = SampledHead(lambda u: (u @ self.V) @ w + b)
        self.all_classes = SampledHead(lambda u: self.head(u @ self.V)[:, CHOSEN])

    def peer(self, craft: Any) -> Any:
        model = craft.Craft(lambda x: x, self.head, number_of_concepts=CONCEPTS, device="cpu")
        model.reducer, model.W = _Reducer(self.codes, self.atoms), self.atoms
        return model


@pytest.fixture
def craft(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The peer's PyTorch module; it imports TensorFlow for a sampler that it does not use."""
    if "tensorflow" not in sys.modules:
        monkeypatch.setitem(sys.modules, "tensorflow", types.ModuleType("tensorflow"))
    return pytest.importorskip("craft.craft_torch", exc_type=ImportError)


@pytest.fixture
def case() -> Case:
    return Case()


def test_sobol_indices_are_those_of_craft_on_the_same_designs(craft: Any, case: Case) -> None:
    theirs = case.peer(craft).estimate_importance(torch.zeros(1, 1), CHOSEN, nb_design=DESIGNS)
    masks = craft.HaltonSequence()(CONCEPTS, nb_design=DESIGNS)
    for head in (case.affine, case.one_class, case.all_classes):
        ours = sobol.jansen(case.codes, head, first=masks[:DESIGNS], second=masks[DESIGNS : 2 * DESIGNS])
        assert ours.mean(axis=0) == pytest.approx(theirs, abs=1e-4)


def test_scrambled_designs_come_nearer_to_the_truth_than_those_of_craft(craft: Any, case: Case) -> None:
    truth = sobol.estimate(case.codes, case.affine, seed=0).mean(axis=0)
    theirs = case.peer(craft).estimate_importance(torch.zeros(1, 1), CHOSEN, nb_design=DESIGNS)
    errors = [abs(sobol.estimate(case.codes, case.one_class, seed=seed).mean(axis=0) - truth).mean() for seed in range(10)]
    print(f"\nSobol, 32 designs, mean error of an index: craft {abs(theirs - truth).mean():.4f}, ours {np.mean(errors):.4f}")
    assert np.mean(errors) < abs(theirs - truth).mean()


def test_sobol_is_twenty_times_faster_than_craft(craft: Any, case: Case) -> None:
    model = case.peer(craft)
    theirs = seconds(lambda: model.estimate_importance(torch.zeros(1, 1), CHOSEN, nb_design=DESIGNS), times=2)
    ours = {
        "closed form": seconds(lambda: sobol.estimate(case.codes, case.affine, seed=0)),
        "sampled, the logit of the class": seconds(lambda: sobol.estimate(case.codes, case.one_class, seed=0)),
        "sampled, all 1000 logits": seconds(lambda: sobol.estimate(case.codes, case.all_classes, seed=0), times=2),
    }
    print(f"\nSobol, {PHOTOS} photos, {CONCEPTS} concepts, {DESIGNS} designs: craft {theirs:.2f} s")
    for name, took in ours.items():
        print(f"  {name}: {1000 * took:.1f} ms, {theirs / took:.0f} times faster")
    assert theirs / ours["sampled, the logit of the class"] >= 20
    assert theirs / ours["closed form"] >= 20


# No peer that installs without TensorFlow offers RISE, HSIC and occlusion on codes: a plain loop stands for one, written here
# after the papers' definitions, photo by photo, the masks of a photo in one batch.

LOOP_PHOTOS = {"occlusion": PHOTOS, "rise": 20, "hsic": 20}


def loop_occlusion(codes: np.ndarray, head: SampledHead) -> np.ndarray:
    rows = []
    for u in torch.from_numpy(codes):
        without = [head.function((u * (torch.arange(len(u)) != i))[None]) for i in range(len(u))]
        rows.append(head.function(u[None]) - torch.cat(without))
    return torch.stack(rows).detach().numpy()


def loop_rise(codes: np.ndarray, head: SampledHead, masks: np.ndarray) -> np.ndarray:
    rows = []
    for u in torch.from_numpy(codes):
        F = head.function(u * torch.from_numpy(masks).float()).detach().numpy()
        rows.append([F[masks[:, i] == 1].mean() - F.mean() for i in range(masks.shape[1])])
    return np.array(rows)


def loop_hsic(codes: np.ndarray, head: SampledHead, masks: np.ndarray) -> np.ndarray:
    D, rows = len(masks), []
    H = np.eye(D) - 1 / D
    for u in torch.from_numpy(codes):
        F = head.function(u * torch.from_numpy(masks).float()).detach().numpy().astype(np.float64)
        L = H @ np.exp(-((F[:, None] - F) ** 2) / (2 * F.var())) @ H
        kernels = [(m[:, None] == m).astype(np.float64) for m in masks.T]
        rows.append([np.trace(K @ L) / (D - 1) ** 2 for K in kernels])
    return np.array(rows)


@pytest.mark.parametrize("name", LOOP_PHOTOS)
def test_occlusion_rise_and_hsic_beside_a_plain_loop_over_photos(case: Case, name: str) -> None:
    codes, head = case.codes[: LOOP_PHOTOS[name]], case.one_class
    masks = {"occlusion": None, "rise": rise._masks(CONCEPTS, 0), "hsic": hsic.designs(CONCEPTS, number=500, seed=0)}[name]
    loop = {"occlusion": loop_occlusion, "rise": loop_rise, "hsic": loop_hsic}[name]
    arguments = (codes, head) if masks is None else (codes, head, masks)
    theirs = seconds(lambda: loop(*arguments), times=2)
    ours = {
        "closed form": seconds(lambda: METHODS[name].estimate(codes, case.affine, seed=0)),
        "sampled": seconds(lambda: METHODS[name].estimate(codes, head, seed=0)),
    }
    assert METHODS[name].estimate(codes, head, seed=0) == pytest.approx(loop(*arguments), rel=1e-3, abs=1e-4)
    print(f"\n{name}, {len(codes)} photos, {CONCEPTS} concepts: plain loop {1000 * theirs:.0f} ms")
    for form, took in ours.items():
        print(f"  {form}: {1000 * took:.2f} ms, {theirs / took:.0f} times faster")
    assert theirs / ours["closed form"] >= 20
    assert name != "hsic" or theirs / ours["sampled"] >= 20  # of the others the time is that of the head


def test_all_closed_forms_of_a_class_take_less_than_50_ms(case: Case) -> None:
    took = {name: seconds(lambda m=method: m.estimate(case.codes, case.affine, seed=0)) for name, method in METHODS.items()}
    print("\n" + ", ".join(f"{name} {1000 * value:.2f} ms" for name, value in took.items()))
    assert sum(took.values()) < 0.05


def test_every_sampled_estimator_of_a_class_is_faster_than_the_peers_sobol(craft: Any, case: Case) -> None:
    model = case.peer(craft)
    theirs = seconds(lambda: model.estimate_importance(torch.zeros(1, 1), CHOSEN, nb_design=DESIGNS), times=1)
    took = {
        name: seconds(lambda m=method: m.estimate(case.codes, case.one_class, seed=0), times=1)
        for name, method in METHODS.items()
    }
    print("\n" + ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in took.items()))
    assert max(took.values()) < theirs
