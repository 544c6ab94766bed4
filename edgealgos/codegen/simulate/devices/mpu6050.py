"""The accelerometer and gyroscope MPU-6050 on the two-wire bus of the simulated Uno."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .device import SamplesSeen, read_counts, write_settings

_KINDS = ("silent", "unplugged", "stuck", "overflow", "hung")
_AXES = 6
_TICKS_A_SECOND = 8000
_FRACTION = 65536


@dataclass(frozen=True)
class SensorFault:
    """Something that goes wrong for a while.

    Parameters
    ----------
    kind : str
        ``"silent"``: it does not answer; ``"unplugged"``: it does not answer and forgets its settings; ``"stuck"``: it
        repeats the values that it had at the beginning; ``"overflow"``: its FIFO is flooded; ``"hung"``: it holds the
        data line, and nothing can go over the bus until the clock line was pulled low nine times.
    start, end : float
        Simulated seconds.

    Examples
    --------
    >>> from edgealgos.codegen.simulate import SensorFault
    >>> SensorFault("unplugged", start=3.0, end=3.5).end
    3.5
    """

    kind: str
    start: float
    end: float = float("inf")

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; known: {', '.join(_KINDS)}")


@dataclass(frozen=True)
class MPU6050Report(SamplesSeen):
    """What a sketch read from the sensor.

    Parameters
    ----------
    rows : ndarray of int of shape (n_reads,)
        Rows of the stream in the order in which they were read whole, over the FIFO or in one burst of the data
        registers; past the end of the stream their numbers go on.
    samples : ndarray of int of shape (n_reads,)
        The sensor's own count of its samples, for the same reads.
    taken : int
        Samples that the sensor took.
    overflows : int
        How often its FIFO ran over.
    torn : int
        Samples whose first bytes were missing when they were read from the FIFO.
    refused : int
        Times its address was called while it did not answer.
    """

    rows: NDArray[np.int64]
    taken: int
    overflows: int
    torn: int
    refused: int


@dataclass(frozen=True)
class MPU6050:
    """The sensor, moved as a stream says.

    It takes samples at the rate that the sketch sets, each of the row that is current then; the stream begins when the
    sensor is first woken. After its end the last row stays.

    Parameters
    ----------
    stream : array-like of int16 of shape (n_rows, 6)
        Acceleration x, y, z and rotation x, y, z as the sensor gives them, whatever ranges the sketch sets.
    rate : float
        Rows a second.
    faults : sequence of SensorFault
        What goes wrong.
    address : int
        ``0x68``, or ``0x69`` with pin AD0 high.
    clock_error : float
        How much faster its clock runs than it should: 0.01 is one percent, as much as the data sheet allows.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.codegen.simulate import MPU6050, SensorFault
    >>> still = np.tile(np.array([0, 0, 8192, 0, 0, 0], np.int16), (100, 1))
    >>> MPU6050(still, rate=100, faults=[SensorFault("stuck", 0.5)]).rate  # for `run_sketch(..., devices=[...])`
    100
    """

    stream: ArrayLike
    rate: float = 100.0
    faults: Sequence[SensorFault] = field(default=())
    address: int = 0x68
    clock_error: float = 0.0

    kind = "mpu6050"

    def prepare(self, folder: Path, clock_hz: int) -> None:
        """Write what the C half reads."""
        stream = np.asarray(self.stream)
        if stream.ndim != 2 or stream.shape[1] != _AXES or stream.dtype != np.int16 or not len(stream):
            raise ValueError(f"a stream is a table of int16 with six columns, not {stream.dtype} of {stream.shape}")
        tick = clock_hz / (_TICKS_A_SECOND * (1 + self.clock_error))
        settings = {
            "address": self.address,
            "cycles_per_row": round(clock_hz / self.rate * _FRACTION),
            "cycles_per_tick": round(tick * _FRACTION),
        }
        write_settings(folder, settings)
        (folder / "rows").write_bytes(stream.astype("<i2").tobytes())
        faults = [[_KINDS.index(f.kind), _cycle(f.start, clock_hz), _cycle(f.end, clock_hz)] for f in self.faults]
        (folder / "faults").write_bytes(np.array(faults, dtype="<i8").tobytes())

    def report(self, folder: Path, clock_hz: int) -> MPU6050Report:
        """What was read."""
        reads = np.fromfile(folder / "reads", dtype="<u4").reshape(-1, 2).astype(np.int64)
        return MPU6050Report(rows=reads[:, 1], samples=reads[:, 0], **read_counts(folder))


def _cycle(seconds: float, clock_hz: int) -> int:
    return int(min(seconds * clock_hz, 2**62))
