"""How a raw feature becomes a device input: one affine map, rounded and saturated; knows nothing of models.

The map is shared by training, interpreter and the exported ``quantize()``; all three compute it in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .qtype import QType

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class InputEncoding:
    """``q = clip(floor((x - offset) * scale + 1/2), low, high)``; the model sees ``q * 2**-frac``.

    Parameters
    ----------
    offset, scale : float32 array, shape (1,) or (n_features,)
        One pair for all features, or one pair a feature.
    low, high : int
        Range of the device inputs, calibrated on the training data.
    qtype : QType
        Container (8 or 16 bits) and fractional bits of the device input.
    """

    offset: Floats
    scale: Floats
    low: int
    high: int
    qtype: QType

    @property
    def uniform(self) -> bool:
        """Whether all features share one offset and one scale."""
        return self.scale.size == 1

    def encode(self, X: NDArray[np.floating]) -> NDArray[np.signedinteger]:
        """Device inputs of raw features, last axis = features; NaN is not allowed here."""
        return np.clip(self._scaled(X), self.low, self.high).astype(self.qtype.dtype)

    def decode(self, q: NDArray[np.signedinteger]) -> NDArray[np.float64]:
        """Raw features that :meth:`encode` maps to these device inputs."""
        return q / self.scale.astype(np.float64) + self.offset

    def saturated(self, X: NDArray[np.floating]) -> int:
        """Number of values outside the calibrated range (they saturate)."""
        scaled = self._scaled(X)
        return int(np.count_nonzero((scaled < self.low) | (scaled > self.high)))

    def real(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """What a model without rounding sees: the affine map in float64."""
        offset, scale = self.offset.astype(np.float64), self.scale.astype(np.float64)
        return np.ldexp((np.asarray(X, dtype=np.float64) - offset) * scale, -self.qtype.frac)

    def _scaled(self, X: NDArray[np.floating]) -> Floats:
        with np.errstate(over="ignore"):  # beyond float32 is beyond the range: it saturates
            scaled: Floats = np.floor((np.asarray(X).astype(np.float32) - self.offset) * self.scale + np.float32(0.5))
        return scaled


def choose_encoding(X: NDArray[np.floating], bits: int = 8) -> InputEncoding:
    """Encoding that suits training data.

    Integers that span fewer than ``2**bits`` values are kept exactly (integer offset, scale 1), one pair for all
    features that are of one kind. Other data get one pair where the features' spreads are comparable, else one pair a
    feature, which standardises them.

    Parameters
    ----------
    X : array, shape (..., n_features)
        Finite raw features.
    bits : int
        8 or 16.
    """
    rows = np.asarray(X, dtype=np.float64).reshape(-1, np.shape(X)[-1])
    low, high = rows.min(axis=0), rows.max(axis=0)
    if _comparable(rows):
        return _uniform_encoding(rows, float(low.min()), float(high.max()), bits)
    return _per_feature_encoding(rows, low, high, bits)


def _comparable(rows: NDArray[np.float64]) -> bool:
    """Whether one scale serves all features: most of them use at least half of the common range, as pixels do."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    spans = (high - low)[high > low]
    if spans.size == 0:
        return True
    shared = float(high.max() - low.min())
    return bool(np.mean(spans >= 0.5 * shared) >= 0.6)


def _uniform_encoding(rows: NDArray[np.float64], low: float, high: float, bits: int) -> InputEncoding:
    limit = (1 << (bits - 1)) - 1
    span = high - low
    if span == 0:
        return _encoding(np.array([low]), np.array([1.0]), 0, 0, bits, 0)
    if span <= 2 * limit + 1 and np.array_equal(rows, np.rint(rows)):
        offset = float(np.ceil((low + high) / 2))
        spread = max(float(np.std(rows)), 2.0**-20)
        return _encoding(
            np.array([offset]),
            np.array([1.0]),
            int(low - offset),
            int(high - offset),
            bits,
            int(np.rint(np.log2(spread))),
        )
    offset, scale = (low + high) / 2, 2 * limit / span
    spread = float(np.std(rows)) * scale
    return _encoding(np.array([offset]), np.array([scale]), -limit, limit, bits, int(np.rint(np.log2(spread))))


def _per_feature_encoding(
    rows: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], bits: int
) -> InputEncoding:
    """Centre on the mean, four standard deviations (or the whole range, if less) at the ends of the device range."""
    limit = (1 << (bits - 1)) - 1
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    frac = bits - 3
    scale = np.ldexp(1.0, frac) / spread
    reach = np.rint(np.maximum((high - mean) * scale, (mean - low) * scale).max())
    bound = int(min(limit, max(reach, 1)))
    return _encoding(mean, scale, -bound, bound, bits, frac)


def _encoding(
    offset: NDArray[np.float64], scale: NDArray[np.float64], low: int, high: int, bits: int, frac: int
) -> InputEncoding:
    return InputEncoding(offset.astype(np.float32), scale.astype(np.float32), low, high, QType(bits, frac))
