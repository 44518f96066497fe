import copy
import csv
import dataclasses
import io
import json
import re
import shutil
import signal
import statistics
import time
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from rich.console import Console

from atlas.format import imagenet_classes
from atlas.schema import AtlasError, ImageNetClass
from precompute import activations, photos
from precompute.commands import evaluate
from precompute.commands.evaluate import report, run
from precompute.commands.evaluate import tables as summary
from precompute.commands.evaluate.cell import FAITHFULNESS, MEASURES, measure
from precompute.commands.evaluate.class_data import Subject
from precompute.dictionary import codes_of
from precompute.network import backbone
from precompute.pipeline import BuildContext
from precompute.progress import Lines, Silent
from precompute.visualize import spectrum

BACKBONE = "test_resnet"
COLOURS = {"n01440764": (200, 60, 60), "n02102040": (60, 200, 60), "n02979186": (60, 60, 200)}
EXACT = ("gradient_input", "integrated_gradients", "occlusion", "rise")
FIT, HELD, CROPS = 10, 4, 4  # photos a class; crops a photo
PHOTO_ARRAYS = ("positions", "prefix", "class_logit", "predicted")


def draw(path: Path, colour: tuple[int, ...], seed: int) -> None:
    grid = np.random.default_rng(seed).normal(colour, 45, (7, 8, 3)).clip(0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grid).resize((200, 180), Image.Resampling.BICUBIC).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of photos, each of its own colour."""
    root = tmp_path_factory.mktemp("coloured") / "coloured"
    for c, (wnid, colour) in enumerate(COLOURS.items()):
        for i in range(FIT + HELD):
            draw(root / ("fit" if i < FIT else "holdout") / wnid / f"{i:02d}.png", colour, 100 * c + i)
    return root


@pytest.fixture(scope="module")
def tiny(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny network that has learnt to tell the colours apart: its classifier is a least-squares fit."""
    path = tmp_path_factory.mktemp("weights") / "colours.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = timm.create_model(BACKBONE)
    torch.save(model.state_dict(), path)
    net = backbone.load(BACKBONE, weights=str(path), device="cpu")
    index = photos.index([str(folder)])
    chosen = [p for group in index.photos.values() for p in group]
    pixels = np.stack([x for _, x, _ in photos.Decoder(net.preprocessing.as_input)(chosen)])
    A = net.features(net.normalise(torch.from_numpy(pixels).permute(0, 3, 1, 2))).mean(dim=1)
    classes = [c.class_index for c in imagenet_classes() if c.wnid in COLOURS]
    answers = torch.full((len(chosen), 1000), 0.0)
    for i, photo in enumerate(chosen):
        answers[i, classes[list(COLOURS).index(photo.wnid)]] = 10.0
    A1 = torch.cat([A, torch.ones(len(A), 1)], dim=1)
    solved = torch.linalg.solve(A1.T @ A1 + 0.05 * torch.eye(A1.shape[1]), A1.T @ answers)
    state = torch.load(path)
    state["fc.weight"], state["fc.bias"] = solved[:-1].T.contiguous(), solved[-1].contiguous()
    torch.save(state, path)
    return path


@pytest.fixture
def ask(folder: Path, tiny: Path, tmp_path: Path):
    """Return a request: of the coloured photos and the network that knows them, unless told otherwise."""

    def request(**flags):
        usual = {"photos": [str(folder)], "out": tmp_path / "out", "backbone": BACKBONE, "weights": str(tiny), "device": "cpu"}
        return evaluate.make(**{**usual, "dictionary": "kmeans,pca", "concepts": "3", **flags})

    return request


def numbers(found) -> list[dict]:
    """The rows of every table, but for the seconds."""
    tables = report.tables(found)
    return [{k: v for k, v in row.items() if not k.startswith("seconds")} for name in tables for row in tables[name]]


@pytest.fixture
def found(ask):
    return evaluate.evaluate(ask(), Silent())


def test_every_cell_is_judged_on_holdout_photos_and_fitted_on_the_others(found) -> None:
    assert [(c.wnid, c.dictionary) for c in found.cells] == [(wnid, d) for wnid in COLOURS for d in ("kmeans", "pca")]
    assert {(c.judged_on, c.n_fitted, c.n_judged) for c in found.cells} == {("holdout", FIT, HELD)}
    assert not found.failed
    assert not found.skipped


def test_what_is_known_of_a_method_is_found_again(found) -> None:
    kmeans, pca = report.tables(found)["dictionaries"]
    assert kmeans["sparsity_mean"] == pytest.approx(2 / 3)  # one code of three
    assert kmeans["hoyer_mean"] == pytest.approx(1.0)
    assert pca["sparsity_mean"] == 0
    assert pca["relative_l2_fit_mean"] < kmeans["relative_l2_fit_mean"]  # pca is the best of its rank


def test_the_theorem_holds_in_the_tables(found) -> None:
    rows = {row["estimator"]: row for row in report.tables(found)["estimators"] if row["dictionary"] == "kmeans"}
    for name in EXACT[1:]:
        assert all(rows[name][f"{m}_mean"] == pytest.approx(rows[EXACT[0]][f"{m}_mean"]) for m in FAITHFULNESS)
    assert all(row["c_deletion_mean"] >= rows[EXACT[0]]["c_deletion_mean"] - 1e-9 for row in rows.values())
    assert all(row["c_insertion_mean"] <= rows[EXACT[0]]["c_insertion_mean"] + 1e-9 for row in rows.values())
    assert rows["random"]["c_deletion_mean"] == pytest.approx(0.5, abs=0.1)


def test_estimators_that_are_the_same_agree(found) -> None:
    for row in report.tables(found)["agreement"]:
        if {row["first"], row["second"]} <= set(EXACT):
            assert row["spearman_mean"] == pytest.approx(1.0)
    assert len(report.tables(found)["agreement"]) == 2 * 8 * 7 / 2


def test_a_dictionary_as_large_as_its_data_is_perfect_on_the_fit_but_not_on_holdout_photos(ask) -> None:
    found = evaluate.evaluate(ask(dictionary="pca", concepts=str(FIT * CROPS - 1), classes="n01440764"), Silent())
    measures = found.cells[0].measures
    assert measures["relative_l2_fit"] < 0.001
    assert measures["relative_l2"] > 4 * measures["relative_l2_fit"]


def test_explained_by_hand_is_the_share_of_the_logit_above_its_bias_that_is_no_residual(ask, folder, tiny) -> None:
    context, subject = looked(backbone.load(BACKBONE, weights=str(tiny), device="cpu"), ask, folder, "kmeans")
    cell = measure(context, subject, ("saliency",), digest="")
    weight, bias = context.backbone.class_head(0)
    A = subject.activations.positions
    V = context.fit(subject.activations.crops, 3)
    made = [(codes_of(a, V) @ V.atoms).mean(axis=0) @ weight + bias for a in A]
    logit = [a.mean(axis=0) @ weight + bias for a in A]
    shares = [1 - abs(x - y) / abs(x - bias) for x, y in zip(logit, made, strict=True)]
    assert cell.measures["explained"] == pytest.approx(np.mean(shares[FIT:]), rel=1e-3)
    assert cell.measures["explained_fit"] == pytest.approx(np.mean(shares[:FIT]), rel=1e-3)


def test_explained_compares_a_centred_dictionary_with_the_others(found) -> None:
    kmeans, pca = report.tables(found)["dictionaries"]
    assert abs(1 - pca["explained_fit_mean"]) < abs(1 - kmeans["explained_fit_mean"]) + 0.1


def test_holdout_photos_do_not_touch_the_fit(ask, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "fit", tmp_path / "other" / "fit")
    some = {"dictionary": "kmeans", "classes": "n01440764"}
    with_holdout = evaluate.evaluate(ask(**some), Silent()).cells[0]
    without = evaluate.evaluate(ask(**some, photos=[str(tmp_path / "other")], out=tmp_path / "b"), Silent()).cells[0]
    assert (with_holdout.judged_on, without.judged_on, without.n_judged) == ("holdout", "all", FIT)
    own = [name for name in MEASURES if name.endswith("_fit") or name == "stability"]
    assert {n: without.measures[n] for n in own} == pytest.approx({n: with_holdout.measures[n] for n in own})
    assert without.measures["relative_l2"] == without.measures["relative_l2_fit"]


def test_photos_that_are_not_recognised_are_not_fitted(ask, folder: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(folder, mixed)
    for i in range(3):
        draw(mixed / "fit" / "n01440764" / f"green {i}.png", COLOURS["n02102040"], 900 + i)
    cell = evaluate.evaluate(ask(photos=[str(mixed)], classes="n01440764", dictionary="kmeans"), Silent()).cells[0]
    assert cell.n_fitted == FIT


def test_mean_and_spread_by_hand() -> None:
    assert summary.spread("x", [1.0, None, 2.0, 3.0]) == {"x_mean": 2.0, "x_spread": 1.0, "x_classes": 3}
    assert summary.spread("x", [4.0, None]) == {"x_mean": 4.0, "x_spread": None, "x_classes": 1}
    assert summary.spread("x", [None]) == {"x_mean": None, "x_spread": None, "x_classes": 0}


def test_csv_json_and_the_cells_say_the_same(found) -> None:
    report.save(found)
    out = found.request.config.out
    record = json.loads((out / "evaluation.json").read_text())
    for name in ("dictionaries", "estimators", "agreement"):
        with (out / f"{name}.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert rows == [{k: "" if v is None else str(v) for k, v in row.items()} for row in record[name]]
    row = record["dictionaries"][0]
    values = [c["measures"]["fid"] for c in record["cells"] if c["dictionary"] == row["dictionary"]]
    assert (row["fid_mean"], row["fid_spread"]) == pytest.approx((statistics.mean(values), statistics.stdev(values)))


def test_the_record_says_where_the_numbers_come_from(found) -> None:
    report.save(found)
    record = json.loads((found.request.config.out / "evaluation.json").read_text())
    assert (record["n_classes"], record["n_photos_fitted"], record["n_photos_judged"]) == (3, 3 * FIT, 3 * HELD)
    assert record["backbone"]["name"] == BACKBONE
    assert record["settings"]["crop_size"] == 96
    assert record["libraries"]["torch"]
    assert re.fullmatch("[0-9a-f]{16}", record["digest"])
    assert record["seed"] == 0


def stop_after(monkeypatch: pytest.MonkeyPatch, count: int) -> list[str]:
    """Interrupt the measuring after so many cells; return the list of those measured."""
    done: list[str] = []

    def interrupted(context, subject, estimators, *, digest):
        if len(done) == count:
            raise KeyboardInterrupt
        done.append(digest)
        return measure(context, subject, estimators, digest=digest)

    monkeypatch.setattr(run, "measure", interrupted)
    return done


def test_an_interrupted_evaluation_resumes_with_what_is_missing_and_ends_the_same(ask, monkeypatch, tmp_path) -> None:
    whole = evaluate.evaluate(ask(out=tmp_path / "whole"), Silent())
    first = stop_after(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        evaluate.evaluate(ask(), Silent())
    second = stop_after(monkeypatch, 99)
    resumed = evaluate.evaluate(ask(), Silent())
    assert (len(first), len(second), resumed.unchanged) == (3, 3, 3)
    assert not set(first) & set(second)
    assert numbers(resumed) == numbers(whole)


def test_a_finished_evaluation_does_not_look_at_photos_again(ask, monkeypatch) -> None:
    first = evaluate.evaluate(ask(), Silent())
    monkeypatch.setattr(run, "look", None)
    again = evaluate.evaluate(ask(), Silent())
    assert again.cells == first.cells
    assert again.unchanged == len(first.cells)


def test_fewer_estimators_are_taken_from_what_is_there_and_more_are_measured(ask, monkeypatch) -> None:
    evaluate.evaluate(ask(importance_="saliency,sobol"), Silent())
    done = stop_after(monkeypatch, 99)
    fewer = evaluate.evaluate(ask(importance_="sobol"), Silent())
    assert not done
    assert [row["estimator"] for row in report.tables(fewer)["estimators"]] == ["sobol", "random"] * 2
    assert not report.tables(fewer)["agreement"]
    evaluate.evaluate(ask(importance_="sobol,hsic"), Silent())
    assert len(done) == 6


@pytest.mark.parametrize("change", [{"seed": 1}, {"crop_input": 96}])
def test_other_settings_are_measured_anew(ask, monkeypatch, change) -> None:
    some = {"classes": "n01440764", "dictionary": "kmeans"}
    evaluate.evaluate(ask(**some), Silent())
    done = stop_after(monkeypatch, 99)
    evaluate.evaluate(ask(**some, **change), Silent())
    assert len(done) == 1


def test_a_cell_that_cannot_be_read_is_measured_again(ask) -> None:
    some = {"classes": "n01440764", "dictionary": "kmeans"}
    first = evaluate.evaluate(ask(**some), Silent())
    (path,) = (first.request.config.out / "cells").iterdir()
    path.write_text(path.read_text()[:100])
    again = evaluate.evaluate(ask(**some), Silent())
    assert again.unchanged == 0
    assert numbers(again) == numbers(first)


@pytest.fixture
def uneven(folder: Path, tmp_path: Path) -> Path:
    """One class with a single photo, and one whose photos show something else."""
    root = tmp_path / "uneven"
    shutil.copytree(folder, root)
    for split in ("fit", "holdout"):
        for path in sorted((root / split / "n02102040").iterdir())[0 if split == "holdout" else 1 :]:
            path.unlink()
        for path in (root / split / "n02979186").iterdir():
            draw(path, COLOURS["n01440764"], int(path.stem))
    return root


def test_too_many_concepts_for_a_class_say_so_and_the_others_go_on(ask, uneven: Path) -> None:
    found = evaluate.evaluate(ask(photos=[str(uneven)], concepts="3,5"), Silent())
    assert set(found.failed) == {
        "n02102040 (English springer), kmeans, 5 concepts",
        "n02102040 (English springer), pca, 5 concepts",
        "n02979186 (cassette player)",
    }
    assert "pca cannot find 5 concepts in 4 patches" in found.failed["n02102040 (English springer), pca, 5 concepts"]
    assert "the backbone recognises none of these" in found.failed["n02979186 (cassette player)"]
    rows = {(row["concepts"], row["dictionary"]): row for row in report.tables(found)["dictionaries"]}
    assert (rows[3, "pca"]["classes"], rows[3, "pca"]["failed"]) == (2, 1)
    assert (rows[5, "pca"]["classes"], rows[5, "pca"]["failed"]) == (1, 2)


def test_one_photo_is_judged_on_itself_and_marked(ask, uneven: Path) -> None:
    found = evaluate.evaluate(ask(photos=[str(uneven)], classes="n02102040", dictionary="kmeans"), Silent())
    (cell,) = found.cells
    assert (cell.judged_on, cell.n_fitted, cell.n_judged) == ("all", 1, 1)
    assert cell.measures["stability"] is None
    assert cell.measures["ood"] is None
    text = shown(found)
    assert "judged on 1 photos" in text
    assert "Without holdout photos, so judged on all, those of the fit among them: n02102040 (English springer)." in text


def shown(found) -> str:
    stream = io.StringIO()
    report.show(found, Console(file=stream, width=200))
    return stream.getvalue()


def test_the_tables_in_a_terminal(found) -> None:
    text = shown(found)
    assert "mean ± standard deviation over 3 classes, judged on 12 holdout photos" in text
    assert "0.67 ± 0.00" in text  # sparsity of kmeans
    assert text.count("random") == 2
    without = sum(cell.left_out for cell in found.cells if cell.dictionary == "kmeans")
    assert f"{without} of 12" in text
    assert "6 measured, 0 unchanged, 0 failed" in text


def test_curves_that_speak_for_few_photos_are_in_brackets(found) -> None:
    few = tuple(dataclasses.replace(cell, left_out=HELD - 1) for cell in found.cells)
    text = shown(dataclasses.replace(found, cells=few))
    assert "9 of 12" in text
    assert re.search(r"gradient_input +│ \(", text)
    most = tuple(dataclasses.replace(cell, left_out=1) for cell in found.cells)
    assert not re.search(r"gradient_input +│ \(", shown(dataclasses.replace(found, cells=most)))


def test_nothing_measured_prints_no_empty_table(ask, uneven: Path) -> None:
    text = shown(evaluate.evaluate(ask(photos=[str(uneven)], classes="n02979186"), Silent()))
    assert "Dictionaries" not in text
    assert "n02979186 (cassette player): of its 14 photos 14 can be read and 10 of them are of the fit split" in text


def test_progress_is_told_and_ends_at_what_was_expected(ask) -> None:
    stream = io.StringIO()
    evaluate.evaluate(ask(), Lines(stream))
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert records[0] | {"seconds": 0} == {
        "event": "begin",
        "seconds": 0,
        "classes": 3,
        "images": 3 * ((FIT + HELD) * (1 + CROPS) + 2 * run.CELL_IMAGES),
    }
    assert [r["stage"] for r in records if r["event"] == "stage"] == [
        *("activations", "kmeans, 3 concepts", "pca, 3 concepts") * 3
    ]
    assert records[-1]["images"] == records[0]["images"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"dictionary": "nmf,ica"}, "--dictionary knows no 'ica': give all, or some of kmeans, pca, nmf, semi_nmf, sae"),
        ({"importance_": "lime"}, "--importance knows no 'lime': give all, or some of gradient_input, integrated_gradients, "),
        ({"concepts": "10,x"}, r"--concepts takes whole numbers from 1 on, separated by commas \(10,25\), found '10,x'"),
        ({"concepts": "0"}, "--concepts takes whole numbers from 1 on"),
        ({"photos": []}, "An evaluation needs --photos"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(ask, flags, words) -> None:
    with pytest.raises(AtlasError, match=words):
        ask(**flags)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"classes": "n1"}, "'n1' is not one of the 1000 ImageNet classes"),
        ({"classes": "n07920052"}, r"There are no photos of n07920052 \(espresso\) in coloured: there are some of n01440764, "),
        ({"photos": ["/nowhere"]}, "/nowhere is not a folder"),
    ],
)
def test_input_that_is_not_there_is_refused_in_words(ask, flags, words) -> None:
    with pytest.raises(AtlasError, match=words):
        evaluate.evaluate(ask(**flags), Silent())


def test_an_out_that_is_something_else_is_refused(ask, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AtlasError, match="file is a file: --out names the folder"):
        evaluate.evaluate(ask(out=tmp_path / "file"), Silent())
    (tmp_path / "atlas").mkdir()
    (tmp_path / "atlas" / "manifest.json").write_text("{}")
    with pytest.raises(AtlasError, match="atlas is an atlas: choose another --out"):
        evaluate.evaluate(ask(out=tmp_path / "atlas"), Silent())


def test_the_names_all_and_a_name_twice(ask) -> None:
    request = ask(dictionary="all", importance_="sobol, sobol", concepts="25,10,25")
    assert request.dictionaries == ("kmeans", "pca", "nmf", "semi_nmf", "sae")
    assert (request.estimators, request.concepts) == (("sobol",), (25, 10))
    assert [(c.concepts, c.dictionary) for c in request.configs][4:6] == [(25, "sae"), (10, "kmeans")]


def looked(net: backbone.Backbone, ask, folder: Path, dictionary: str) -> tuple[BuildContext, Subject]:
    """One class as a network sees it, whether it recognises the photos or not."""
    config = ask(dictionary=dictionary).configs[0]
    context = BuildContext(config, net, spectrum.load(), Silent(), 1)
    tench = ImageNetClass(class_index=0, wnid="n01440764", name="tench")
    chosen = photos.index([str(folder)]).photos[tench.wnid]
    acts = activations.of_class(context.extractor, context.decoder(), chosen, class_index=0, least=10**6)
    held = [p for p in chosen if p.split == "holdout"]
    crops, *_ = activations.of_all(context.extractor, context.decoder()(held), n_photos=len(held))
    return context, Subject(tench, acts, crops, {})


@pytest.mark.parametrize("dictionary", ["kmeans", "pca"])
def test_a_head_that_is_sampled_gets_the_numbers_of_its_closed_form(ask, folder, tiny, dictionary) -> None:
    net = backbone.load(BACKBONE, weights=str(tiny), device="cpu")
    sampled = copy.copy(net)
    sampled.linear_head = None
    names = ("gradient_input", "integrated_gradients", "occlusion", "saliency", "smoothgrad", "rise")
    exact, other = (measure(*looked(n, ask, folder, dictionary), names, digest="") for n in (net, sampled))
    assert other.left_out == exact.left_out
    assert other.measures | {"seconds": 0} == pytest.approx(exact.measures | {"seconds": 0}, rel=1e-3, abs=1e-4)
    for name in ("gradient_input", "integrated_gradients", "occlusion", "rise"):  # the others see positions, not their mean
        assert other.estimators[name] == pytest.approx(exact.estimators[name], rel=1e-3, abs=1e-3)


def test_a_network_with_a_norm_in_its_head_is_evaluated_too(ask, folder) -> None:
    net = backbone.load("test_convnext", weights="random", device="cpu")
    assert net.linear_head is None
    cell = measure(*looked(net, ask, folder, "semi_nmf"), ("occlusion", "saliency"), digest="")
    occlusion, chance = cell.estimators["occlusion"], cell.estimators["random"]
    assert occlusion["c_mu_fidelity"] > 0.5 > chance["c_mu_fidelity"] + 0.2
    assert cell.measures["explained_fit"] <= 1


def test_nmf_refuses_negative_activations_in_words(ask, folder) -> None:
    net = backbone.load("test_convnext", weights="random", device="cpu")
    with pytest.raises(AtlasError, match="NMF needs non-negative activations"):
        measure(*looked(net, ask, folder, "nmf"), ("saliency",), digest="")


def test_a_network_with_tokens_beside_the_patches_is_evaluated_too(ask, folder) -> None:
    net = backbone.load("test_vit2", weights="random", device="cpu")
    assert net.has_class_token
    context, subject = looked(net, ask, folder, "kmeans")
    cell = measure(context, subject, ("occlusion", "saliency"), digest="")
    assert cell.measures["relative_l2"] < 1
    assert cell.n_asked == cell.n_judged == HELD
    assert cell.estimators["occlusion"]["c_mu_fidelity"] > 0.5 > cell.estimators["random"]["c_mu_fidelity"] + 0.2
    many = dataclasses.replace(subject, activations=repeated(subject.activations, 5))
    assert measure(context, many, ("saliency",), digest="").n_asked == 8 < 5 * HELD


def repeated(acts: activations.ClassActivations, times: int) -> activations.ClassActivations:
    """The same photos again and again."""
    arrays = {name: np.tile(getattr(acts, name), (times, *(1,) * (getattr(acts, name).ndim - 1))) for name in PHOTO_ARRAYS}
    return dataclasses.replace(acts, photos=acts.photos * times, geometry=acts.geometry * times, **arrays)


def test_a_method_that_does_not_apply_is_refused_once_and_the_others_are_measured(ask, folder) -> None:
    some = {"backbone": "test_convnext", "weights": "random", "classes": "n01440764,n02102040", "concepts": "2,3"}
    with pytest.raises(AtlasError, match=r"NMF needs non-negative activations.*--dictionary semi_nmf"):
        evaluate.evaluate(ask(**some, dictionary="nmf"), Silent())
    found = evaluate.evaluate(ask(**some, dictionary="nmf,kmeans"), Silent())
    assert "semi_nmf" in found.failed.pop("nmf")
    assert not any("nmf" in failure for failure in found.failed.values())


def arguments(ask, **flags) -> list[object]:
    config = ask(**flags).config
    usual = ["--out", config.out, "--backbone", BACKBONE, "--weights", config.weights, "--device", "cpu"]
    return ["evaluate", "--photos", config.photos[0], *usual, "--concepts", 3]


def test_the_command_prints_tables_and_writes_them(command_line, ask) -> None:
    ended = command_line.run(*arguments(ask), "--dictionary", "kmeans", "--importance", "sobol,hsic")
    assert ended.status == 0, ended.err
    assert "Dictionaries: mean ± standard deviation over 3 classes, judged on 12 holdout photos" in ended.out
    assert "Rank agreement with sobol" in ended.out
    out = ask().config.out
    assert {p.name for p in out.iterdir()} == {"cells", "dictionaries.csv", "estimators.csv", "agreement.csv", "evaluation.json"}


def test_the_command_in_json_and_with_failures(command_line, ask, uneven) -> None:
    ended = command_line.run(*arguments(ask, photos=[str(uneven)]), "--dictionary", "kmeans", "--json")
    assert ended.status == 3
    records = [json.loads(line) for line in ended.out.splitlines()]
    assert (records[0]["event"], records[-1]["event"]) == ("begin", "tables")
    assert records[-1]["dictionaries"][0]["classes"] == 2
    assert list(records[-1]["failed"]) == ["n02979186 (cassette player)"]


def test_a_photo_that_cannot_be_used_is_named_also_when_nothing_is_left_to_do(command_line, ask, folder, tmp_path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "fit" / "n01440764" / "zz.png").write_bytes(b"no picture")
    for _ in range(2):
        ended = command_line.run(*arguments(ask, photos=[str(broken)]), "--dictionary", "kmeans")
        assert ended.status == 3
        assert "photo broken/fit/n01440764/zz.png: not an image" in ended.out


def test_wrong_use_is_one_line(command_line, ask) -> None:
    ended = command_line.run(*arguments(ask), "--dictionary", "ica")
    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("precompute: --dictionary knows no 'ica'")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 130)])
def test_a_command_that_is_stopped_resumes(command_line, ask, number, status) -> None:
    line = [*arguments(ask), "--dictionary", "kmeans,pca,nmf,semi_nmf", "--concepts", "2,3,4", "--importance", "sobol"]
    running = command_line.start(*line)
    cells = ask().config.out / "cells"
    while not (cells.exists() and any(p.suffix == ".json" for p in cells.iterdir())):
        time.sleep(0.01)
    running.signal(number)
    assert running.end().status == status
    kept = {p.name: p.stat().st_mtime_ns for p in cells.glob("*.json")}
    assert 1 <= len(kept) < 36
    assert not (cells.parent / "evaluation.json").exists()
    ended = command_line.run(*line)
    assert ended.status == 0, ended.err
    assert f"{36 - len(kept)} measured, {len(kept)} unchanged" in ended.out
    assert {name: (cells / name).stat().st_mtime_ns for name in kept} == kept
