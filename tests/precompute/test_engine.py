import pytest

from atlas.schema import AtlasError, ClassRecord, ImageNetClass, Result
from precompute.engine import ENGINES


def _task(wnid: str) -> Result:
    if wnid == "odd":
        raise ZeroDivisionError("no photo has any pixels")
    if wnid == "poor":
        raise AtlasError("too few photos")
    return Result(ClassRecord(ImageNetClass(0, wnid, wnid), "none"), digest="d")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_class_that_fails_is_named_and_the_others_go_on(engine):
    found = dict(ENGINES[engine].run(lambda: _task, ["a", "odd", "poor", "b"]))
    assert isinstance(found["a"], Result)
    assert isinstance(found["b"], Result)
    assert str(found["odd"]) == "ZeroDivisionError: no photo has any pixels"
    assert str(found["poor"]) == "too few photos"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupt_is_not_swallowed(engine):
    def interrupted(wnid: str) -> Result:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(ENGINES[engine].run(lambda: interrupted, ["a"]))
