"""Number types of the device: what a raw integer means, how it is rounded, saturated and stored in flash.

Knows nothing of programs, models or C++. Training, interpreter and kernels all take their rules from here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class QType:
    """A signed fixed-point type: real = raw * 2**-frac.

    Parameters
    ----------
    bits : int
        Width of the raw integer, 2 to 32.
    frac : int
        Fractional bits; negative for numbers larger than the raw range.
    """

    bits: int
    frac: int

    @property
    def low(self) -> int:
        """Smallest raw value."""
        return -(1 << (self.bits - 1))

    @property
    def high(self) -> int:
        """Largest raw value."""
        return (1 << (self.bits - 1)) - 1

    @property
    def step(self) -> float:
        """Real value of one raw unit."""
        return math.ldexp(1.0, -self.frac)

    @property
    def container(self) -> int:
        """Width in bits of the C integer that holds a raw value: 8, 16 or 32."""
        return 8 if self.bits <= 8 else 16 if self.bits <= 16 else 32

    @property
    def dtype(self) -> np.dtype[np.signedinteger]:
        """NumPy dtype of the container."""
        return np.dtype(f"int{self.container}")

    @classmethod
    def covering(cls, largest: float, bits: int) -> QType:
        """Finest type of `bits` bits whose range holds magnitudes up to `largest` (rounded).

        A range of zero gets `frac = bits - 1`.
        """
        if not math.isfinite(largest) or largest < 0:
            raise ValueError(f"a range must be finite and not negative, got {largest}")
        high = (1 << (bits - 1)) - 1
        if largest == 0:
            return cls(bits, bits - 1)
        frac = math.floor(math.log2((high + 0.5) / largest))
        while math.floor(math.ldexp(largest, frac) + 0.5) > high:
            frac -= 1
        return cls(bits, frac)

    def saturate(self, raw: ArrayLike) -> Ints:
        """Clip raw integers to the range of the type."""
        return np.clip(np.asarray(raw, dtype=np.int64), self.low, self.high)

    def quantize(self, real: ArrayLike) -> Ints:
        """Raw integers nearest to `real` (halves go up), saturated."""
        scaled = np.floor(np.ldexp(np.asarray(real, dtype=np.float64), self.frac) + 0.5)
        return np.clip(scaled, self.low, self.high).astype(np.int64)

    def dequantize(self, raw: ArrayLike) -> NDArray[np.float64]:
        """Real values of raw integers."""
        return np.ldexp(np.asarray(raw, dtype=np.float64), -self.frac)

    def rescale(self, raw: ArrayLike, frac: int) -> Ints:
        """Raw integers of at most 32 bits with `frac` fractional bits, brought into this type."""
        return self.saturate(shift_right(raw, max(frac - self.frac, -31)))  # 31 left saturates any but 0 already


def shift_right(raw: ArrayLike, shift: int) -> Ints:
    """`raw * 2**-shift`, halves rounded up; the one rounding rule of the device. A negative shift multiplies."""
    raw = np.asarray(raw, dtype=np.int64)
    if shift <= 0:
        return raw << -shift
    return (raw + (1 << (shift - 1))) >> shift


# Types that the arithmetic fixes for recurrent cells: the state, its byte in products, pre-activation and candidate.
STATE, SMALL_STATE, PREACTIVATION, CANDIDATE = QType(16, 15), QType(8, 7), QType(16, 12), QType(8, 7)
