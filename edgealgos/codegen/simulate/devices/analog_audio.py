"""Plays a waveform into an analogue pin of the simulated Uno."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .device import SamplesSeen, pin_of, write_settings

_REFERENCE_VOLTS = 5.0
_CODES = 1024
_FULL_SCALE = 32768


@dataclass(frozen=True)
class AnalogAudioReport(SamplesSeen):
    """Conversions of the pin.

    Parameters
    ----------
    samples : ndarray of int of shape (n_conversions,)
        Number of the sample that each conversion held; past the end of the waveform it goes on counting.
    seconds : ndarray of float of shape (n_conversions,)
        When each conversion began.
    """

    seconds: NDArray[np.float64]

    @property
    def conversions(self) -> int:
        """How many there were."""
        return len(self.samples)


@dataclass(frozen=True)
class AnalogAudio:
    """A microphone amplifier at an analogue pin.

    Its voltage follows the waveform in simulated time, sample and hold, and is converted against 5 V (`DEFAULT`, the
    supply). The waveform begins half a sample before the first conversion: a sketch that converts at its rate sees each
    sample once. After its end the last sample stays.

    Parameters
    ----------
    samples : array-like of int16 of shape (n_samples,)
        The waveform.
    rate : float
        Samples a second.
    pin : str
        ``"A0"`` to ``"A5"``.
    offset : float
        Volts that stand for sample 0.
    amplitude : float
        Volts above the offset that stand for sample 32768.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.codegen.simulate import AnalogAudio
    >>> AnalogAudio(np.array([-32768, 0, 32767], np.int16), rate=8000).codes().tolist()
    [0, 512, 1023]
    """

    samples: ArrayLike
    rate: float
    pin: str = "A0"
    offset: float = 2.5
    amplitude: float = 2.5

    kind = "analog_audio"

    def codes(self) -> NDArray[np.uint16]:
        """What an ideal converter reads for each sample, 0 to 1023."""
        samples = np.asarray(self.samples)
        if samples.ndim != 1 or samples.dtype != np.int16 or not len(samples):
            raise ValueError(f"a waveform is a row of int16, not {samples.dtype} of shape {samples.shape}")
        volts = self.offset + samples.astype(np.float64) / _FULL_SCALE * self.amplitude
        codes = np.floor(volts / _REFERENCE_VOLTS * _CODES)
        return np.clip(codes, 0, _CODES - 1).astype(np.uint16)

    def prepare(self, folder: Path, clock_hz: int) -> None:
        """Write what the C half reads."""
        port, channel = pin_of(self.pin)
        if port != "C":
            raise ValueError(f"{self.pin} is no analogue pin; those are A0 to A5")
        write_settings(folder, {"channel": channel, "cycles_per_sample": round(clock_hz / self.rate * 65536)})
        (folder / "codes").write_bytes(self.codes().astype("<u2").tobytes())

    def report(self, folder: Path, clock_hz: int) -> AnalogAudioReport:
        """Conversions of the pin."""
        table = np.fromfile(folder / "conversions", dtype="<u8").reshape(-1, 2)
        return AnalogAudioReport(table[:, 1].astype(np.int64), table[:, 0] / clock_hz)
