"""Limits that a user sets for a sketch; knows errors alone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral

from edgealgos.errors import written


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for a whole sketch; None leaves the board's own limit.

    Parameters
    ----------
    flash_bytes, ram_bytes : int or None
        Flash of the sketch; RAM as variables plus deepest stack.
    cycles : int or None
        Clock cycles of one prediction (sequence models: of a whole sequence). Trees that vote stop once the answer is
        decided where they take longer without that; then it limits the mean over the rows of ``X_calibration=``.

    Raises
    ------
    ValueError
        If a limit is no whole number, or negative.

    Examples
    --------
    >>> from edgealgos import Budget
    >>> Budget(ram_bytes=1024, cycles=20_000)
    Budget(flash_bytes=None, ram_bytes=1024, cycles=20000)
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    cycles: int | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None:
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 0:
                raise ValueError(
                    f"Budget({item.name}={written(value)}): a limit is a whole number from 0, or None for none"
                )
            object.__setattr__(self, item.name, int(value))
