"""Log-mel energies of sound: parameters in terms of the field, and the program that computes them.

Knows programs and number types, nothing of models, boards or C++.
"""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..codegen.lowering.join import RAW, raw_encoding
from ..codegen.ops.sound import Frame, LogBands, NormalizeBands, PowerSpectrum, exponent_offset
from ..codegen.program.op import Op
from ..codegen.program.program import Program
from ..codegen.program.qtype import QType
from ..codegen.program.tensor import Space, Tensor
from ..codegen.program.verify import verify
from ..estimators.params import NONE, Constraint, Interval, integer, positive
from .base import FeatureExtractor

SMALLEST_WINDOW, LARGEST_WINDOW = 16, 512  # samples: powers, sums of a band and counters of the kernels stay in range
LARGEST_FLOOR = 2**22  # of a bin: so many in each bin of the largest window still leave room for the signal
MOST_SHIFTS = 15
SLOWEST = 12  # 2**12 hops


class LogMel(FeatureExtractor):
    """Logarithms of the energy in mel bands, frame by frame, in integers: what the device computes, hop by hop.

    A frame of `window` samples, taken every `hop` samples, is weighted by a Hann window and transformed; the power
    spectrum is summed in triangular bands of unit height, equally spaced on the mel scale; 256 are a factor of two.
    A stream gives its first frame when it has `window` samples, and where `hop` does not divide `window`, with the hop
    that completes it.

    Parameters
    ----------
    sample_rate : int, default=8000
        Samples a second.
    window : int, default=256
        Samples of a frame: even, 16 to 512. The transform has the next power of two.
    hop : int, default=128
        Samples from frame to frame, at most `window`. One push of the device.
    n_mels : int, default=20
        Bands.
    f_min : float, default=100.0
        Hertz at which the first band begins.
    f_max : float or None, default=None
        Hertz at which the last band ends; None: half the sample rate.
    pre_emphasis : float, default=0.97
        Share of the previous sample that is taken off each sample, rounded to 256ths; 0: none.
    noise_floor : float, default=30.0
        Root mean square of the white noise whose power is added to each bin, so that silence is not minus infinity and
        what is quieter than the room makes no difference.
    normalization : float, default=0.0
        Per-channel energy normalisation: exponent of the slow level that each band's energy is divided by, so that the
        distance of the speaker and steady noise make less difference; 0: none, 1: all of it, rounded to 256ths.
    time_constant : float, default=0.5
        Seconds in which that level follows, rounded to a power of two in hops.

    Attributes
    ----------
    n_steps_ : int
        Hops in a sample of the training data.
    n_features_in_ : int
        Samples in it.

    References
    ----------
    Y. Wang et al. Trainable frontend for robust and far-field keyword spotting. ICASSP 2017 (eq. 1, with the logarithm
    as compression).

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.features import LogMel
    >>> waves = np.random.default_rng(0).integers(-2000, 2000, size=(3, 8000))
    >>> LogMel().fit_transform(waves).shape
    (3, 61, 20)
    """

    _scaling: ClassVar[str] = "multiply a wave in -1..1 by 32767"
    _declared: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        "sample_rate": (integer(1),),
        "window": (integer(SMALLEST_WINDOW, LARGEST_WINDOW),),
        "hop": (integer(1, LARGEST_WINDOW),),
        "n_mels": (integer(1, 127),),
        "f_min": (Interval(Real, 0, None),),
        "f_max": (positive(), NONE),
        "pre_emphasis": (Interval(Real, 0, 255 / 256),),
        "noise_floor": (Interval(Real, 0, 4000),),
        "normalization": (Interval(Real, 0, 1),),
        "time_constant": (positive(),),
    }

    def __init__(
        self, *, sample_rate=8000, window=256, hop=128, n_mels=20, f_min=100.0, f_max=None, pre_emphasis=0.97,
        noise_floor=30.0, normalization=0.0, time_constant=0.5,
    ):  # fmt: skip
        self.sample_rate = sample_rate
        self.window = window
        self.hop = hop
        self.n_mels = n_mels
        self.f_min = f_min
        self.f_max = f_max
        self.pre_emphasis = pre_emphasis
        self.noise_floor = noise_floor
        self.normalization = normalization
        self.time_constant = time_constant

    def _step_size(self, shape: tuple[int, ...]) -> int:
        """The hop; waves are rows of samples, or rows of hops."""
        if len(shape) == 3 and shape[2] not in (1, self.hop):
            raise ValueError(f"X has shape {shape}; waves are (n, n_samples), one channel")
        return int(self.hop)

    def _check_length(self) -> None:
        self._bands()
        if self.window % 2 or self.hop > self.window:
            raise ValueError(f"window={self.window} must be even and no shorter than hop={self.hop}")
        if self.n_steps_ * self.hop < self.window:
            raise ValueError(
                f"waves of {self.n_features_in_} samples have no frame of window={self.window}; take longer ones"
            )

    @property
    def _size(self) -> int:
        """Samples that are transformed."""
        return 1 << (int(self.window) - 1).bit_length()

    def to_program(self) -> Program:
        """``push`` takes one hop and makes a frame of features."""
        window, points = self._window(), self._size // 2
        floors, most = self._floors(float(np.square(np.concatenate([window, window[-2:0:-1]])).sum()))
        edges, weights = self._bands()
        angles = 2 * np.pi * np.arange(points // 2) / self._size
        turns = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        word, wide = QType(16, 0), QType(32, 0)
        one = 2**15 - 1
        tensors = (
            Tensor("samples", (self.hop,), Space.INPUT, RAW, doc="one hop"),
            _table("hann", np.rint(window * one), word, "first half of the window"),
            _table("twiddles", np.rint(turns * one), word, "cosine and sine of a quarter of a turn"),
            _table("floors", floors, wide, "noise floor of a bin, by exponent"),
            _table("mel_edges", edges, word, "bins where bands begin and end"),
            _table("mel_weights", weights, QType(8, 0), "of bins in the band that rises there, 128ths"),
            Tensor("history", (2 + self.window - self.hop,), Space.STATE, word,
                      doc="last sample, hops so far, samples that the next frame begins with"),
            Tensor("frame", (2 * points + 2,), Space.SCRATCH, word, doc="mantissas and exponent"),
            Tensor("power", (points + 1,), Space.SCRATCH, wide, doc="power spectrum and exponent"),
            Tensor("mel", (self.n_mels,), Space.OUTPUT, word, doc="logarithms of band energies"),
        )  # fmt: skip
        levels, normalized = self._normalized()
        logarithms = "bands" if levels else "mel"
        push = (
            Frame("frame", source="samples", history="history", window="hann",
                     emphasis=round(256 * self.pre_emphasis), most=most),
            PowerSpectrum("power", source="frame", twiddles="twiddles", floors="floors"),
            LogBands(logarithms, source="power", edges="mel_edges", weights="mel_weights"),
            *normalized,
        )  # fmt: skip
        return verify(
            Program(tensors + levels, {"push": push, "predict": ()}, raw_encoding(), "features", steps=self.n_steps_,
                       family="LogMel", rate=float(self.sample_rate))
        )  # fmt: skip

    def _normalized(self) -> tuple[tuple[Tensor, ...], tuple[Op, ...]]:
        """What normalises the bands, if anything."""
        share = round(256 * self.normalization)
        if not share:
            return (), ()
        hops = self.time_constant * self.sample_rate / self.hop
        slowness = min(max(round(np.log2(hops)), 0), SLOWEST)
        levels = (
            Tensor("bands", (self.n_mels,), Space.SCRATCH, QType(16, 0), doc="logarithms of band energies"),
            Tensor("band_levels", (self.n_mels + 1,), Space.STATE, QType(32, 0), doc="their slow levels"),
        )
        return levels, (NormalizeBands("mel", "bands", "band_levels", share, slowness),)

    def _window(self) -> NDArray[np.float64]:
        """First half of a Hann window and its middle; it begins anew after `window` samples."""
        half: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window // 2 + 1) / self.window)
        return half

    def _floors(self, window_energy: float) -> tuple[NDArray[np.float64], int]:
        """Floor of a bin for each exponent, and the largest exponent that leaves room for it."""
        unit = exponent_offset(self._size // 2) // 256
        floors = self.noise_floor**2 * window_energy * 2.0 ** (2 * np.arange(MOST_SHIFTS + 1) - unit)
        most = int(np.flatnonzero(floors <= LARGEST_FLOOR).max(initial=0))
        return np.rint(floors).clip(1, LARGEST_FLOOR), most

    def _bands(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """First bin of each rise, and of each bin its weight where a band rises, in 128ths."""
        f_max = self.sample_rate / 2 if self.f_max is None else self.f_max
        if not self.f_min < f_max <= self.sample_rate / 2:
            raise ValueError(
                f"bands from f_min={self.f_min:g} to f_max={f_max:g} Hz do not fit in 0 to {self.sample_rate / 2:g} Hz"
            )
        corners = _hertz(np.linspace(_mel(self.f_min), _mel(f_max), self.n_mels + 2)) * self._size / self.sample_rate
        edges = np.ceil(corners)
        bins = np.arange(edges[0], edges[-1])
        rise = np.searchsorted(corners, bins, side="right") - 1
        share = (bins - corners[rise]) / (corners[rise + 1] - corners[rise])
        weights = np.rint(128 * share).clip(0, 127)
        energy = [weights[rise == b].sum() + (128 - weights[rise == b + 1]).sum() for b in range(self.n_mels)]
        if min(energy) < 1:
            raise ValueError(
                f"n_mels={self.n_mels} is too many for window={self.window}: band {int(np.argmin(energy))} has no bin; "
                "take fewer bands, a longer window or a higher f_min"
            )
        return edges, weights


def _table(name: str, values: NDArray[np.float64], qtype: QType, doc: str) -> Tensor:
    return Tensor(name, values.shape, Space.FLASH, qtype, values, doc=doc)


def _mel(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    mel: NDArray[np.float64] = 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)
    return mel


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    hertz: NDArray[np.float64] = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return hertz
