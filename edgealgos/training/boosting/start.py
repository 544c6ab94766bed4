"""What boosting begins with: constants, or a linear model in the integers of the device; no trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...codegen.program.qtype import QType
from ...codegen.storage import cheapest_storage
from ..budget import COLUMN_CYCLES, VALUE_CYCLES
from .columns import Ints
from .linear import Linear, fit_linear
from .losses import Reals, loss_of

SUM_TYPE_BITS, WEIGHT_BITS = 32, 8
COARSEST_BITS, MOST_LOSS = 5, 1.02  # times that of weights of bytes
# Of scores to begin with: bytes are made fast, where they reach far enough; with more, sums with trees still have 16.
NARROW_BITS, WIDE_BITS, FAR_ENOUGH = 8, 12, 15.0
LARGEST_INPUT, WIDE_VALUE_CYCLES = 127, 7.4  # of sums that 16 bits do not hold
SCORE_CYCLES, WIDE_SCORE_CYCLES = 16.0, 45.0  # of a score in straight-line code, beside its weights
BIAS_BYTES = 2  # of a constant; of a linear model four


@dataclass(frozen=True, eq=False)
class Start:
    """Scores to begin with, on the grid of the leaves.

    Parameters
    ----------
    weights : array, shape (outputs, features), or None
        Of a linear model, on the grid of `weight_type`.
    bias : array, shape (outputs,)
    weight_type : QType or None
    x_type : QType
        Number type of the inputs; constants do not ask for it.
    out : QType
        Number type of the scores to begin with.
    """

    weights: Reals | None
    bias: Reals
    weight_type: QType | None
    x_type: QType
    out: QType

    def scores(self, x: Ints) -> Reals:
        """Scores of device inputs, as the device computes them."""
        if self.weights is None or self.weight_type is None:
            return np.tile(self.bias, (len(x), 1))
        raw = self.weight_type.quantize(self.weights)
        sums = x.astype(np.float64) @ raw.T.astype(np.float64) + self.sum_type.quantize(self.bias)
        return self.out.dequantize(self.out.rescale(sums.astype(np.int64), self.sum_type.frac))

    @property
    def _type(self) -> QType:
        assert self.weight_type is not None
        return self.weight_type

    @property
    def sum_type(self) -> QType:
        """Number type of the sums of a linear model."""
        return QType(SUM_TYPE_BITS, self._type.frac + self.x_type.frac)

    @property
    def cycles(self) -> float:
        """What it takes as straight-line code on an Uno, about."""
        if self.weights is None:
            return 0.0
        used, count = np.count_nonzero(self.weights.any(axis=0)), np.count_nonzero(self.weights)
        narrow = _sums_fit(self.weights, self.bias, self._type, self.x_type.frac)
        a_weight = VALUE_CYCLES if narrow else WIDE_VALUE_CYCLES
        a_score = SCORE_CYCLES if narrow and self.out.bits == NARROW_BITS else WIDE_SCORE_CYCLES
        return float(a_weight * count + COLUMN_CYCLES * used + a_score * self.bias.size)

    @property
    def bytes(self) -> int:
        """What flash holds of it, at most."""
        if self.weights is None:
            return BIAS_BYTES * self.bias.size * bool(self.bias.any())
        count = int(np.count_nonzero(self.weights))
        _, size = cheapest_storage(self.weights.shape, count, WEIGHT_BITS, self.x_type.bits)
        words = np.abs(self.sum_type.quantize(self.bias)).max() < 1 << 15
        return size + self.bias.size * (2 if words else 4)


def constant_start(y: Reals, weight: Reals, problem: str, n_outputs: int, leaf_type: QType) -> Start:
    """The constants that fit best, on the grid of the leaves."""
    grid = QType(WIDE_BITS, leaf_type.frac)
    bias = loss_of(problem, n_outputs).bias(y, weight)
    return Start(None, grid.dequantize(grid.quantize(bias)), None, QType(NARROW_BITS, 0), grid)


def linear_start(
    x: Ints, y: Reals, weight: Reals, problem: str, n_outputs: int, x_type: QType, shrinkage: float, most: int,
    leaf_type: QType,
) -> Start:  # fmt: skip
    """A linear model of at most so many weights, rounded to bytes."""
    real, loss = np.ldexp(x.astype(np.float64), -x_type.frac), loss_of(problem, n_outputs)
    fitted = fit_linear(real, y, weight, problem, n_outputs, shrinkage, most)
    narrow = QType(NARROW_BITS, leaf_type.frac)
    out = narrow if narrow.high * narrow.step > FAR_ENOUGH else QType(WIDE_BITS, leaf_type.frac)
    return rounded(fitted, x_type, out, lambda linear: loss.loss(linear.scores(real), y, weight))


def rounded(fitted: Linear, x_type: QType, out: QType, loss: Callable[[Linear], float]) -> Start:
    """A linear model with weights of bytes, coarser ones where sums of 16 bits then hold all products.

    As long as the loss does not suffer: a few large weights would else leave many small ones no levels.
    """
    largest = float(np.abs(fitted.weights).max(initial=0.0))
    bias = fitted.bias - (fitted.bias.mean() if fitted.bias.size > 1 else 0.0)
    kinds = [QType.covering(largest, bits) for bits in range(WEIGHT_BITS, COARSEST_BITS - 1, -1)]
    kind = next((kind for kind in kinds if _sums_fit(fitted.weights, bias, kind, x_type.frac)), kinds[0])
    models = {of: Linear(of.dequantize(of.quantize(fitted.weights)), fitted.bias) for of in (kinds[0], kind)}
    if kind != kinds[0] and loss(models[kind]) > MOST_LOSS * loss(models[kinds[0]]):
        kind = kinds[0]
    sums = QType(SUM_TYPE_BITS, kind.frac + x_type.frac)
    return Start(models[kind].weights, sums.dequantize(sums.quantize(bias)), kind, x_type, out)


def _sums_fit(weights: Reals, bias: Reals, kind: QType, x_frac: int) -> bool:
    """Whether 16 bits hold every sum of products with inputs of bytes."""
    reach = LARGEST_INPUT * np.abs(kind.quantize(weights)).sum(axis=1) + np.abs(np.ldexp(bias, kind.frac + x_frac))
    return bool(reach.max(initial=0.0) < 1 << 15)


__all__ = ["Start", "constant_start", "linear_start", "rounded"]
