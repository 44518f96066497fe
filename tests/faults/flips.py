"""A manifest of which one bit is another."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

from atlas.format import Store, paths
from atlas.schema import AtlasError
from tests.faults.tally import Tally

_LONGEST = 5.0  # seconds to open a small atlas


def flips(atlas: Path, folder: Path, times: int, *, seed: int = 0) -> Tally:
    """Flip single bits of the manifest of an atlas: whoever opens it must be told.

    Args:
        atlas: the folder of an atlas, which stays as it is.
        folder: to work in.
        times: how many bits, one at a time.
        seed: of which.
    """
    root = Path(shutil.copytree(atlas, folder / "flipped"))
    content, chance = (root / paths.MANIFEST).read_bytes(), random.Random(seed)
    passed = otherwise = slow = 0
    for at, bit in [divmod(chance.randrange(8 * len(content)), 8) for _ in range(times)]:
        (root / paths.MANIFEST).write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
        start = time.monotonic()
        try:
            Store(root)
            passed += 1
        except AtlasError:
            pass
        except Exception:
            otherwise += 1
        slow += time.monotonic() - start > _LONGEST
    shutil.rmtree(root)
    wrong = {"passed": passed, "tracebacks": otherwise, f"over {_LONGEST:.0f} s": slow}
    return Tally("single bits of a manifest flipped, the atlas opened", times, wrong)
