"""Faults at each call of the file system in turn: what Python's own audit events see, an exception can be raised at."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVENTS = frozenset(
    """open os.chmod os.link os.listdir os.mkdir os.remove os.rename os.rmdir os.scandir os.symlink os.truncate os.utime
    shutil.copyfile shutil.copymode shutil.copytree shutil.move shutil.rmtree fcntl.flock""".split()  # noqa: SIM905
)
_hook: Callable[[], object] | None = None


def _audit(event: str, args: tuple[object, ...]) -> None:
    if _hook is not None and event in _EVENTS and not (event == "open" and str(args[0]).endswith((".py", ".pyc"))):
        _hook()


sys.addaudithook(_audit)


@contextmanager
def calling(action: Callable[[int], object]) -> Iterator[None]:
    """Do something before each call of the file system, given its number from 0."""
    global _hook
    numbers = itertools.count()
    _hook = lambda: action(next(numbers))  # noqa: E731
    try:
        yield
    finally:
        _hook = None


def file_system_calls(action: Callable[[], object]) -> int:
    """How many calls of the file system an action makes."""
    seen: list[int] = []
    with calling(seen.append):
        action()
    return len(seen)


@contextmanager
def interrupted_at(n: int, fault: BaseException, *, lasting: bool = False) -> Iterator[None]:
    """Raise a fault at the n-th call of the file system (from 0), and at all that follow if it is lasting."""

    def stop(number: int) -> None:
        if number == n or (lasting and number > n):
            raise fault

    with calling(stop):
        yield
