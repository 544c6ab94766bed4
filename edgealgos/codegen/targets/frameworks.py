"""What programs of a board are built on: Arduino's core, nothing at all, or an operating system; knows no boards."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Framework:
    """What is around an exported model.

    Parameters
    ----------
    name : str
        Name in tables.
    sketches : bool
        Whether a program is a sketch (``setup()``, ``loop()``, ``Serial``) and not plain C++ with a ``main()``.
    hosted : bool
        Whether programs are started, print and end: an operating system is there.
    needs : tuple of str
        Parts of a board's record without which nothing can be built for it.
    """

    name: str
    sketches: bool = False
    hosted: bool = False
    needs: tuple[str, ...] = ()


ARDUINO = Framework("Arduino", sketches=True, needs=("core", "variant", "define"))
BARE = Framework("bare")
POSIX = Framework("POSIX", hosted=True)
