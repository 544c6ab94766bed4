"""Watches an output pin of the simulated Uno, an LED for instance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .device import pin_of, write_settings


@dataclass(frozen=True)
class PinWatchReport:
    """When a pin changed.

    Parameters
    ----------
    changes : list of (float, bool)
        Simulated second and new level of each change; the pin is low at reset.
    """

    changes: list[tuple[float, bool]]

    @property
    def rises(self) -> list[float]:
        """Seconds at which the pin went high."""
        return [second for second, level in self.changes if level]


@dataclass(frozen=True)
class PinWatch:
    """A pin whose changes are written down.

    Parameters
    ----------
    pin : str or int
        ``"D13"`` or ``13`` (the LED of the Uno), ``"A0"``.

    Examples
    --------
    >>> from edgealgos.codegen.simulate import PinWatch
    >>> PinWatch("A0").pin  # for `run_sketch(..., devices=[...])`
    'A0'
    """

    pin: str | int = 13

    kind = "pin_watch"

    def prepare(self, folder: Path, clock_hz: int) -> None:
        """Write what the C half reads."""
        port, bit = pin_of(self.pin)
        write_settings(folder, {"port": ord(port), "bit": bit})

    def report(self, folder: Path, clock_hz: int) -> PinWatchReport:
        """Changes of the pin."""
        lines = (folder / "changes").read_text().splitlines()
        pairs = (line.split() for line in lines)
        return PinWatchReport([(int(cycle) / clock_hz, level == "1") for cycle, level in pairs])
