"""How regression targets fold back into a trained model's types; plain numbers, no tensors."""

from __future__ import annotations

from ..codegen.program.qtype import QType

SCORE_BITS = 32


def excess_fraction(frac: int, largest: float) -> int:
    """Fractional bits to give up so that scores up to `largest` fit the 32-bit accumulator with `frac` of them.

    A mean far from zero costs range: 5,000 with a deviation of 3 needs more whole bits than the model alone.
    """
    return max(0, frac - QType.covering(largest, SCORE_BITS).frac)
