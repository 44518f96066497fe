"""Whatever an atlas calls its classes: a file that no gallery has is not written."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.export.own import is_own, unit
from atlas.export.staged import Staged
from atlas.schema import AtlasError


@pytest.mark.parametrize(
    "name",
    [
        *("class/../../mysite/index.html", "class/n02../index.html", "/etc/cron.d/index.html", "pictures/../../x/class.webp"),
        *("class//index.html", "class/n00000001/../../../x/index.html", "data/../x.json", "class/n00000001/-1/index.html"),
        *("class/n0000000١/index.html", "class/n00000001/index.html\0", "class/n00000001/index.html\n", "gallery.json", ""),
        *(".git/config", "class/n00000001/evil.html", "assets/../../x.js", "assets/mine.js", "names/../index.html"),
    ],
)
def test_a_file_that_no_gallery_has_is_not_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    with Staged(tmp_path / "out", tmp_path / "out") as staged:
        with pytest.raises(
            AtlasError, match=r"^The atlas asks for a file '.*', and no gallery has one: run `atlas check` on it\.$"
        ):
            staged.save(name, "spoilt")
        assert staged.files == {}
    assert [path.name for path in tmp_path.rglob("*")] == ["out"]


def test_a_link_in_the_folder_that_is_written_is_not_followed(tmp_path: Path) -> None:
    for folder in ("out", "neighbour"):
        (tmp_path / folder).mkdir()
    (tmp_path / "out" / "data").symlink_to("../neighbour")
    with Staged(tmp_path / "out", tmp_path / "out") as staged, pytest.raises(AtlasError, match="data is a link: nothing is"):
        staged.save("data/map.svg", "spoilt")
    assert list((tmp_path / "neighbour").iterdir()) == []


def test_every_file_of_a_gallery_is_known_by_its_name(gallery: Path, withheld_gallery: Path) -> None:
    units = {"n03445777": 0, "n02123045": 0, "n02012849": 0, "n03126707": 0, "shared": 0, None: 0}
    for root in (gallery, withheld_gallery):
        for path in root.rglob("*"):
            name = path.relative_to(root).as_posix()
            if path.is_file() and name != "gallery.json":
                assert is_own(name), name
                units[unit(name)] += 1
    assert min(units.values()) >= 4
    assert units["shared"] == 2 * (24 + 24 + 24 + 1), "pages, pictures and their twins, exemplars of one"
