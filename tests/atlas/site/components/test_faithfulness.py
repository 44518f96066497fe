from __future__ import annotations

import dataclasses
import re

from atlas.format import data_path
from atlas.schema import CLASS_RANKING, RANDOM, RANDOM_PATCHES, ClassRecord, Concept, Curve, ImageNetClass
from atlas.site.class_view import ClassView
from atlas.site.components.faithfulness import faithfulness_panel
from atlas.site.markup import markup

INFO = ImageNetClass(0, "n0", "x")


def panel(view: ClassView) -> str:
    return markup(faithfulness_panel(view))


def test_how_far_estimators_agree_is_what_was_stored_and_on_which_photos() -> None:
    concepts = tuple(Concept(f"n0/{i}", "class", "n0", i, float(i), estimators={"sobol": 1.0, "rise": 2.0}) for i in range(3))
    record = ClassRecord(INFO, "full", n_photos=350, n_holdout=50, agreement=0.876)
    said = "2 ways of measuring agree (rank correlation 0.88), on 50 unseen photos."
    assert said in panel(ClassView("a", record, concepts))


def test_nothing_measured_shows_nothing() -> None:
    concepts = tuple(Concept(f"n0/{i}", "class", "n0", i, float(i), estimators={"sobol": float(i)}) for i in range(5))
    assert faithfulness_panel(ClassView("a", ClassRecord(INFO, "full"), concepts)) is None


def test_curves_are_drawn_from_one_corner_to_the_other_with_their_areas() -> None:
    curves = (Curve("contribution", "c_deletion", (1.0, 0.5, 0.0), 0.5), Curve("random", "c_deletion", (1.0, 0.9, 0.0), 0.63))
    text = panel(ClassView("a", ClassRecord(INFO, "full", curves=curves)))
    assert re.findall(r'class="ours" points="([^"]*)"', text) == ["1.0,1.0 120.0,65.0 239.0,129.0"]
    assert "contribution, photo by photo 0.50, a random ranking 0.63" in text
    assert "C-Insertion</h3>" not in text


def test_every_kind_of_curve_has_its_name_and_a_line_of_its_own() -> None:
    methods = ("contribution", CLASS_RANKING, RANDOM, RANDOM_PATCHES, "sobol")
    curves = tuple(Curve(method, "c_deletion", (1.0, i / 9), i / 9) for i, method in enumerate(methods))
    text = panel(ClassView("a", ClassRecord(INFO, "full", curves=curves)))
    names = re.findall(r'<span class="key-line (\w+)"></span>(.*?)<small>(.*?)</small>', text)
    assert names == [
        ("ours", "contribution, photo by photo", " thick"),
        ("shown", "the ranking shown above", " dash-dotted"),
        ("random", "a random ranking", " dashed"),
        ("patches", "random patches instead of concepts", " dotted"),
        ("rival", "Sobol", ""),
    ]
    sheet = (data_path("assets") / "atlas.css").read_text(encoding="utf-8")
    dashed = [re.findall(rf"\.curves \.{kind} {{.*?stroke-dasharray: ([^;]*);", sheet) for kind in ("shown", "random", "patches")]
    assert [len(found) for found in dashed] == [1, 1, 1]
    assert len({found[0] for found in dashed}) == 3, "no two are dashed alike"


def test_every_measure_that_is_known_stands_in_the_table_beside_chance_and_no_other() -> None:
    record = ClassRecord(INFO, "full", relative_l2=0.31, relative_l2_random=0.58, sparsity=0.36, explained_holdout=0.84)
    text = panel(ClassView("a", record))
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td></tr>', text)
    assert rows == [
        ("reconstruction error, crops", "0.31", "0.58"),
        ("sparsity", "0.36", ""),
        ("explained, unseen photos", "84\u202f%", "–"),
    ]
    assert "C-μFidelity</th>" not in text
    assert "C-μFidelity</th><td>0.70</td><td>0.01</td>" in panel(
        ClassView("a", dataclasses.replace(record, c_mu_fidelity=0.7, c_mu_fidelity_random=0.01))
    )
