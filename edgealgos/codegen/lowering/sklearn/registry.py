"""What a kind of scikit-learn's models gives: a function to a float program; and what all of them are written with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from edgealgos.errors import UnsupportedModelError

from ...ops import ArgMax, MatVec, Normalize, PairProducts
from ...ops.quadratic import UNIT_FRAC
from ...program import InputEncoding, Op, Program, QType, Space, Tensor, verify

Reals = NDArray[np.float64]
SUM_BITS = 31  # of sums, one less than accumulators have


class Widths(NamedTuple):
    """Bits of device inputs and of weights, and whether each input has the whole range to itself."""

    inputs: int
    weights: int
    apart: bool = False


class Rows(NamedTuple):
    """Samples that give ranges: raw, and what the model itself is given for them."""

    raw: Reals
    given: Reals


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


@dataclass(frozen=True)
class Stage:
    """``matrix @ x + shift``, and curves of single features that are added; behind x stand products of pairs of it.

    With a norm x is first what that makes of raw features.
    """

    matrix: Reals
    shift: Reals
    curves: tuple[Curve, ...] = ()
    pairs: tuple[Pair, ...] = ()
    norm: Norm | None = None

    @classmethod
    def same(cls, count: int) -> Stage:
        """What leaves features as they are."""
        return cls(np.eye(count), np.zeros(count))

    @classmethod
    def beside(cls, stages: Sequence[Stage]) -> Stage:
        """Stages of the same inputs, outputs of one after those of the other."""
        if any(s.norm for s in stages):
            raise UnsupportedModelError("Normalizer compiles for all features, not beside other columns")
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
                raise UnsupportedModelError("PolynomialFeatures compiles behind scalers and selections alone")
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
        return replace(self, curves=tuple(curves)), rows

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
        x = x if self.norm is None else self.norm.of(x)
        products = [x[:, i] * x[:, j] for i, j in self.pairs]
        found: Reals = np.column_stack([x, *products]) @ self.matrix.T + self.shift
        for curve in self.curves:
            found = found + curve.of(x)
        return found


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

    Raises
    ------
    UnsupportedModelError
        Where y is more than single features.
    """
    if (np.count_nonzero(matrix, axis=1) > 1).any():
        raise UnsupportedModelError(
            "PolynomialFeatures multiplies single features: in front of it scalers and selections compile"
        )
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


class Multiplied(NamedTuple):
    """What makes a vector of a model's inputs, and the matrix that it is multiplied with.

    Parameters
    ----------
    tensors, ops : list
    vector : str
    matrix : array
    largest : float
        Magnitude of the vector's elements.
    frac : int
        Fractional bits of its type.
    """

    tensors: list[Tensor]
    ops: list[Op]
    vector: str
    matrix: Reals
    largest: float
    frac: int


@dataclass(frozen=True)
class Front:
    """The affine map from what the device is given to what a model takes: ``matrix @ z + shift``.

    Parameters
    ----------
    encoding : InputEncoding
        Raw features to device inputs.
    matrix : array, shape (n_inputs of the model, n_features)
        For inputs z as real numbers: raw integers times the step of their type.
    shift : array, shape (n_inputs of the model,)
    slope, offset : float
        What the model's answer, a real number, goes through.
    curves : tuple of Curve
        Of raw features, added to what the model takes.
    pairs : tuple of (int, int)
        Of inputs, whose products stand behind z.
    norm : Norm, optional
        What z is divided by; inputs are then proportional to what that norm is of.
    """

    encoding: InputEncoding
    matrix: Reals
    shift: Reals
    slope: float = 1.0
    offset: float = 0.0
    curves: tuple[Curve, ...] = ()
    pairs: tuple[Pair, ...] = ()
    norm: Norm | None = None

    @classmethod
    def of(cls, encoding: InputEncoding, features: int, slope: float, offset: float) -> Front:
        """That of a model which takes raw features."""
        step = np.ldexp(1.0, encoding.qtype.frac) / np.resize(encoding.scale.astype(np.float64), features)
        return cls(encoding, np.diag(step), np.resize(encoding.offset.astype(np.float64), features), slope, offset)

    def behind(self, matrix: Reals, shift: Reals) -> Front:
        """That of a model behind a further affine map."""
        return replace(self, matrix=matrix @ self.matrix, shift=matrix @ self.shift + shift)

    def through(self, stage: Stage) -> Front:
        """That of a model behind what makes its inputs of raw features, where this one's model takes these."""
        if stage.norm:
            return replace(self, matrix=stage.matrix, shift=stage.shift, norm=stage.norm)
        pairs, matrix, shift = products_of(self.matrix, self.shift, stage.pairs)
        behind = replace(self, matrix=matrix, shift=shift).behind(stage.matrix, stage.shift)
        return replace(behind, curves=stage.curves, pairs=pairs)

    def multiplied(self, matrix: Reals) -> Multiplied:
        """What a product with the inputs, and with what stands beside or instead of them, takes."""
        x, width = self.encoding.qtype, self.features
        largest = max(-self.encoding.low, self.encoding.high) * x.step
        if self.norm:
            unit = Tensor("unit", (width,), Space.SCRATCH)
            return Multiplied([unit], [Normalize("unit", "x", self.norm.kind)], "unit", matrix, 1.0, UNIT_FRAC)
        if not self.pairs:
            return Multiplied([], [], "x", matrix, largest, x.frac)
        first, second = np.array(self.pairs, dtype=np.float64).T
        scaled, gain = matrix.copy(), PairProducts.gain(x)
        scaled[:, :width] /= gain
        tensors = [
            Tensor("first", first.shape, Space.FLASH, None, first, doc="of each pair of inputs"),
            Tensor("second", second.shape, Space.FLASH, None, second),
            Tensor("products", (matrix.shape[1],), Space.SCRATCH, PairProducts.type_of(x)),
        ]
        op = PairProducts("products", "x", "first", "second")
        return Multiplied(tensors, [op], "products", scaled, largest * gain, PairProducts.type_of(x).frac)

    def encoded(self, encoding: InputEncoding) -> Front:
        """That of the same model, for device inputs of another encoding."""
        old, new = (Front.of(e, self.features, self.slope, self.offset) for e in (self.encoding, encoding))
        matrix = self.matrix / np.diag(old.matrix)
        return new.behind(matrix, self.shift - matrix @ old.shift)

    def answer(self, value: Reals) -> Reals:
        """What is told where the model answers `value`."""
        return self.slope * value + self.offset

    @property
    def features(self) -> int:
        """Raw features."""
        return int(self.matrix.shape[1]) - len(self.pairs)

    @property
    def input(self) -> Tensor:
        """The program's input."""
        return Tensor("x", (self.features,), Space.INPUT, self.encoding.qtype)


@singledispatch
def program_of(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    """Float program of a fitted model behind `front`; `rows` are samples that its activations shall cover."""
    raise NotImplementedError


def models() -> list[str]:
    """Names of the kinds of models that compile."""
    return sorted(kind.__name__ for kind in program_of.registry if kind is not object)


@singledispatch
def affine_map(step: Any) -> tuple[Reals, Reals]:
    """Matrix and shift of a fitted transformer: what it makes of x is ``matrix @ x + shift``."""
    raise NotImplementedError


def transformers_known() -> list[str]:
    """Names of the kinds of transformers that may stand in front of a model."""
    return sorted(kind.__name__ for kind in affine_map.registry if kind is not object)


def weights(name: str, values: Reals, bits: int, doc: str = "") -> Tensor:
    """A matrix of weights, on the finest grid of so many bits that holds them."""
    qtype = QType.covering(float(np.abs(values).max(initial=0.0)), bits)
    return Tensor(name, values.shape, Space.FLASH, qtype, values, doc=doc)


def linear_program(
    front: Front, matrix: Reals, bias: Reals, widths: Widths, family: str, labels: Sequence[Any] = ()
) -> Program:
    """Scores ``matrix @ inputs + bias``: of classes (one row where there are two), or of a regressor."""
    start = matrix @ front.shift + bias
    made, ops, vector, composed, largest, vector_frac = front.multiplied(matrix @ front.matrix)
    table = weights("weights", composed, widths.weights, "coefficients")
    reach = np.abs(composed).sum(axis=1) * largest + np.abs(start)
    held = QType.covering(float(reach.max()), SUM_BITS).frac - vector_frac  # of many inputs, or answers far from zero
    frac = min(table.type.frac, held)
    bits = widths.weights - (table.type.frac - frac) * bool(ops)  # rounding together uses all of a type
    tensors = [
        front.input,
        *made,
        replace(table, qtype=QType(bits, frac)),
        Tensor("bias", (len(bias),), Space.FLASH, None, start, doc="intercepts"),
        Tensor("scores", (len(bias),), Space.OUTPUT),
    ]
    return finished(front, tensors, [*ops, MatVec("scores", "weights", vector, "bias")], family, labels)


def finished(front: Front, tensors: list[Tensor], ops: list[Op], family: str, labels: Sequence[Any] = ()) -> Program:
    """The program that ends with scores; a classifier's also says whose is the largest."""
    task = "classifier" if len(labels) else "regressor"
    if task == "classifier":
        tensors = [*tensors, Tensor("label", (1,), Space.SCRATCH)]
        ops = [*ops, ArgMax("label", "scores")]
    functions = {"predict": tuple(ops)}
    return verify(Program(tuple(tensors), functions, front.encoding, task, tuple(labels), family=family))
