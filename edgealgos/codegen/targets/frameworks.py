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
    around : str
        What takes flash and RAM beside the model, as reports name it.
    needs : tuple of str
        Parts of a board's record without which nothing can be built for it.
    """

    name: str
    sketches: bool = False
    hosted: bool = False
    around: str = ""
    needs: tuple[str, ...] = ()


ARDUINO = Framework(
    "Arduino", sketches=True, around="Arduino core and serial loop", needs=("core", "variant", "define")
)
BARE = Framework("bare", around="start-up and example loop")
POSIX = Framework("POSIX", hosted=True, around="loop that reads and answers rows")
