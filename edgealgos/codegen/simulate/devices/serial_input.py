"""Sends bytes to the serial port of the simulated Uno."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .device import read_counts, write_settings


@dataclass(frozen=True)
class SerialInputReport:
    """What was sent.

    Parameters
    ----------
    sent : int
        Bytes that went out.
    held_back : int
        Byte times for which the sender had to wait because the sketch did not read: a real one would not have waited.
    """

    sent: int
    held_back: int


@dataclass(frozen=True)
class SerialInput:
    """Messages for the serial port, sent at the rate that the sketch has set.

    Parameters
    ----------
    messages : sequence of (float, bytes or str)
        Simulated second and what to send then, or when the messages before it are through; line ends are the caller's.

    Examples
    --------
    >>> from edgealgos.codegen.simulate import SerialInput
    >>> SerialInput([(0.5, "1,2,3\\n"), (1.0, "4,5,6\\n")]).messages[1][0]  # seconds
    1.0
    """

    messages: Sequence[tuple[float, bytes | str]]

    kind = "serial_input"

    def prepare(self, folder: Path, clock_hz: int) -> None:
        """Write what the C half reads."""
        encoded = [(second, text.encode() if isinstance(text, str) else text) for second, text in self.messages]
        times = [int(second * clock_hz) for second, text in encoded for _ in text]
        write_settings(folder, {})
        (folder / "bytes").write_bytes(b"".join(text for _, text in encoded))
        (folder / "times").write_bytes(np.array(times, dtype="<u8").tobytes())

    def report(self, folder: Path, clock_hz: int) -> SerialInputReport:
        """What was sent."""
        return SerialInputReport(**read_counts(folder))
