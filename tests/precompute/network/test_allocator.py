import json
import subprocess
import sys

import pytest
import torch

from precompute.network.allocator import reusing_memory

# In a process of its own: how a heap is cut up by earlier work decides where blocks find room.
COUNT = """
import json, resource, torch
from precompute.network.allocator import reusing_memory

def faults(repeats):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(repeats):
        blocks = [torch.ones(megabytes * 2**18) for megabytes in (34, 40, 36, 44, 38)]  # beyond any threshold of glibc's own
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

found = {"outside": faults(5)}
with reusing_memory():
    faults(20)  # until there are gaps of the right sizes
    found["inside"] = faults(5)
found["after"] = faults(5)
print(json.dumps(found))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_memory_is_asked_of_the_system_once_inside_and_given_back_after():
    run = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    faults = json.loads(run.stdout)
    assert faults["inside"] < faults["outside"] / 10
    assert faults["after"] > faults["outside"] / 5


def test_it_ends_also_after_an_error():
    with pytest.raises(ValueError, match="inside"), reusing_memory():
        raise ValueError("inside")
    assert float(torch.ones(4).sum()) == 4
