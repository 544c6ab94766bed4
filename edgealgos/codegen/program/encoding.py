"""How a raw feature becomes a device input: one affine map, rounded and saturated; knows nothing of models.

The map is shared by training, interpreter and the exported ``quantize()``; all three compute it in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .qtype import QType

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
FLOAT_BITS = 24  # that a 32-bit float holds of a number
COARSEST = 2.0**-10  # of the range of inputs, by which rounding raw values to floats may move one


@dataclass(frozen=True, eq=False, slots=True)
class InputEncoding:
    """``q = clip(floor((x - offset) * scale + 1/2), low, high)``; the model sees ``q * 2**-frac``.

    Parameters
    ----------
    offset : float64 array, shape (1,) or (n_features,)
        Kept as far as two 32-bit floats hold it, one where that is exact enough.
    scale : float32 array of the same shape
        One pair for all features, or one pair a feature.
    low, high : int
        Range of the device inputs, calibrated on the training data.
    qtype : QType
        Container (8 or 16 bits) and fractional bits of the device input.
    """

    offset: Doubles
    scale: Floats
    low: int
    high: int
    qtype: QType

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", np.asarray(self.scale).astype(np.float32))
        offset = np.asarray(self.offset, dtype=np.float64)
        object.__setattr__(self, "offset", offset.astype(np.float32).astype(np.float64))
        if self.wide:
            object.__setattr__(self, "offset", self.offset + (offset - self.offset).astype(np.float32))

    @property
    def uniform(self) -> bool:
        """Whether all features share one offset and one scale."""
        return self.scale.size == 1

    @property
    def wide(self) -> bool:
        """Whether a raw value near an offset needs more than the 24 bits of one float: it then comes as two."""
        return bool(self.far.any())

    @property
    def far(self) -> NDArray[np.bool_]:
        """Which pairs are so far from zero."""
        found: NDArray[np.bool_] = np.abs(self.offset) * self.scale > np.ldexp(COARSEST, FLOAT_BITS + self.qtype.bits)
        return found

    @property
    def table_bytes(self) -> int:
        """Bytes of the offsets and scales in flash: none where one pair serves all features."""
        return 0 if self.uniform else 4 * self.scale.size * (3 if self.wide else 2)

    def encode(self, X: NDArray[np.floating]) -> NDArray[np.signedinteger]:
        """Device inputs of raw features, last axis = features; NaN is not allowed here."""
        return np.clip(self._scaled(X), self.low, self.high).astype(self.qtype.dtype)

    def decode(self, q: NDArray[np.signedinteger]) -> Doubles:
        """Raw features that :meth:`encode` maps to these device inputs."""
        return q / self.scale.astype(np.float64) + self.offset

    def within(self, X: NDArray[np.floating]) -> Doubles:
        """Raw features, those beyond the calibrated range at its ends: what device inputs can say."""
        raw = np.asarray(X, dtype=np.float64)
        return np.clip(raw, *(self.decode(np.array([end])) for end in (self.low, self.high)))

    def saturated(self, X: NDArray[np.floating]) -> int:
        """Number of values outside the calibrated range (they saturate)."""
        return int(np.count_nonzero(self.saturates(X)))

    def saturates(self, X: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which values lie outside the calibrated range."""
        scaled = self._scaled(X)
        return (scaled < self.low) | (scaled > self.high)

    def real(self, X: NDArray[np.floating]) -> Doubles:
        """What a model without rounding sees: the affine map in float64."""
        scaled = (np.asarray(X, dtype=np.float64) - self.offset) * self.scale.astype(np.float64)
        return np.ldexp(scaled, -self.qtype.frac)

    def _scaled(self, X: NDArray[np.floating]) -> Floats:
        with np.errstate(over="ignore"):  # beyond float32 is beyond the range: it saturates
            value, offset = np.asarray(X).astype(np.float32), self.offset.astype(np.float32)
            distance = value - offset
            if self.wide:  # what one float leaves out of either
                rest = np.asarray(X, dtype=np.float64) - np.where(np.isfinite(value), value, 0.0).astype(np.float64)
                distance = distance + (rest.astype(np.float32) - (self.offset - offset).astype(np.float32))
            scaled: Floats = np.floor(distance * self.scale + np.float32(0.5))
        return scaled
