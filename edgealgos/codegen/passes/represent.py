"""Number representations: which grid the weights of a tensor are rounded to (the parameter of MinUn).

A representation turns reals into raw integers of a type. Those of few distinct values are stored as indices of a table
(the packing pass sees that), so that the kernels and the interpreter know nothing of representations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..program.qtype import Ints, QType

Reals = NDArray[np.float64]
Represented = tuple[QType, Ints]
Representation = Callable[[Reals], Represented]


def fixed(bits: int) -> Representation:
    """Fixed point of 4, 8 or 16 bits; the scale is the power of two of least squared error."""

    def represent(values: Reals) -> Represented:
        widest = QType.covering(float(np.abs(values).max(initial=0.0)), bits)
        return _least_error(values, [_fixed_point(values, QType(bits, widest.frac + extra)) for extra in range(3)])

    return represent


def _fixed_point(values: Reals, qtype: QType) -> Represented:
    return qtype, qtype.quantize(values)


def logarithmic(values: Reals) -> Represented:
    """Zero and plus or minus powers of two in a byte: 15 values, four bits an index."""
    book = np.array([0, *(1 << np.arange(7)), *(-(1 << np.arange(7)))])
    return _least_error(values, [_nearest(values, QType(8, frac), book) for frac in _fracs(values, 8)])


def posit8(values: Reals) -> Represented:
    """Posits of 8 bits without exponent bits (Gustafson and Yonemoto, 2017), scaled by a power of two."""
    book = _posit_book()
    fracs = _fracs(values, 14)
    return _least_error(values, [_nearest(values, QType(16, frac), book) for frac in fracs])


@cache
def _posit_book() -> Ints:
    """All 255 real posits <8, 0> in units of 2^-6; the largest is 64."""
    found = {0}
    for code in range(1, 128):
        text = f"{code:07b}"
        run = len(text) - len(text.lstrip(text[0]))
        regime = run - 1 if text[0] == "1" else -run
        fraction = text[run + 1 :]
        value = (1 + int(fraction or "0", 2) / 2 ** len(fraction)) * 2.0**regime
        found |= {round(value * 64), -round(value * 64)}
    return np.array(sorted(found))


def kmeans(entries: int) -> Representation:
    """The `entries` values of least squared error, zero among them; bytes for 16, words for 256 entries."""

    def represent(values: Reals) -> Represented:
        bits = 8 if entries <= 16 else 16
        qtype = QType.covering(float(np.abs(values).max(initial=0.0)), bits)
        raw = qtype.quantize(values)
        book = _centres(raw[raw != 0].astype(np.float64), entries - 1)
        return _nearest(values, qtype, np.unique(np.append(np.rint(book).astype(np.int64), 0)))

    return represent


def _centres(points: Reals, count: int) -> Reals:
    """One-dimensional k-means from quantiles; few points are their own centres."""
    distinct = np.unique(points)
    if distinct.size <= count:
        return distinct
    centres = np.unique(np.quantile(points, (np.arange(count) + 0.5) / count))
    for _ in range(50):
        owner = np.searchsorted((centres[1:] + centres[:-1]) / 2, points)
        size = np.bincount(owner, minlength=centres.size)
        moved = np.where(size > 0, np.bincount(owner, points, centres.size) / np.maximum(size, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def _fracs(values: Reals, bits: int) -> list[int]:
    frac = QType.covering(float(np.abs(values).max(initial=0.0)), bits).frac
    return list(range(frac - 8, frac + 3))


def _nearest(values: Reals, qtype: QType, book: Ints) -> Represented:
    """Entry of a sorted table nearest to each value."""
    book = np.sort(book)
    owner = np.searchsorted((book[1:] + book[:-1]) / 2, np.ldexp(values, qtype.frac), side="right")
    return qtype, book[owner]


def _least_error(values: Reals, candidates: list[Represented]) -> Represented:
    return min(candidates, key=lambda c: float(((c[0].dequantize(c[1]) - values) ** 2).sum()))


REPRESENTATIONS: Mapping[str, Representation] = {
    "fixed16": fixed(16),
    "fixed8": fixed(8),
    "fixed4": fixed(4),
    "posit8": posit8,
    "kmeans256": kmeans(256),
    "kmeans16": kmeans(16),
    "log4": logarithmic,
}
"""Every representation by name."""
