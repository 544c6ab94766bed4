"""Which encoding suits training data, column by column, and what it loses of them; knows nothing of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .encoding import Doubles, InputEncoding
from .qtype import QType

FEW_LEVELS = 8
RARE = 0.01  # share of rows that may saturate, and in which a column may vary without counting
BACKGROUND = 0.3  # share of the values of pictures that are background
MOST_SCALE = 1e37  # leaves a 32-bit float room for a product with the range
DOUBLE_BITS = 48  # that two 32-bit floats hold
CENTRED = 0.02  # of a level, by which values may miss its middle and are still those that it stands for
FLOAT_NOISE = 4e-7  # of the largest value, by which 32-bit floats may miss an even spacing
MOST_ROWS = 4000  # that are sorted to see how a column is distributed


def choose_encoding(X: NDArray[np.floating], bits: int = 8, names: Sequence[str] | None = None) -> InputEncoding:
    """Encoding that suits training data.

    Integers that span fewer than ``2**bits`` values are kept exactly (integer offset, scale 1), one pair for all
    features that are of one kind, as pixels are; a column among these that would get few levels has a pair of its own.
    Other data get one pair a feature, which standardises them.

    Parameters
    ----------
    X : array, shape (..., n_features)
        Finite raw features.
    bits : int
        6, 8 or 16.
    names : sequence of str, optional
        Of the columns, for errors.

    Raises
    ------
    ValueError
        For columns whose spread 32-bit floats cannot hold, by name.
    """
    rows = np.asarray(X, dtype=np.float64).reshape(-1, np.shape(X)[-1])
    check_representable(rows, names)
    if not _comparable(rows):
        return _per_feature_encoding(rows, bits)
    shared = _uniform_encoding(rows, bits)
    some = _some(rows)
    vary = ~rare(some)
    coarse = vary & (levels(shared.encode(some)) < np.minimum(levels(some), FEW_LEVELS))
    if np.count_nonzero(coarse) > np.count_nonzero(vary) / 2:  # an outlier made the range that they have in common
        return _per_feature_encoding(rows, bits)
    return _with_own_pairs(shared, rows, coarse) if coarse.any() else shared


def _some(rows: Doubles) -> Doubles:
    """All rows, or as many as tell how columns are distributed."""
    return rows if len(rows) <= MOST_ROWS else rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int)]


def levels(rows: NDArray[np.generic]) -> NDArray[np.int64]:
    """Different values of each column."""
    ordered = np.sort(rows, axis=0)
    return np.asarray(1 + np.count_nonzero(ordered[1:] != ordered[:-1], axis=0))


def rare(rows: Doubles) -> NDArray[np.bool_]:
    """Columns that keep to one value in nearly all rows."""
    middle = np.median(rows, axis=0)
    found: NDArray[np.bool_] = np.mean(rows != middle, axis=0) < RARE
    return found


def check_representable(rows: Doubles, names: Sequence[str] | None = None) -> None:
    """Refuse columns that vary by less than 32-bit floats can scale or, far from zero, tell apart."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    span, farthest = high - low, np.maximum(np.abs(low), np.abs(high))
    for j in np.flatnonzero((span > 0) & (span < 512 / MOST_SCALE)).tolist():
        raise ValueError(
            f"{name_of(j, names)} varies by {span[j]:.3g} only, too little for 32-bit floats: multiply it by a "
            "power of ten"
        )
    for j in np.flatnonzero((span > 0) & (span * 2.0**DOUBLE_BITS < 512 * farthest)).tolist():
        raise ValueError(
            f"{name_of(j, names)} varies by {span[j]:.3g} around {low[j]:.10g}, which is lost in floating point: "
            "subtract what is common to all rows before rounding does"
        )


def name_of(column: int, names: Sequence[str] | None) -> str:
    """How people know a column."""
    return f"feature {column}" if names is None else f"feature {names[column]!r}"


class TooCoarse(ValueError):
    """Device inputs of so few bits do not tell apart what a model does."""


def lossless(encoding: InputEncoding, X: NDArray[np.floating]) -> bool:
    """Whether device inputs hold all that rows say: every value is in the middle of a level."""
    raw = np.asarray(X, dtype=np.float64)
    missed = np.abs(raw - encoding.decode(encoding.encode(raw))) * encoding.scale
    return bool((missed <= CENTRED).all())


def spacing(values: NDArray[np.floating]) -> float:
    """The largest step of which all values are multiples, from the least one on; 0 where floats show none."""
    ordered = np.unique(np.asarray(values, dtype=np.float64))
    noise = FLOAT_NOISE * float(np.abs(ordered[[0, -1]]).max())
    above, step = ordered - ordered[0], 0.0
    rest = above[above > noise]
    while rest.size:  # Euclid's algorithm
        step = float(rest.min())
        if step * CENTRED < noise:
            return 0.0
        rest = np.abs(above - step * np.rint(above / step))
        rest = rest[rest > CENTRED / 2 * step]
    return float(above[-1]) / round(float(above[-1]) / step) if step else 0.0


# ---- one pair for all ------------------------------------------------------------------------------------------------


def _comparable(rows: Doubles) -> bool:
    """Whether one scale serves most features: they use at least half of the common range, as pixels do."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    spans = (high - low)[high > low]
    if spans.size == 0:
        return True
    shared = float(high.max() - low.min())
    return bool(np.mean(spans >= 0.5 * shared) >= 0.6)


def _uniform_encoding(rows: Doubles, bits: int) -> InputEncoding:
    limit = (1 << (bits - 1)) - 1
    low, high = float(rows.min()), float(rows.max())
    span = high - low
    if span == 0:
        return _encoding(np.array([low]), np.array([1.0 / max(1.0, abs(low))]), 0, 0, QType(bits, 0))
    whole = span <= 2 * limit + 1 and np.array_equal(rows, np.rint(rows))
    offset = float(np.ceil((low + high) / 2)) if whole else (low + high) / 2
    scale = 1.0 if whole else 2 * limit / span
    first, last = (int(low - offset), int(high - offset)) if whole else (-limit, limit)
    spread = max(float(np.std(rows)) * scale, 2.0**-20)
    return _encoding(np.array([offset]), np.array([scale]), first, last, QType(bits, int(np.rint(np.log2(spread)))))


def _with_own_pairs(shared: InputEncoding, rows: Doubles, own: NDArray[np.bool_]) -> InputEncoding:
    """The shared encoding, its range and units, with columns that are standardised on their own."""
    offset, scale = (np.full(rows.shape[1], value[0], float) for value in (shared.offset, shared.scale))
    pairs = [_pair(rows[:, j], shared.low, shared.high, shared.qtype.frac) for j in np.flatnonzero(own)]
    offset[own], scale[own] = np.array(pairs).T
    return _encoding(offset, scale, shared.low, shared.high, shared.qtype)


# ---- one pair a feature ----------------------------------------------------------------------------------------------


def _per_feature_encoding(rows: Doubles, bits: int) -> InputEncoding:
    limit, frac = (1 << (bits - 1)) - 1, bits - 3
    pairs = np.array([_pair(column, -limit, limit, frac) for column in rows.T])
    offset, scale = pairs[:, 0], pairs[:, 1]
    reach = np.rint(np.maximum((rows.max(0) - offset) * scale, (offset - rows.min(0)) * scale).max())
    bound = int(min(limit, max(reach, 1)))
    return _encoding(offset, scale, -bound, bound, QType(bits, frac))


def _pair(column: Doubles, first: int, last: int, frac: int) -> tuple[float, float]:
    """Offset and scale that standardise a column within a range of device inputs.

    Tails beyond the range saturate, one value in a hundred at most: where that would be more, or leave few levels, the
    offset moves off the mean and the scale shrinks. Where only a far value that stands for a missing one takes all
    levels, that value saturates, however frequent it is, and the others keep theirs.
    """
    low, high = float(column.min()), float(column.max())
    if low == high:
        return low, 1.0 / max(1.0, abs(low))
    column = _some(column)
    tails = np.quantile(column, [RARE / 2.5, 1 - RARE / 2.5], method="nearest")
    few = min(FEW_LEVELS, int(levels(column[:, None])[0]))
    rest = column[(column > tails[0]) & (column < tails[1])]
    inner = (rest.min(), rest.max()) if rest.size else (low, high)
    for bottom, top in ((float(tails[0]), float(tails[1])), (low, high), inner):
        if bottom == top:
            continue
        kept = np.clip(column, bottom, top)
        scale = min(2.0**frac / max(float(kept.std()), 1e-300), (last - first) / (top - bottom))
        offset = float(np.clip(kept.mean(), top - last / scale, bottom - first / scale))
        made = np.clip(np.floor((column - offset) * scale + 0.5), first, last)
        if int(levels(made[:, None])[0]) >= few:
            break
    return offset, scale


def _encoding(offset: Doubles, scale: Doubles, low: int, high: int, qtype: QType) -> InputEncoding:
    return InputEncoding(offset, scale.astype(np.float32), low, high, qtype)


# ---- what is lost ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Losses:
    """Columns of which an encoding keeps little: their levels, and the share of their values that saturates."""

    coarse: dict[str, int]
    saturated: dict[str, float]
    wide: tuple[str, ...]

    def sentences(self) -> list[str]:
        """What a user should know, a sentence a kind."""
        found = []
        if self.coarse:
            named = _listed([f"{name} ({count})" for name, count in self.coarse.items()])
            found.append(f"fewer than {FEW_LEVELS} levels are left on the device of {named}: scale these columns alone")
        if self.saturated:
            named = _listed([f"{name} ({100 * share:.1f} %)" for name, share in self.saturated.items()])
            found.append(
                f"more than 1 % of the values saturate on the device in {named}: their tails are cut off; where these "
                "tell the answer, draw them in before fit (by a logarithm, say)"
            )
        if self.wide:
            found.append(
                f"{_listed(list(self.wide))}: too far from zero for one 32-bit float; subtract what is common to all "
                "rows before a reading becomes a float, or call quantize() with what the float leaves out"
            )
        return found


def losses(encoding: InputEncoding, X: NDArray[np.floating], names: Sequence[str] | None = None) -> Losses:
    """What an encoding loses of training data, column by column.

    Parameters
    ----------
    encoding : InputEncoding
    X : array, shape (..., n_features)
        The rows that it was chosen for.
    names : sequence of str, optional
        Of the columns.
    """
    rows = _some(np.asarray(X, dtype=np.float64).reshape(-1, np.shape(X)[-1]))
    before, after = levels(rows), levels(encoding.encode(rows))
    coarse = np.flatnonzero(after < np.minimum(before, FEW_LEVELS)).tolist()
    cut = np.mean(encoding.saturates(rows), axis=0)
    far = np.broadcast_to(encoding.far, (rows.shape[1],))
    return Losses(
        {name_of(j, names): int(after[j]) for j in coarse},
        {name_of(j, names): float(cut[j]) for j in np.flatnonzero(cut > RARE).tolist()},
        tuple(name_of(j, names) for j in np.flatnonzero(far & (before > 1)).tolist()),
    )


def _listed(words: list[str], most: int = 8) -> str:
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def full_range_encoding(X: NDArray[np.floating], bits: int = 8) -> InputEncoding:
    """Encoding in which every feature takes the whole range of device inputs, whatever the others are.

    For models whose weights were not trained with one scale in mind: a feature of large weight is then a number of many
    levels, and its weight no larger than others.
    """
    rows = np.asarray(X, dtype=np.float64)
    check_representable(rows)
    limit = (1 << (bits - 1)) - 1
    low, high = rows.min(axis=0), rows.max(axis=0)
    still = low == high
    scale = np.where(still, 1.0 / np.maximum(1.0, np.abs(low)), 2 * limit / np.where(still, 1.0, high - low))
    return _encoding((low + high) / 2, scale, -limit, limit, QType(bits, bits - 3))


def proportional_encoding(X: NDArray[np.floating], slope: Doubles, shift: Doubles, bits: int = 8) -> InputEncoding:
    """Encoding whose device inputs are all ``slope * x + shift`` of their feature, times one number."""
    rows = np.asarray(X, dtype=np.float64)
    check_representable(rows)
    limit = (1 << (bits - 1)) - 1
    farthest = max(float(np.abs(rows * slope + shift).max()), 1e-30)
    return _encoding(-shift / slope, slope * limit / farthest, -limit, limit, QType(8 if bits == 8 else 16, bits - 3))


def from_background(X: NDArray[np.floating], bits: int = 8) -> InputEncoding:
    """Encoding that suits data, with zero for the background of pictures: products with zero need not be made.

    Where one scale serves all features and many values are the smallest, device inputs count from there. Half of their
    range is never used then, and integers that span fewer values than the other half are kept exactly.
    """
    rows = np.asarray(X, dtype=np.float64)
    found = choose_encoding(rows, bits)
    low, high, limit = float(rows.min()), float(rows.max()), (1 << (bits - 1)) - 1
    if not found.uniform or low == high or np.mean(rows == low) < BACKGROUND:
        return found
    whole = high - low <= limit and np.array_equal(rows, np.rint(rows))
    scale = 1.0 if whole else limit / (high - low)
    frac = found.qtype.frac + round(np.log2(scale / float(found.scale[0])))
    last = round((high - low) * scale)
    return _encoding(np.array([low]), np.array([scale]), 0, last, QType(bits, frac))
