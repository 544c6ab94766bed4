"""What it costs to give numbers another type; knows number types alone."""

from __future__ import annotations

from collections import Counter

from ..program.op import Counts
from ..program.qtype import QType


def shifted_bits(shift: int, bits: int, acc_bits: int) -> int:
    """Single bits by which a sum is shifted: whole bytes are free, and a byte may be nearer on the left."""
    if shift <= 0 or bits > 16:
        return -shift
    rest = shift % 8
    if acc_bits == 16 or shift + bits <= 16:  # a word
        return 8 - shift if bits == 8 and 5 <= shift <= 8 else rest
    return 8 - rest if rest >= 4 else rest


def rescale_cost(source: QType, out: QType, count: int, name: str) -> Counts:
    """Parts of so many values in another type: kernels stay in words where saturating a sum of words is enough."""
    shift = source.frac - out.frac
    bits = 16 if shift <= 16 - out.bits else 32
    kind = "" if shift > 0 else " to the left" if shift else " as it is"
    return Counter(
        {
            "Rescale in 32 bits" if bits == 32 else name + kind: count,
            f"shifted bit of {bits}": count * shifted_bits(shift, out.bits, bits),
        }
    )
