"""Faults at each call of the file system in turn: what Python's own audit events see, an exception can be raised at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVENTS = frozenset(
    """open os.chmod os.link os.listdir os.mkdir os.remove os.rename os.rmdir os.scandir os.symlink os.truncate os.utime
    shutil.copyfile shutil.copymode shutil.copytree shutil.move shutil.rmtree fcntl.flock""".split()  # noqa: SIM905
)
_hook: Callable[[], None] | None = None


def _audit(event: str, args: tuple[object, ...]) -> None:
    if _hook is not None and event in _EVENTS and not (event == "open" and str(args[0]).endswith((".py", ".pyc"))):
        _hook()


sys.addaudithook(_audit)


@contextmanager
def _watching(hook: Callable[[], None]) -> Iterator[None]:
    global _hook
    _hook = hook
    try:
        yield
    finally:
        _hook = None


def file_system_calls(action: Callable[[], object]) -> int:
    """How many calls of the file system an action makes."""
    count = 0

    def hook() -> None:
        nonlocal count
        count += 1

    with _watching(hook):
        action()
    return count


@contextmanager
def interrupted_at(n: int, fault: BaseException, *, lasting: bool = False) -> Iterator[None]:
    """Raise a fault at the n-th call of the file system (from 0), and at all that follow if it is lasting."""
    seen = -1

    def hook() -> None:
        nonlocal seen
        seen += 1
        if seen == n or (lasting and seen > n):
            raise fault

    with _watching(hook):
        yield
