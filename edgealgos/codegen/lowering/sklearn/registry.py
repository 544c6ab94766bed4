"""What a kind of scikit-learn's models gives: a function to a float program; and what all of them are written with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np

from ...ops import ArgMax, MatVec, Normalize, PairProducts
from ...ops.quadratic import UNIT_FRAC
from ...program import InputEncoding, Op, Program, QType, Space, Tensor, verify
from .stages import Curve, Norm, Pair, Projection, Reals, Stage, products_of

LEAST_BITS = 2  # of weights
SUM_BITS = 31  # of sums, one less than accumulators have


class Widths(NamedTuple):
    """Bits of device inputs and of weights, whether each input has the whole range to itself, layers pass words on."""

    inputs: int
    weights: int
    apart: bool = False
    words_between: bool = False

    @property
    def between(self) -> int:
        """Bits of what one layer of a network passes on to the next."""
        return 16 if self.words_between else max(self.inputs, self.weights)


class Rows(NamedTuple):
    """Samples that give ranges: raw, and what the model itself is given for them."""

    raw: Reals
    given: Reals


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
    projection : Projection, optional
        What makes of z the numbers between -1 and 1 that stand in its place where they are multiplied.
    """

    encoding: InputEncoding
    matrix: Reals
    shift: Reals
    slope: float = 1.0
    offset: float = 0.0
    curves: tuple[Curve, ...] = ()
    pairs: tuple[Pair, ...] = ()
    norm: Norm | None = None
    projection: Projection | None = None

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
        if stage.projection:
            projection = stage.projection.behind(self.matrix, self.shift)
            return replace(self, matrix=stage.matrix, shift=stage.shift, pairs=stage.pairs, projection=projection)
        pairs, matrix, shift = products_of(self.matrix, self.shift, stage.pairs)
        behind = replace(self, matrix=matrix, shift=shift).behind(stage.matrix, stage.shift)
        return replace(behind, curves=stage.curves, pairs=pairs)

    def multiplied(self, matrix: Reals, widths: Widths) -> Multiplied:
        """What a product with the inputs, and with what stands beside or instead of them, takes."""
        x, width, vector, before, sums = self.encoding.qtype, self.features, "x", list[Tensor](), list[Op]()
        largest = max(-self.encoding.low, self.encoding.high) * x.step
        if self.projection:
            before, sums = self._projected(widths, largest)
            x, width, vector = before[-1].type, before[-1].size, before[-1].name
            largest = 1.0
        if self.norm:
            unit = Tensor("unit", (width,), Space.SCRATCH)
            return Multiplied([unit], [Normalize("unit", "x", self.norm.kind)], "unit", matrix, 1.0, UNIT_FRAC)
        if not self.pairs:
            return Multiplied([], [], "x", matrix, largest, x.frac)
        first, second = np.array(self.pairs, dtype=np.float64).T
        scaled, gain = matrix.copy(), PairProducts.gain(x)
        scaled[:, :width] /= gain
        tensors = [
            *before,
            Tensor("first", first.shape, Space.FLASH, None, first, doc="of each pair of inputs"),
            Tensor("second", second.shape, Space.FLASH, None, second),
            Tensor("products", (matrix.shape[1],), Space.SCRATCH, PairProducts.type_of(x)),
        ]
        op = PairProducts("products", vector, "first", "second")
        return Multiplied(tensors, [*sums, op], "products", scaled, largest * gain, PairProducts.type_of(x).frac)

    def _projected(self, widths: Widths, largest: float) -> tuple[list[Tensor], list[Op]]:
        """Sums of inputs as numbers of as many bits as inputs have."""
        assert self.projection is not None
        matrix, shift = self.projection
        reach = float((np.abs(matrix).sum(axis=1) * largest + np.abs(shift)).max())
        tensors = [
            held(weights("projection", matrix, widths.weights, "projected inputs"), reach, self.encoding.qtype.frac),
            Tensor("moved", shift.shape, Space.FLASH, None, shift),
            Tensor("projected", shift.shape, Space.SCRATCH, QType(widths.inputs, widths.inputs - 1)),
        ]
        return tensors, [MatVec("projected", "projection", "x", "moved")]

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
        if self.projection:
            return int(self.projection.matrix.shape[1])
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


def held(table: Tensor, reach: float, frac: int) -> Tensor:
    """Weights of as many bits as 32 leave of sums that reach so far, of a vector with so many fractional bits."""
    finest = QType.covering(reach, SUM_BITS - 1).frac - frac  # rounding together may take a grid half as wide
    less = min(max(table.type.frac - finest, 0), table.type.bits - 2)  # what still overflows is refused
    return replace(table, qtype=QType(table.type.bits - less, table.type.frac - less))


def linear_program(
    front: Front, matrix: Reals, bias: Reals, widths: Widths, family: str, labels: Sequence[Any] = ()
) -> Program:
    """Scores ``matrix @ inputs + bias``: of classes (one row where there are two), or of a regressor."""
    start = matrix @ front.shift + bias
    made, ops, vector, composed, largest, vector_frac = front.multiplied(matrix @ front.matrix, widths)
    table = weights("weights", composed, widths.weights, "coefficients")
    reach = np.abs(composed).sum(axis=1) * largest + np.abs(start)
    held = QType.covering(float(reach.max()), SUM_BITS).frac - vector_frac  # of many inputs, or answers far from zero
    frac = min(table.type.frac, held)
    # rounding together uses all of a type; what is left of none is refused by what it answers
    bits = max(widths.weights - (table.type.frac - frac) * bool(ops), LEAST_BITS)
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
