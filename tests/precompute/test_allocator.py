import resource
import sys

import pytest
import torch

from precompute.allocator import reusing_memory


def _faults_of(repeats: int) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(repeats):
        block = torch.ones(10 * 2**20)  # 40 MB: beyond any threshold of glibc's own
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_memory_is_asked_of_the_system_once_inside_and_given_back_after():
    outside = _faults_of(4)
    with reusing_memory():
        _faults_of(12)  # until there are gaps of the right size
        inside = _faults_of(4)
    assert inside < outside / 10
    assert _faults_of(4) > outside / 2


def test_it_ends_also_after_an_error():
    with pytest.raises(ValueError, match="inside"), reusing_memory():
        raise ValueError("inside")
    assert float(torch.ones(4).sum()) == 4
