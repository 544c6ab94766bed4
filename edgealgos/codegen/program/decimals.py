"""How a decimal number becomes a device input by integers alone: the encoding for boards on which people type numbers.

``digits * 10**-decimals`` is what `InputEncoding` maps in floating point, here in steps of a power of ten that are far
finer than a device input. The same integers are computed by ``quantize_decimal()`` of an export.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .encoding import InputEncoding

REACH = 22  # bits of the distance from the offset, in steps
FRACTION = 8  # bits of a step by which the offset is finer
FINE = 512  # steps that an input is to have
MOST_DECIMALS = 9
MOST_SCALES = 128  # of features that differ: nobody types more numbers, and each takes 11 bytes of flash
_WORD = 31


@dataclass(frozen=True, slots=True)
class DecimalScale:
    """``q = ((((steps - zero) << 8) - fraction) * multiplier >> 32, rounded) >> shift``, steps being ``10**-decimals``.

    Parameters
    ----------
    zero, fraction : int
        The offset in steps: whole ones, and 256ths.
    multiplier, shift : int
        The scale: ``multiplier * 2**-(32 + shift)`` inputs for a 256th of a step; 0 and 0 for one input a step.
    decimals : int
        Digits behind the point that count.
    """

    zero: int
    fraction: int
    multiplier: int
    shift: int
    decimals: int

    @property
    def whole(self) -> bool:
        """Whether a step is an input, so that nothing is multiplied."""
        return self.shift == 0

    def input_of(self, digits: int, decimals: int) -> int:
        """Device input of ``digits * 10**-decimals``, not saturated yet."""
        for dropped in range(decimals - self.decimals, 0, -1):
            digits = (digits + (5 if dropped == 1 else 0)) // 10
        steps: int = digits * 10 ** max(0, self.decimals - decimals)
        distance: int = max(-(1 << REACH), min(steps - self.zero, 1 << REACH))
        if self.whole:
            return distance
        product: int = ((distance << FRACTION) - self.fraction) * self.multiplier >> 32
        return (product + (1 << (self.shift - 1))) >> self.shift


def decimal_scales(encoding: InputEncoding) -> tuple[DecimalScale, ...] | None:
    """What each feature's numbers are scaled by (one for all where they have one).

    None where 32 bits do not hold the numbers, or where there are more than `MOST_SCALES` of them.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.codegen.program.decimals import decimal_scales
    >>> from edgealgos.codegen.program.encoding import InputEncoding
    >>> from edgealgos.codegen.program.qtype import QType
    >>> encoding = InputEncoding(np.array([5.0]), np.array([40.0]), -127, 127, QType(8, 5))
    >>> (scale,) = decimal_scales(encoding)
    >>> scale.input_of(51, 1), int(encoding.encode(np.array([5.1]))[0])
    (4, 4)
    """
    if encoding.scale.size > MOST_SCALES:
        return None
    found = [
        _scale(float(offset), float(scale), encoding.low, encoding.high)
        for offset, scale in zip(encoding.offset, encoding.scale, strict=True)
    ]
    scales = tuple(scale for scale in found if scale is not None)
    return scales if len(scales) == len(found) else None


def _scale(offset: float, scale: float, low: int, high: int) -> DecimalScale | None:
    if scale == 1 and offset == round(offset) and abs(offset) < 1 << (_WORD - 1):
        return DecimalScale(round(offset), 0, 0, 0, 0)
    reach = (max(abs(low), abs(high)) + 1) / abs(scale) if scale else math.inf
    usable = [n for n in range(MOST_DECIMALS + 1)
              if reach * 10**n < 1 << REACH and abs(offset) * 10**n < (1 << _WORD) - (1 << REACH) - 1]  # fmt: skip
    if not usable:
        return None
    decimals = next((n for n in usable if 10**n >= FINE * abs(scale)), usable[-1])
    step = 2.0**-FRACTION * 10.0**-decimals * scale  # inputs for a 256th of a step
    shift = _WORD - 33 - math.frexp(step)[1]
    if not 1 <= shift <= 30:
        return None
    zero = math.floor(offset * 10**decimals)
    fraction = min(round((offset * 10**decimals - zero) * (1 << FRACTION)), (1 << FRACTION) - 1)
    return DecimalScale(zero, fraction, round(math.ldexp(step, 32 + shift)), shift, decimals)
