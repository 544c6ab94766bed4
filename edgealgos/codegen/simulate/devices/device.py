"""What the Python half of a device offers, and the files it shares with its C half; knows no device."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Port letter and bit of the Uno's pins, as its board names them.
_PINS = {
    **{f"D{pin}": ("D", pin) for pin in range(8)},
    **{f"D{pin}": ("B", pin - 8) for pin in range(8, 14)},
    **{f"A{pin}": ("C", pin) for pin in range(6)},
}


class Device(Protocol):
    """A device that can be attached to the simulated Uno.

    Its two halves share a folder: `prepare` writes ``settings`` and the input, `report` reads what the C half left.
    """

    @property
    def kind(self) -> str:
        """Name of the C half."""

    def prepare(self, folder: Path, clock_hz: int) -> None:
        """Write what the C half reads."""

    def report(self, folder: Path, clock_hz: int) -> object:
        """What the device saw."""


@dataclass(frozen=True)
class SamplesSeen:
    """Which samples of a stream a sketch saw.

    Parameters
    ----------
    samples : ndarray of int of shape (n,)
        Their numbers, in the order in which they were seen.
    """

    samples: NDArray[np.int64]

    @property
    def lost(self) -> int:
        """Samples between the first and the last one seen that were never seen."""
        return int(np.maximum(np.diff(self.samples) - 1, 0).sum())

    @property
    def twice(self) -> int:
        """How often a sample was seen that had been seen just before."""
        return int((np.diff(self.samples) == 0).sum())


def write_settings(folder: Path, settings: Mapping[str, int]) -> None:
    """Write the settings of a device."""
    (folder / "settings").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))


def read_counts(folder: Path) -> dict[str, int]:
    """Read the counts that the C half left in ``report``."""
    lines = (folder / "report").read_text().splitlines()
    return {key: int(value) for key, value in (line.split() for line in lines)}


def pin_of(name: str | int) -> tuple[str, int]:
    """Port letter and bit of a pin: ``"D13"``, ``13``, ``"A0"``."""
    text = f"D{name}" if re.fullmatch(r"\d+", str(name)) else str(name).upper()
    try:
        return _PINS[text]
    except KeyError:
        raise ValueError(f"the Uno has no pin {name!r}; its pins are D0 to D13 and A0 to A5") from None
