"""How far training is: told by whatever trains, heard by whoever asked for it; knows nothing of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Listener = Callable[[str, dict[str, Any]], None]

_LISTENER: ContextVar[Listener | None] = ContextVar("who hears how far training is", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """What trains in here calls ``listener(what, facts)``: ``"epoch"`` after each, ``"candidate"`` after each trial."""
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def tell(what: str, **facts: Any) -> None:
    """Tell whoever listens, if anybody does."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(what, facts)
