"""How regression targets are scaled for training and fold back into a model's types; plain numbers, no tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codegen.program.qtype import QType

SCORE_BITS = 32
CONSTANT_BITS = 20  # of a constant above the scale of scores that say nothing else


@dataclass(frozen=True)
class TargetScale:
    """Mean and power-of-two scale of regression targets, so that folding them back costs no rounding."""

    mean: Any = 0.0
    factor: float = 1.0
    real: bool = False
    constant: bool = False

    @classmethod
    def of(cls, y: NDArray[Any], weight: NDArray[np.float64], problem: str) -> TargetScale:
        """That of weighted targets; class indices stay as they are."""
        if problem != "regression":
            return cls()
        if not np.ptp(y, axis=0).any():
            largest = float(np.abs(y).max())
            return cls(y[0], 2.0 ** (np.ceil(np.log2(largest)) - CONSTANT_BITS) if largest else 1.0, True, True)
        mean = np.average(y, axis=0, weights=weight)
        spread = float(np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight).mean()))
        return cls(mean, float(2.0 ** np.round(np.log2(spread))) if spread > 0 else 1.0, real=True)

    def applied(self, y: NDArray[Any]) -> NDArray[Any]:
        """Targets as the model learns them."""
        return (np.asarray(y, float) - self.mean) / self.factor if self.real else np.asarray(y)


def excess_fraction(frac: int, largest: float) -> int:
    """Fractional bits to give up so that scores up to `largest` fit the 32-bit accumulator with `frac` of them.

    A mean far from zero costs range: 5,000 with a deviation of 3 needs more whole bits than the model alone.
    """
    return max(0, frac - QType.covering(largest, SCORE_BITS).frac)
