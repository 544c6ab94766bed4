"""A graph of quantised tensors and builtin operators, as a .tflite file holds it; knows no programs and no bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Scalars = Sequence[tuple[str, int | float | bool]]


class Kind(NamedTuple):
    """An operator: its number in the schema, the number of its options' table, their fields in order.

    A field is a type (``b`` byte, ``i`` int, ``f`` float, ``?`` bool), its name and its default.
    """

    code: int
    options: int
    fields: tuple[tuple[str, str, int | float | bool], ...] = ()
    version: int = 1


_MOVES = (("b", "padding", 0), ("i", "stride_w", 0), ("i", "stride_h", 0))
_DILATED = (("i", "dilation_w", 1), ("i", "dilation_h", 1))
_FUSED = ("b", "activation", 0)


class Operator(Enum):
    """Builtin operators that the interpreter for microcontrollers has, too (schema.fbs of TensorFlow Lite)."""

    ADD = Kind(0, 11, (_FUSED, ("?", "pot_scale_int16", True)), 2)
    AVERAGE_POOL_2D = Kind(1, 5, (*_MOVES, ("i", "filter_w", 0), ("i", "filter_h", 0), _FUSED), 2)
    CONCATENATION = Kind(2, 10, (("i", "axis", 0), _FUSED), 2)
    CONV_2D = Kind(3, 1, (*_MOVES, _FUSED, *_DILATED), 3)
    DEPTHWISE_CONV_2D = Kind(4, 2, (*_MOVES, ("i", "depth_multiplier", 0), _FUSED, *_DILATED), 3)
    FULLY_CONNECTED = Kind(9, 8, (_FUSED,), 4)
    LOGISTIC = Kind(14, 0, (), 2)
    MAX_POOL_2D = Kind(17, 5, (*_MOVES, ("i", "filter_w", 0), ("i", "filter_h", 0), _FUSED), 2)
    MUL = Kind(18, 21, (_FUSED,), 2)
    RESHAPE = Kind(22, 17)
    SOFTMAX = Kind(25, 9, (("f", "beta", 0.0),), 2)
    TANH = Kind(28, 0, (), 2)
    PAD = Kind(34, 22, (), 2)
    SUB = Kind(41, 28, (_FUSED, ("?", "pot_scale_int16", True)), 2)
    EXP = Kind(47, 33, (), 2)
    SPLIT = Kind(49, 35, (("i", "splits", 0),), 2)
    MINIMUM = Kind(57, 39, (), 2)
    SUM = Kind(74, 27, (("?", "keep_dims", False),), 2)
    QUANTIZE = Kind(114, 89, (), 2)


SAME, VALID = 0, 1
NO_ACTIVATION, RELU = 0, 1
TYPES = {"int8": 9, "int16": 7, "int32": 2, "int64": 4}


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor: real = (raw - zero) * scale.

    Parameters
    ----------
    index : int
        Its place in the graph.
    name : str
    shape : tuple of int
    dtype : str
        ``"int8"``, ``"int16"``, ...
    scale : float or None
        None: plain integers, such as axes.
    zero : int
    data : integer array or None
        Of a constant.
    gain : float
        What its real numbers have to be multiplied with to be what the program means; the next product does it.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero: int = 0
    data: NDArray[Any] | None = None
    gain: float = 1.0

    @property
    def step(self) -> float:
        """The scale of a quantised tensor."""
        if self.scale is None:
            raise ValueError(f"{self.name!r} is not quantised")
        return self.scale

    @property
    def bytes(self) -> int:
        """Of its elements."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def times(self, gain: float) -> Value:
        """The same tensor, read as so many times its numbers."""
        return replace(self, gain=self.gain * gain)


@dataclass(eq=False)
class Step:
    """One operator, what it takes and makes, and its options by name."""

    operator: Operator
    inputs: list[int]
    outputs: list[int]
    options: dict[str, int | float | bool] = field(default_factory=dict)


class Graph:
    """Grows operator by operator.

    Attributes
    ----------
    tensors : list of Value
    steps : list of Step
    inputs, outputs : list of int
    """

    def __init__(self) -> None:
        self.tensors: list[Value] = []
        self.steps: list[Step] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self._constants: dict[tuple[Any, ...], Value] = {}

    def _new(self, name: str, shape: tuple[int, ...], dtype: str, scale: float | None, zero: int,
             data: NDArray[Any] | None = None) -> Value:  # fmt: skip
        scale = None if scale is None else float(np.float32(scale))
        value = Value(len(self.tensors), name, tuple(int(n) for n in shape), dtype, scale, zero, data)
        self.tensors.append(value)
        return value

    def input(self, name: str, shape: tuple[int, ...], scale: float) -> Value:
        """The input, int8."""
        value = self._new(name, shape, "int8", scale, 0)
        self.inputs.append(value.index)
        return value

    def constant(self, name: str, raw: NDArray[Any], dtype: str, scale: float | None = None) -> Value:
        """A constant of raw integers; the same one twice is held once."""
        raw = np.ascontiguousarray(raw, dtype=dtype)
        key = (raw.tobytes(), raw.shape, dtype, scale)
        if key not in self._constants:
            self._constants[key] = self._new(name, raw.shape, dtype, scale, 0, raw)
        return self._constants[key]

    def add(
        self, operator: Operator, inputs: Sequence[Value], name: str, shape: tuple[int, ...], dtype: str, scale: float,
        zero: int = 0, **options: int | float | bool,
    ) -> Value:  # fmt: skip
        """The result of an operator."""
        out = self._new(name, shape, dtype, scale, zero)
        self.steps.append(Step(operator, [v.index for v in inputs], [out.index], options))
        return out

    def split(self, value: Value, name: str) -> list[Value]:
        """The rows of a matrix."""
        axis = self.constant("axis", np.zeros((), np.int32), "int32")
        shape = (1, *value.shape[1:])
        rows = [self._new(f"{name}{i}", shape, value.dtype, value.scale, value.zero) for i in range(value.shape[0])]
        step = Step(Operator.SPLIT, [axis.index, value.index], [r.index for r in rows], {"splits": len(rows)})
        self.steps.append(step)
        return [row.times(value.gain) for row in rows]

    def maker(self, value: Value) -> Step | None:
        """The operator whose result it is."""
        return next((step for step in reversed(self.steps) if value.index in step.outputs), None)

    def readers(self, value: Value) -> int:
        """Operators that take it."""
        return sum(value.index in step.inputs for step in self.steps)
