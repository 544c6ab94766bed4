"""What translations of ops share: values by name, products, sums and changes of type; knows programs, no op.

Numbers keep the meaning that the program gives them: a type of `frac` fractional bits is a tensor of scale
``2**-frac``. Products have int8 weights; what they make has 16 bits, since sums are worth as much.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import Op
from ..program.program import Program
from ..program.tensor import Space
from .graph import NO_ACTIVATION, RELU, Graph, Operator, Value

Reals = NDArray[np.float64]
_MOST = 127 * 256 + 127  # what two bytes of weights hold
_ROOM = 16.0  # how far parts of a sum may exceed it
WIDE = 2.0**-15
"""Scale of 16 bits for numbers within one: what is beyond saturates."""


class Writer:
    """A graph that grows as the ops of a program are translated.

    Attributes
    ----------
    graph : Graph
    program : Program
        Integer.
    values : dict of str to Value
        What tensors of the program hold now.
    pictures : dict of str to (Value, op)
        What rings would hold if they held whole pictures, and the op that keeps them.
    reach : float
        Largest score that is to be told apart.
    """

    def __init__(self, program: Program, reach: float) -> None:
        self.graph, self.program, self.reach = Graph(), program, reach
        self.values: dict[str, Value] = {}
        self.pictures: dict[str, tuple[Value, Any]] = {}

    def real(self, name: str) -> Reals:
        """A constant in real numbers."""
        tensor = self.program[name]
        return tensor.type.dequantize(tensor.values)

    def scale_of(self, name: str) -> float:
        """Of 16 bits for a tensor: its range, and of scores what is worth telling apart."""
        tensor = self.program[name]
        if tensor.space is Space.OUTPUT or tensor.type.bits > 16:
            return self.reach / 32767
        return tensor.type.step * 2.0 ** (tensor.type.bits - 16)

    # ---- constants -----------------------------------------------------------------------------------------------

    def weights(self, name: str, values: Reals, step: float) -> list[Value]:
        """Constants of 8 bits that add up to `values`: one, or two of which the second is 256 times as fine."""
        step = max(step, float(np.abs(values).max(initial=0.0)) / _MOST)
        raw = np.rint(values / step).astype(np.int64)
        if np.abs(raw).max(initial=0) <= 127:
            return [self.graph.constant(name, raw, "int8", step)]
        high = np.clip((raw + 128) >> 8, -127, 127)
        low = np.clip(raw - (high << 8), -127, 127)
        coarse, fine = (self.graph.constant(n, r, "int8", s) for n, r, s in
                        ((f"{name}_high", high, 256 * step), (f"{name}_low", low, step)))  # fmt: skip
        return [coarse, fine]

    def words(self, name: str, values: Reals, scale: float | None = None) -> Value:
        """A constant of 16 bits, one row."""
        values = np.atleast_1d(np.asarray(values, dtype=np.float64))[None]
        scale = scale or max(float(np.abs(values).max()), 2.0**-20) / 32767
        return self.graph.constant(name, np.clip(np.rint(values / scale), -32768, 32767), "int16", scale)

    # ---- operators -----------------------------------------------------------------------------------------------

    def requantized(self, value: Value, dtype: str, scale: float, zero: int = 0) -> Value:
        """The same numbers in another type; what is beyond it saturates."""
        if (value.dtype, value.scale, value.zero) == (dtype, float(np.float32(scale)), zero):
            return value
        name = f"{value.name}_{dtype}"
        out = self.graph.add(Operator.QUANTIZE, [value], name, value.shape, dtype, scale, zero)
        return out.times(value.gain)

    def wide(self, value: Value) -> Value:
        """In 16 bits."""
        return value if value.dtype == "int16" else self.requantized(value, "int16", value.step)

    def reshaped(self, value: Value, shape: tuple[int, ...]) -> Value:
        """The same elements in another shape."""
        if value.shape == shape:
            return value
        to = self.graph.constant("shape", np.array(shape), "int32")
        out = self.graph.add(Operator.RESHAPE, [value, to], f"{value.name}_as", shape, value.dtype, value.step)
        return out.times(value.gain)

    def product(
        self, name: str, vector: Value, matrix: str | Reals, bias: Reals | None, scale: float, rectify: bool = False,
        step: float | None = None,
    ) -> Value:  # fmt: skip
        """``matrix @ vector + bias`` in 16 bits; of several vectors, rows of one matrix, each one's."""
        if isinstance(matrix, str):
            values, step, label = self.real(matrix), self.program[matrix].type.step, matrix
        else:
            values, label = matrix, f"{name}_weights"
            step = step or float(np.abs(matrix).max()) / 127
        values, vector = np.atleast_2d(values), self.wide(vector)
        shape = (1 if len(vector.shape) != 2 else vector.shape[0], len(values))
        activation = RELU if rectify else NO_ACTIVATION
        weights = self.weights(label, values * vector.gain, step * vector.gain)
        if len(weights) == 1:
            inputs = [vector, weights[0], self._bias(name, vector, weights[0], bias, len(values))]
            return self.graph.add(Operator.FULLY_CONNECTED, inputs, name, shape, "int16", scale, activation=activation)
        parts = []
        for part, number in zip(weights, (bias, None), strict=True):
            inputs = [vector, part, self._bias(name, vector, part, number, len(values))]
            reach = float(np.abs(np.asarray(part.data, float)).sum(axis=1).max()) * part.step * 32767 * vector.step
            fitting = min(max(scale, reach / 32767), _ROOM * scale)
            parts.append(self.graph.add(Operator.FULLY_CONNECTED, inputs, f"{name}_part", shape, "int16", fitting))
        return self.sum(name, parts[0], parts[1], scale, rectify)

    def _bias(self, name: str, vector: Value, weights: Value, bias: Reals | None, rows: int) -> Value:
        """In the units of a product."""
        unit = vector.step * weights.step
        raw = np.zeros(rows) if bias is None else np.rint(bias / unit)
        return self.graph.constant(f"{name}_bias", raw, "int64", unit)

    def sum(self, name: str, a: Value, b: Value, scale: float, rectify: bool = False) -> Value:
        """``a + b`` in 16 bits; one row of numbers is added to every row."""
        activation = RELU if rectify else NO_ACTIVATION
        return self._pairwise(Operator.ADD, name, a, b, scale, activation=activation, pot_scale_int16=False)

    def difference(self, name: str, a: Value, b: Value, scale: float) -> Value:
        """``a - b`` in 16 bits."""
        return self._pairwise(Operator.SUB, name, a, b, scale, pot_scale_int16=False)

    def times(self, name: str, a: Value, b: Value, scale: float) -> Value:
        """``a * b``, element by element, in 16 bits."""
        return self._pairwise(Operator.MUL, name, a, b, scale)

    def _pairwise(self, operator: Operator, name: str, a: Value, b: Value, scale: float, **options: Any) -> Value:
        shape = tuple(np.broadcast_shapes(a.shape, b.shape))
        return self.graph.add(operator, [self.wide(a), self.wide(b)], name, shape, "int16", scale, **options)

    def function(self, operator: Operator, name: str, a: Value) -> Value:
        """tanh or the logistic function, in 16 bits within one."""
        return self.graph.add(operator, [self.wide(a)], name, a.shape, "int16", WIDE)

    def least(self, name: str, a: Value, limit: float) -> Value:
        """What is above a limit becomes it."""
        most = self.words(f"{name}_limit", np.array([limit]), a.step)
        return self.graph.add(Operator.MINIMUM, [a, most], name, a.shape, a.dtype, a.step)


@singledispatch
def translate(op: Op, writer: Writer) -> Value | None:
    """What an op makes, as operators; None where nobody asks for it."""
    raise NotImplementedError
