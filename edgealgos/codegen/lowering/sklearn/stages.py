"""What stands between raw features and a model's inputs: a matrix, curves of single features, products, a norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from edgealgos.errors import UnsupportedModelError

from ...program.encoding import InputEncoding

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """What one feature adds: a constant row from each edge to the next.

    Parameters
    ----------
    feature : int
    edges : array, shape (m,)
        Ascending; a value at an edge lies above it.
    values : array, shape (m + 1, n_outputs)
    gap : float
        How far from an edge values are at least.
    stated : float or None
        The number that stands for a missing value, where that is what the curve is for.
    """

    feature: int
    edges: Reals
    values: Reals
    gap: float
    stated: float | None = None

    def of(self, x: Reals) -> Reals:
        """What rows get."""
        found: Reals = self.values[np.searchsorted(self.edges, x[:, self.feature], side="right")]
        return found


Pair = tuple[int, int]


class Norm(NamedTuple):
    """What ``slope * x + shift`` is divided by: its ``"l1"``, ``"l2"`` or ``"max"`` norm."""

    kind: str
    slope: Reals
    shift: Reals

    def of(self, x: Reals) -> Reals:
        """Rows over their norm."""
        return np.asarray(normalize(self.slope * x + self.shift, self.kind))

    def bits(self, most: int) -> int:
        """Bits of inputs of which 32 bits hold the norm, or the sum of squares that it is the root of."""
        return min(most, int((34 - np.log2(len(self.slope))) / 2)) if self.kind == "l2" else most


class Projection(NamedTuple):
    """What stands in the place of raw features where sums of them are multiplied: ``matrix @ x + shift``."""

    matrix: Reals
    shift: Reals

    def of(self, x: Reals) -> Reals:
        """What rows get."""
        found: Reals = x @ self.matrix.T + self.shift
        return found

    def behind(self, matrix: Reals, shift: Reals) -> Projection:
        """The same of y, where x is ``matrix @ y + shift``."""
        return Projection(self.matrix @ matrix, self.of(shift))


@dataclass(frozen=True)
class Stage:
    """``matrix @ x + shift``, and curves of single features that are added; behind x stand products of pairs of it.

    With a norm, or a projection, x is first what that makes of raw features.
    """

    matrix: Reals
    shift: Reals
    curves: tuple[Curve, ...] = ()
    pairs: tuple[Pair, ...] = ()
    norm: Norm | None = None
    projection: Projection | None = None

    @classmethod
    def same(cls, count: int) -> Stage:
        """What leaves features as they are."""
        return cls(np.eye(count), np.zeros(count))

    @classmethod
    def beside(cls, stages: Sequence[Stage]) -> Stage:
        """Stages of the same inputs, outputs of one after those of the other."""
        if len(stages) == 1:
            return stages[0]
        if any(s.norm for s in stages):
            raise UnsupportedModelError("Normalizer compiles for all features, not beside other columns")
        if any(s.projection for s in stages):
            raise UnsupportedModelError("PolynomialFeatures behind a projection compiles alone, not beside others")
        total, first, curves = sum(len(s.shift) for s in stages), 0, []
        pairs = tuple(sorted({pair for s in stages for pair in s.pairs}))
        for s in stages:
            for c in s.curves:
                values = np.zeros((len(c.values), total))
                values[:, first : first + len(s.shift)] = c.values
                curves.append(replace(c, values=values))
            first += len(s.shift)
        matrix = np.vstack([_with_pairs(s.matrix, s.pairs, pairs) for s in stages])
        return cls(matrix, np.concatenate([s.shift for s in stages]), tuple(curves), pairs)

    def then(self, after: Stage) -> Stage:
        """This stage with another one behind it.

        Raises
        ------
        UnsupportedModelError
            Where that compares or multiplies what is no single feature.
        """
        if after.norm:
            return replace(after, norm=self._scaled_by(after.norm))
        if self.norm and (after.pairs or after.curves):
            raise UnsupportedModelError("behind Normalizer only what is affine compiles: scalers, projections")
        if after.pairs:
            if self.curves or self.pairs:
                raise UnsupportedModelError("PolynomialFeatures compiles behind scalers, selections, projections alone")
            if after.projection:
                return replace(after, projection=after.projection.behind(self.matrix, self.shift))
            if (np.count_nonzero(self.matrix, axis=1) > 1).any():
                return replace(after, projection=Projection(self.matrix, self.shift))
            pairs, matrix, shift = products_of(self.matrix, self.shift, after.pairs)
            return Stage(after.matrix @ matrix, after.matrix @ shift + after.shift, after.curves, pairs)
        if self.pairs and after.curves:
            raise UnsupportedModelError("encoders and bins do not compile behind PolynomialFeatures")
        curves = [replace(c, values=c.values @ after.matrix.T) for c in self.curves]
        for c in after.curves:
            owners = np.flatnonzero(self.matrix[c.feature])
            touched = any(np.any(mine.values[:, c.feature]) for mine in self.curves)
            if len(owners) != 1 or self.matrix[c.feature, owners[0]] <= 0 or touched:
                raise UnsupportedModelError(
                    "encoders and bins compare single features: in front of them scalers and selections compile"
                )
            slope = self.matrix[c.feature, owners[0]]
            edges = (c.edges - self.shift[c.feature]) / slope
            stated = None if c.stated is None else (c.stated - self.shift[c.feature]) / slope
            curves.append(Curve(int(owners[0]), edges, c.values, c.gap / slope, stated))
        matrix, shift = after.matrix @ self.matrix, after.matrix @ self.shift + after.shift
        return replace(self, matrix=matrix, shift=shift, curves=tuple(curves))

    def _scaled_by(self, norm: Norm) -> Norm:
        """The norm of what this stage makes, in raw features."""
        slope = np.diag(self.matrix)
        plain = not (self.curves or self.pairs or self.norm) and np.array_equal(self.matrix, np.diag(slope))
        if not plain or (slope <= 0).any():
            raise UnsupportedModelError("Normalizer compiles behind steps that keep all features, each scaled alone")
        return norm._replace(slope=slope, shift=self.shift)

    def reached(self, rows: Reals) -> Reals:
        """Rows, and two more that lie beyond all edges: what is no category is to be told from the outermost ones."""
        if not self.curves:
            return rows
        low, high = rows.min(axis=0), rows.max(axis=0)
        for c in self.curves:
            if len(c.edges):
                low[c.feature] = min(low[c.feature], c.edges[0] - c.gap)
                high[c.feature] = max(high[c.feature], c.edges[-1] + c.gap)
        return np.vstack([rows, low, high])

    def near(self, rows: Reals) -> tuple[Stage, Reals]:
        """The same with edges next to real values, and rows whose stated missing values lie there, for an encoding.

        A number far outside of a column's real values would stretch the encoding's range, and leave those few levels.
        The device is still given that number: it saturates beyond the edge.
        """
        rows, curves = rows.copy(), []
        for c in self.curves:
            if c.stated is not None and sum(o.feature == c.feature for o in self.curves) == 1:
                c, rows[:, c.feature] = _beside(c, c.stated, rows[:, c.feature])
            curves.append(c)
        return replace(self, curves=tuple(curves))._even(rows), rows

    def _even(self, rows: Reals) -> Stage:
        """The same with sums of features that reach as far as each other, so that one type holds all of them."""
        if not self.projection:
            return self
        reach = np.abs(self.projection.of(rows)).max(axis=0) / REACH
        reach = np.where(reach > 0, reach, 1.0)
        projection = Projection(self.projection.matrix / reach[:, None], self.projection.shift / reach)
        products = [reach[i] * reach[j] for i, j in self.pairs]
        return replace(self, matrix=self.matrix * np.concatenate([reach, products]), projection=projection)

    def encoded(self, encoding: InputEncoding) -> Stage:
        """The same for a device, where a stated missing value is what the encoding makes of it."""
        curves = []
        for c in self.curves:
            if c.stated is not None:
                row = np.full((1, self.matrix.shape[1]), c.stated)
                moved = c.stated - encoding.decode(encoding.encode(row))[0, c.feature]
                missing = np.any(c.values, axis=1)[:, None]
                c = replace(c, values=c.values + missing * moved * self.matrix[:, c.feature])
            curves.append(c)
        return replace(self, curves=tuple(curves))

    def of(self, x: Reals) -> Reals:
        """What it makes of rows."""
        before = self.norm or self.projection
        x = x if before is None else before.of(x)
        products = [x[:, i] * x[:, j] for i, j in self.pairs]
        found: Reals = np.column_stack([x, *products]) @ self.matrix.T + self.shift
        for curve in self.curves:
            found = found + curve.of(x)
        return found


REACH = 0.8  # of what a type holds, that sums of features of calibration rows reach: other rows come
MARGIN = 8  # parts of the span of real values: so much lies between these and a number that stands for missing ones


def _beside(curve: Curve, stated: float, column: Reals) -> tuple[Curve, Reals]:
    """The curve of a stated missing value with edges as near as real values are, and the column for an encoding."""
    missing = column == stated
    known = column[~missing]
    if not known.size:
        return curve, column
    low, high, near = float(known.min()), float(known.max()), float(np.abs(known - stated).min())
    margin, gap = (high - low or abs(low) or 1.0) / MARGIN, near / 2
    if np.array_equal(known, np.rint(known)):
        margin, gap = float(np.ceil(margin)), min(gap, 0.5)
    if low < stated < high:
        return replace(curve, edges=np.array([stated - gap, stated + gap]), gap=gap), column
    side = 1.0 if stated < low else -1.0
    number = stated
    if near > margin:
        number, gap = (low if stated < low else high) - side * margin, margin / 2
    values = curve.values[[1, 2] if stated < low else [0, 1]]
    edge = np.array([number + side * gap])
    return replace(curve, edges=edge, values=values, gap=gap), np.where(missing, number, column)


def products_of(matrix: Reals, shift: Reals, pairs: Sequence[Pair]) -> tuple[tuple[Pair, ...], Reals, Reals]:
    """Pairs of x, and the affine map from x and their products to ``y = matrix @ x + shift`` and its products.

    Each of y is a single feature.
    """
    count, width = matrix.shape
    owner = np.abs(matrix).argmax(axis=1)
    slope = matrix[np.arange(count), owner]
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    found = np.sort(np.column_stack([owner[first], owner[second]]), axis=1)
    known, place = np.unique(found, axis=0, return_inverse=True)
    mapped = np.zeros((count + len(pairs), width + len(known)))
    mapped[:count, :width] = matrix
    at = count + np.arange(len(pairs))
    mapped[at, width + np.ravel(place)] = slope[first] * slope[second]
    np.add.at(mapped, (at, owner[first]), slope[first] * shift[second])
    np.add.at(mapped, (at, owner[second]), slope[second] * shift[first])
    moved = np.concatenate([shift, shift[first] * shift[second]])
    return tuple((int(i), int(j)) for i, j in known), mapped, moved


def _with_pairs(matrix: Reals, pairs: tuple[Pair, ...], every: tuple[Pair, ...]) -> Reals:
    """The matrix with columns for more pairs."""
    width = matrix.shape[1] - len(pairs)
    wider = np.zeros((len(matrix), width + len(every)))
    wider[:, :width] = matrix[:, :width]
    wider[:, [width + every.index(pair) for pair in pairs]] = matrix[:, width:]
    return wider
