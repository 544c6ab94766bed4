"""Powers of two by table, and reciprocals: what kernels compute of 15 fractional bits. Knows tables alone."""

from __future__ import annotations

from math import frexp

import numpy as np

from .qtype import Ints
from .tables import COARSE_EXP2, FINE_EXP2

KERNEL_FRAC = 15  # of a power
STEPS = 8  # fractional bits of an exponent
FAR = 16 << STEPS
_WORD = 0xFFFF


def exponent_scale(rate: float) -> tuple[int, int]:
    """Shift and factor with which :func:`rbf_kernel` makes so many 256ths of a power of two of each distance."""
    shift = int(np.clip(-2 - frexp(rate)[1], -15, 31))  # rate * 2^shift in [1/8, 1/4)
    return shift, int(np.clip(round(np.ldexp(rate, shift + 16)), 1, _WORD))


def rbf_kernel(distance: Ints, shift: int, factor: int) -> Ints:
    """``2**-(distance * rate)`` with 15 fractional bits; `shift` and `factor` say the rate."""
    word = np.minimum(distance >> shift if shift >= 0 else distance << -shift, _WORD)
    steps = word * factor >> 16
    mantissa = COARSE_EXP2[steps >> 4 & 15] * FINE_EXP2[steps & 15] >> 16
    return np.where(steps >= FAR, 0, mantissa >> np.minimum(steps >> STEPS, 15))


def reciprocal(word: Ints) -> Ints:
    """``2^31 / word`` of words with their highest bit set, by two steps of Newton's method from the best line."""
    found = 92521 - (word * 61681 >> 16)
    for _ in range(2):
        found = (found * (0x10000 - (word * found >> 16)) >> 16) * 2
    return found
