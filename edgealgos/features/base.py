"""What every feature extractor shares: validation of raw samples, and features by running its own device program.

Knows programs and the interpreter, nothing of models, boards or C++.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from ..codegen.lowering.join import RAW
from ..codegen.program.interpret import run_features
from ..codegen.program.program import Program
from ..errors import in_plain_words
from ..estimators.params import Constraint, check_parameters


class FeatureExtractor(TransformerMixin, BaseEstimator):
    """Base of the extractors: a subclass says how many values a push takes and writes its program.

    Attributes
    ----------
    n_steps_ : int
        Pushes that make one sample of the training data.
    step_size_ : int
        Values of one push.
    """

    _declared: ClassVar[dict[str, tuple[Constraint, ...]]] = {}
    _scaling: ClassVar[str] = "multiply by what the sensor counts to"
    n_steps_: int
    step_size_: int

    @abstractmethod
    def _step_size(self, shape: tuple[int, ...]) -> int:
        """Values of one push, of raw samples of this shape; ValueError for a shape that cannot be."""

    @abstractmethod
    def to_program(self) -> Program:
        """The integer program of the device, of task ``"features"``; needs `n_steps_` and `step_size_` alone."""

    def fit(self, X: ArrayLike, y: Any = None) -> FeatureExtractor:
        """Learn the shape of the raw samples, and what else the extractor has attributes for.

        Parameters
        ----------
        X : array-like of integers of 16 bits
            Raw samples, as the sensor gives them.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For numbers that are no integers of 16 bits, or samples too short for one window.
        """
        check_parameters(self, self.get_params(deep=False), self._declared)
        raw = check_raw(X, self._scaling)
        self.step_size_ = self._step_size(raw.shape)
        self.n_steps_ = raw[0].size // self.step_size_
        self.n_features_in_ = raw.shape[1]
        self._check_length()
        self._learn(raw)
        return self

    def _check_length(self) -> None:
        """Refuse samples that are too short to give a feature."""

    def _learn(self, raw: NDArray[np.int64]) -> None:
        """Learn more than their shape from raw samples."""

    def transform(self, X: ArrayLike) -> NDArray[np.int16]:
        """Features of raw samples, exactly as the device computes them, each sample from a fresh start.

        Parameters
        ----------
        X : array-like of integers of 16 bits
            Raw samples; values behind the last whole step are left out.
        """
        check_is_fitted(self)
        raw = check_raw(X, self._scaling)
        if self._step_size(raw.shape) != self.step_size_:
            raise ValueError(
                f"X has shape {raw.shape}, {type(self).__name__} was fitted to {self.step_size_} values a step"
            )
        flat = raw.reshape(len(raw), -1)
        whole = flat.shape[1] // self.step_size_ * self.step_size_
        return run_features(self.to_program(), flat[:, :whole]).astype(np.int16)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


@in_plain_words()
def check_raw(X: ArrayLike, scaling: str) -> NDArray[np.int64]:
    """Raw samples as integers, refused where they are none: a wave in -1..1 would become silence.

    Parameters
    ----------
    scaling : str
        What makes such integers of what people have, for the message.
    """
    samples: NDArray[Any] = check_array(X, dtype="numeric", ensure_2d=False, allow_nd=True, input_name="X")
    if samples.ndim not in (2, 3):
        raise ValueError(f"X has shape {samples.shape}; raw samples are (n, n_samples) or (n, n_steps, n_axes)")
    if samples.dtype.kind == "f" and not np.array_equal(samples, np.rint(samples)):
        raise ValueError(f"raw samples are integers as the sensor gives them; {scaling} and round")
    if samples.min() < RAW.low or samples.max() > RAW.high:
        raise ValueError(f"raw samples have 16 bits, {RAW.low}..{RAW.high}; X reaches {np.abs(samples).max():g}")
    integers: NDArray[np.int64] = samples.astype(np.int64)
    return integers
