"""The Python twin of a program on its board: what it answers and what it needs; builds and runs nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UnsupportedModelError
from .cost.report import Report, predict_report
from .lowering.pipeline import check_samples
from .program.interpret import count_saturated, encode, run_integer, run_stream
from .program.program import Program
from .program.qtype import Ints
from .program.scores import PROBABILITY_BITS, REJECTED, decide_if_sure, probabilities
from .targets.boards import Board


class Twin:
    """Answers what the board answers, bit for bit, and tells what it will need.

    Attributes
    ----------
    program : Program
        The integer program.
    board : Board
        What it was compiled for.
    real : Program or None
        The float program that it was made of, where that is at hand.
    """

    def __init__(self, program: Program, board: Board, real: Program | None = None) -> None:
        self.program = program
        self.board = board
        self.real = real

    @property
    def input_dtype(self) -> np.dtype[np.signedinteger]:
        """Type of a device input: int8 or int16."""
        return self.program.input.type.dtype

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """Names of the columns that the model was fitted on, where they had names."""
        if not self.program.feature_names:
            raise AttributeError("the model was fitted on rows without names of columns")
        return np.array(self.program.feature_names, dtype=object)

    @cached_property
    def classes(self) -> NDArray[Any]:
        """Labels by class index; a classifier's."""
        labels = np.asarray(self.program.labels)
        if labels.tolist() == list(self.program.labels):
            return labels
        labels = np.empty(len(self.program.labels), dtype=object)  # arrays of text drop zeros at the end
        labels[:] = self.program.labels
        return labels

    @cached_property
    def report(self) -> Report:
        """Predicted flash, RAM, model bytes and cycles, each by item."""
        return replace(predict_report(self.program, self.board), subject=self)

    def quantize(self, X: ArrayLike) -> NDArray[np.signedinteger]:
        """Device inputs of raw samples, as the exported ``quantize()`` makes them.

        Parameters
        ----------
        X : array-like, shape (n, n_features) or (n, n_steps, n_features)
            Raw features; values outside the calibrated range saturate. A table whose columns have other names than
            those of `fit`, or another order, is refused.
        """
        return encode(self.program, self._checked(X))

    def saturated(self, X: ArrayLike) -> int:
        """Number of values of X outside the calibrated range."""
        return count_saturated(self.program, self._checked(X))

    def scores(self, X: ArrayLike) -> Ints:
        """Raw integer scores of raw samples, bit for bit the device's; shape (n, n_outputs)."""
        return run_integer(self.program, self.quantize(X))

    def stream(self, X: ArrayLike) -> Ints:
        """Raw integer scores after each step of a sequence model, as the device has them hop by hop.

        Parameters
        ----------
        X : array-like, shape (n, n_samples) or (n, n_steps, n_features)
            Streams of any length; each begins with ``reset()``.

        Returns
        -------
        int64 array, shape (n, n_steps, n_outputs)

        Raises
        ------
        UnsupportedModelError
            If the model takes no sequences.
        """
        if self.program.steps is None:
            raise UnsupportedModelError(f"{self.program.family} takes whole samples; sequence models stream")
        return run_stream(self.program, self.quantize(X))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """How likely the device holds each class to be: exactly its integers / 256, shape (n, n_classes).

        Raises
        ------
        UnsupportedModelError
            Of a regressor.
        """
        if self.program.task != "classifier":
            raise UnsupportedModelError(f"{self.program.family} predicts numbers; probabilities are for classifiers")
        shares = probabilities(self.scores(X), self.program.link, self.program.output.type.frac)
        return np.ldexp(shares.astype(np.float64), -PROBABILITY_BITS)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The device's answers for raw samples: class labels, or real numbers of a regressor."""
        return self._answers(self.scores(X))

    def told(self, X: ArrayLike) -> Ints:
        """What the exported ``predict()`` says of raw samples: class indices, or ``predict_raw()`` of a regressor."""
        return self._numbers(self.scores(X))

    def _numbers(self, scores: Ints) -> Ints:
        program = self.program
        if program.task == "classifier":
            return decide_if_sure(scores, program.link, program.output.type.frac, program.least_share)
        return scores[:, 0]

    def _answers(self, scores: Ints) -> NDArray[Any]:
        numbers = self._numbers(scores)
        if self.program.task == "classifier":
            return self._named(numbers)
        return self.program.output.type.dequantize(numbers)

    def _named(self, indices: Ints) -> NDArray[Any]:
        """Labels of class indices, where there is a class."""
        rejected = indices == REJECTED
        if not rejected.any():
            return self.classes[indices]
        stand_in, classes = self.program.label_when_rejected, self.classes
        told = np.asarray([stand_in])
        if stand_in is None or told.dtype.kind != classes.dtype.kind:
            classes, told = classes.astype(object), np.array([stand_in], dtype=object)
        found: NDArray[Any] = np.where(rejected, told, classes[np.where(rejected, 0, indices)])
        return found

    def _checked(self, X: ArrayLike) -> NDArray[np.float64]:
        return check_samples(self.program, X)
