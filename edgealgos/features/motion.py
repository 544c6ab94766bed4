"""MotionFeatures: statistics of a sliding window over the axes of a motion sensor, a transformer and a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from ..codegen.lowering.join import RAW, raw_encoding
from ..codegen.ops.motion import STATISTICS, Decimate, SlideWindow, WindowStatistics, sizes
from ..codegen.program.op import Op
from ..codegen.program.program import Program
from ..codegen.program.qtype import QType
from ..codegen.program.tensor import Space, Tensor
from ..codegen.program.verify import verify
from ..estimators.params import NONE, Constraint, Options, integer, positive
from .base import FeatureExtractor, check_raw

MOST_FRAMES = 255  # so that sums of bytes have 16 bits
WITHIN_RANGE = 0.999  # share of the training frames that a byte shall hold without saturating
_REACH = 127.5  # of a byte, from its centre


@dataclass(frozen=True)
class StatisticKinds:
    """Constraint of the parameter `statistics`: some of the known kinds, each once."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is a valid choice."""
        known = isinstance(value, (tuple, list)) and all(kind in STATISTICS for kind in value)
        return known and len(value) > 0 and len(set(value)) == len(value)

    def __str__(self) -> str:
        return f"a tuple of some of {', '.join(map(repr, STATISTICS))}, each once"


class MotionFeatures(FeatureExtractor):
    """Statistics of a sliding window over the axes of a motion sensor.

    The device sums every `decimate` samples to a frame, centres it, shifts it into a byte and keeps a window of frames.
    Histograms, sums and squares follow each frame; the rest is computed when an answer is asked for. There is no
    division and no floating point, and `transform` computes the same integers.

    Parameters
    ----------
    rate : int
        Samples a second, for people; no computation depends on it.
    window : int or None
        Samples in the window, a multiple of `decimate`, at most 255 times as many. None: a whole sample of the training
        data.
    hop : int or None
        Samples between two answers of a stream, a multiple of `decimate`; see :meth:`windows`. None: five frames.
    decimate : int
        Samples that make a frame.
    statistics : tuple of str
        What is computed of each axis, in this order:

        - ``"histogram"``: frames in each of `bins` equal parts of the range;
        - ``"runs"``: length and first frame of the longest run above the threshold, and of that below;
        - ``"mean"``: sums of `segments` equal parts of the window, the oldest first;
        - ``"spread"``: the standard deviation times the number of frames;
        - ``"energy"``: the sum of squares;
        - ``"crossings"``: how often the signal goes from above the threshold to below, or back.
    bins : {2, 4, 8, 16, 32}
        Parts of the range in a histogram.
    threshold : int
        Of runs and crossings, to both sides of the centre, in 128ths of the range.
    segments : int
        Parts of the window of which there are means.

    Attributes
    ----------
    centre_ : int32 ndarray, shape (n_axes,)
        What is added to the sum of `decimate` samples: minus their median, and a half for rounding.
    shift_ : int8 ndarray, shape (n_axes,)
        Bits that the sum is then shifted by.
    window_ : int
        Samples in the window.
    n_steps_, step_size_ : int
        Samples and axes of the training data.

    Notes
    -----
    Features as in GesturePod (Patil et al., UIST 2019) and in activity recognition; here in less than half a kilobyte
    for six axes.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.features import MotionFeatures
    >>> X = np.random.default_rng(0).integers(-8192, 8192, (10, 80, 3)).astype(np.int16)  # 0.8 s of three axes
    >>> features = MotionFeatures(statistics=("mean", "spread"), segments=2).fit(X)
    >>> features.transform(X).shape
    (10, 9)
    >>> features.get_feature_names_out()[6:].tolist()
    ['spread_axis0', 'spread_axis1', 'spread_axis2']
    """

    _scaling: ClassVar[str] = "multiply by what the sensor counts (accelerations in g of an MPU6050 at 2 g: by 16384)"
    _declared: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        "rate": (positive(),),
        "window": (integer(1), NONE),
        "hop": (integer(1), NONE),
        "decimate": (integer(1, 256),),
        "statistics": (StatisticKinds(),),
        "bins": (Options((2, 4, 8, 16, 32)),),
        "threshold": (integer(1, 127),),
        "segments": (integer(1, MOST_FRAMES),),
    }
    centre_: NDArray[np.int32]
    shift_: NDArray[np.int8]
    window_: int

    def __init__(
        self,
        *,
        rate: float = 100,
        window: int | None = None,
        hop: int | None = None,
        decimate: int = 4,
        statistics: tuple[str, ...] = ("mean", "spread"),
        bins: int = 8,
        threshold: int = 32,
        segments: int = 4,
    ) -> None:
        self.rate = rate
        self.window = window
        self.hop = hop
        self.decimate = decimate
        self.statistics = statistics
        self.bins = bins
        self.threshold = threshold
        self.segments = segments

    def _learn(self, raw: NDArray[np.int64]) -> None:
        """Centre and range of each axis."""
        frames = self._frame_sums(raw).reshape(-1, self.step_size_)
        middle = np.rint(np.median(frames, axis=0)).astype(np.int64)
        reach = np.quantile(np.abs(frames - middle), WITHIN_RANGE, axis=0)
        shift = np.ceil(np.log2(np.maximum(reach / _REACH, 1))).astype(np.int64)
        self.shift_ = shift.astype(np.int8)
        self.centre_ = ((1 << shift >> 1) - middle).astype(np.int32)

    def _frame_sums(self, raw: NDArray[np.int64]) -> NDArray[np.int64]:
        whole = raw.shape[1] // self.decimate * self.decimate
        return raw[:, :whole].reshape(len(raw), -1, self.decimate, raw.shape[2]).sum(axis=2)

    def _step_size(self, shape: tuple[int, ...]) -> int:
        if len(shape) != 3:
            raise ValueError(f"X has shape {shape}; raw samples of a motion sensor are (n, n_steps, n_axes)")
        return shape[2]

    def _check_length(self) -> None:
        steps, decimate = self.n_steps_, self.decimate
        self.window_ = steps // decimate * decimate if self.window is None else self.window
        if not 0 < self.window_ <= steps:
            raise ValueError(f"a window of {self.window or decimate} samples is longer than the {steps} samples of X")
        if self.window_ % decimate or self._hop % decimate:
            raise ValueError(
                f"window={self.window} and hop={self.hop} must be multiples of decimate={decimate}, such as "
                f"{self.window_ // decimate * decimate} and {max(1, self._hop // decimate) * decimate}"
            )
        if self._frames > MOST_FRAMES:
            raise ValueError(
                f"a window of {self._frames} frames is too long, {MOST_FRAMES} are the most; give a larger decimate or "
                "a shorter window"
            )
        if self.segments > self._frames:
            raise ValueError(f"segments={self.segments} is more than the {self._frames} frames of the window")

    @property
    def _hop(self) -> int:
        return 5 * self.decimate if self.hop is None else self.hop

    @property
    def _frames(self) -> int:
        return self.window_ // self.decimate

    def windows(self, stream: ArrayLike) -> NDArray[np.int16]:
        """The windows on which the device answers while a stream goes by, one after every `hop` samples.

        Parameters
        ----------
        stream : array-like of integers of 16 bits, shape (n_steps, n_axes)

        Returns
        -------
        int16 ndarray, shape (n_answers, window, n_axes)
            A view; the last sample of window i is sample ``window + i * hop - 1`` of the stream.
        """
        length = self.window_ if hasattr(self, "window_") else self.window
        if length is None:
            raise ValueError("give window=..., or fit first: without either there is no length of a window")
        samples = check_raw(np.asarray(stream)[None], self._scaling)[0].astype(np.int16)
        if len(samples) < length:
            return np.zeros((0, length, samples.shape[1]), np.int16)
        return np.lib.stride_tricks.sliding_window_view(samples, length, axis=0)[:: self._hop].swapaxes(1, 2)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the features, such as ``mean_axis2_part0``."""
        check_is_fitted(self)
        axes = range(self.step_size_)
        runs = ("above", "above_start", "below", "below_start")
        names = {
            "histogram": [f"histogram_axis{a}_bin{b}" for a in axes for b in range(self.bins)],
            "runs": [f"run_{kind}_axis{a}" for kind in runs for a in axes],
            "mean": [f"mean_axis{a}_part{s}" for s in range(self.segments) for a in axes],
        }
        chosen = [names.get(kind, [f"{kind}_axis{a}" for a in axes]) for kind in self.statistics]
        return np.array([name for kind in chosen for name in kind], dtype=object)

    def to_program(self) -> Program:
        """The integer program of the device, of task ``"features"``."""
        axes, frames, kinds = self.step_size_, self._frames, set(self.statistics)
        count_type = QType(8 if frames < 128 else 16, 0)
        state = {
            "window_sums": Tensor("window_sums", (axes,), Space.STATE, RAW, doc="sums of the window"),
            "window_squares": Tensor("window_squares", (axes,), Space.STATE, QType(32, 0), doc="sums of squares"),
            "histogram": Tensor("histogram", (axes, self.bins), Space.STATE, count_type, doc="frames in each bin"),
        }
        sums = "window_sums" if "spread" in kinds else None
        squares = "window_squares" if kinds & {"spread", "energy"} else None
        counts = "histogram" if "histogram" in kinds else None
        size = sum(sizes(axes, self.bins, self.segments)[kind] for kind in self.statistics)
        tensors = (
            Tensor("raw", (axes,), Space.INPUT, RAW, doc="one sample of all axes"),
            Tensor("frame_centre", (axes,), Space.FLASH, QType(32, 0), self.centre_, doc="added to sums of samples"),
            Tensor("frame_shift", (axes,), Space.FLASH, QType(8, 0), self.shift_, doc="bits that they are shifted by"),
            Tensor("sample_sums", (axes,), Space.STATE, QType(32, 0), doc="samples of the next frame"),
            Tensor("phase", (1,), Space.STATE, RAW, doc="how many they are"),
            Tensor("frame", (axes,), Space.SCRATCH, QType(8, 0), doc="a frame"),
            Tensor("window", (frames, axes), Space.STATE, QType(8, 0), doc="ring of frames"),
            Tensor("oldest", (1,), Space.STATE, RAW, doc="the oldest of them"),
            *(state[name] for name in (sums, squares, counts) if name is not None),
            Tensor("statistics", (size,), Space.OUTPUT, RAW, doc="statistics of the window"),
        )
        push: tuple[Op, ...] = (
            Decimate("frame", "raw", "sample_sums", "phase", "frame_centre", "frame_shift", self.decimate),
            SlideWindow("window", "frame", "oldest", sums, squares, counts),
        )
        of_window = WindowStatistics(
            "statistics", "window", "oldest", sums, squares, counts, tuple(self.statistics), self.threshold,
            self.segments,
        )  # fmt: skip
        functions = {"push": push, "predict": (of_window,)}
        family = type(self).__name__
        return verify(
            Program(tensors, functions, raw_encoding(), "features", steps=self.n_steps_, family=family,
                    rate=float(self.rate), hop=self._hop)
        )  # fmt: skip
