"""How long training may take: set by whoever searches, asked by whatever trains; knows nothing of either."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_END: ContextVar[float | None] = ContextVar("end of training", default=None)
_HARD: ContextVar[bool] = ContextVar("whether training breaks off there", default=True)


class OutOfTime(Exception):
    """Training has taken longer than it may."""


@contextmanager
def within(seconds: float | None, hard: bool = True) -> Iterator[None]:
    """What trains in here raises :class:`OutOfTime` after so many seconds of wall clock; None: no limit.

    Where the limit is not hard, what chooses by trial ends early, and the training itself is brought to its end.
    """
    end, broken_off = _END.set(None if seconds is None else time.monotonic() + seconds), _HARD.set(hard)
    try:
        yield
    finally:
        _END.reset(end)
        _HARD.reset(broken_off)


def check_time() -> None:
    """Raise :class:`OutOfTime` where the time is over."""
    if _HARD.get() and time_left() < 0:
        raise OutOfTime("training has taken longer than it may")


def time_left() -> float:
    """Seconds that are left; infinite without a limit."""
    end = _END.get()
    return float("inf") if end is None else end - time.monotonic()
