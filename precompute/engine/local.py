"""Run classes one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from atlas.schema import AtlasError, Result


def run(make_task: Callable[[], Callable[[str], Result]], wnids: Sequence[str]) -> Iterator[tuple[str, Result | AtlasError]]:
    """Yield every class's result, or the error that kept it from one, in order."""
    task = make_task()
    for wnid in wnids:
        try:
            yield wnid, task(wnid)
        except AtlasError as error:
            yield wnid, error
        except Exception as error:  # one odd class must not end a build of a thousand: it is named, and the build goes on
            yield wnid, AtlasError(f"{type(error).__name__}: {error}")
