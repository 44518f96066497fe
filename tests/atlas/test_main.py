from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.format import Store
from atlas.schema import AtlasError
from atlas.server import wsgi


def atlas(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "atlas", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_check_says_whole_or_names_the_file(made_up: Store, tmp_path: Path) -> None:
    whole = atlas("check", str(made_up.root), "--json")
    assert (whole.returncode, json.loads(whole.stdout)["whole"]) == (0, True)
    copy = shutil.copytree(made_up.root, tmp_path / "copy")
    (copy / "pictures/n03445777/class.webp").write_bytes(b"tampered")
    damaged = atlas("check", str(copy))
    assert damaged.returncode == 2
    assert "pictures/n03445777/class.webp: changed" in damaged.stderr


def test_info_counts(made_up: Store) -> None:
    said = json.loads(atlas("info", str(made_up.root), "--json").stdout)
    assert said["coverage"] == {"none": 2, "sample": 1, "full": 1}
    assert (said["concepts"], said["photos"]) == (34, 61)


def test_a_mistake_is_one_line_and_status_2(tmp_path: Path) -> None:
    for command in ("check", "info", "serve"):
        answer = atlas(command, str(tmp_path))
        assert answer.returncode == 2
        assert answer.stderr.count("\n") == 1
        assert "is not an atlas" in answer.stderr


def test_a_port_in_use_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AtlasError, match="choose another --port"):
            wsgi.free("127.0.0.1", taken.getsockname()[1])


def test_serving_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'timm', 'pandas', 'sklearn', 'scipy'}"
    code = f"import sys, atlas.server.wsgi, atlas.__main__; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
