"""A model as numbers, their types and the frame around them, from which its program is written; knows no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codegen.ops import ArgMax
from ..codegen.program.encoding import InputEncoding
from ..codegen.program.op import Op
from ..codegen.program.program import Program
from ..codegen.program.qtype import QType
from ..codegen.program.tensor import Space, Tensor
from ..codegen.program.verify import verify

Arrays = Mapping[str, NDArray[np.float64]]
Types = Mapping[str, QType]


@dataclass(frozen=True, eq=False)
class Frame:
    """What stands around the numbers of a model.

    Parameters
    ----------
    writer : callable
        The family's ``program_of(weights, qtypes, frame)``, a pure function.
    shape : tuple of int
        Of one raw row: ``(features,)``, or ``(steps, features)`` of a sequence.
    encoding : InputEncoding
    labels : tuple or None
        Classes in the order of the scores; None for a regressor.
    structure : mapping
        Plain values that the program needs besides the numbers, and what was chosen where the user left it open.
    max_cycles : int or None
        Cycles of a prediction that are promised.
    warnings : tuple of str
        What the encoding loses of the inputs.
    """

    writer: Callable[[Arrays, Types, Frame], Program]
    shape: tuple[int, ...]
    encoding: InputEncoding
    labels: tuple[Any, ...] | None
    structure: Mapping[str, Any] = field(default_factory=dict)
    max_cycles: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def n_outputs(self) -> int:
        """Score columns: one for two classes and for a regressor, else one a class."""
        return len(self.labels) if self.labels is not None and len(self.labels) > 2 else 1

    @property
    def problem(self) -> str:
        """What training calls it."""
        if self.labels is None:
            return "regression"
        return "multiclass" if self.n_outputs > 1 else "binary"

    def program_of(self, weights: Arrays, qtypes: Types) -> Program:
        """The float program of such numbers: the one meaning that Python and the device share."""
        return self.writer(weights, qtypes, self)

    def input(self, doc: str = "device input") -> Tensor:
        """What the program takes: a row, or a step of a sequence."""
        return Tensor("x", self.shape[-1:], Space.INPUT, self.encoding.qtype, doc=doc)

    def output(self) -> Tensor:
        """The scores."""
        return Tensor("scores", (self.n_outputs,), Space.OUTPUT, doc="one score a class")

    def program(self, family: str, tensors: list[Tensor], functions: dict[str, list[Op]]) -> Program:
        """The program of these tensors and ops; a classifier's ends in the arg-max."""
        facts: dict[str, Any] = {"task": "regressor", "max_cycles": self.max_cycles, "warnings": self.warnings}
        if self.labels is not None:
            facts |= {"task": "classifier", "labels": self.labels}
            tensors = [*tensors, Tensor("label", (1,), Space.SCRATCH, doc="index of the class")]
            functions = functions | {"predict": [*functions["predict"], ArgMax("label", source="scores")]}
        frozen = {name: tuple(body) for name, body in functions.items()}
        steps = self.shape[0] if "push" in functions else None
        return verify(Program(tuple(tensors), frozen, self.encoding, steps=steps, family=family, **facts))


@dataclass(frozen=True, eq=False)
class Constants:
    """Trained numbers as tensors of a program."""

    weights: Arrays
    qtypes: Types

    def flash(self, name: str, source: str | None = None, doc: str = "") -> Tensor:
        """A trained constant; `source` is its name in training where the program has a longer one."""
        source = source or name
        data = self.weights[source]
        return Tensor(name, data.shape, Space.FLASH, self.qtypes.get(source), data, doc=doc)

    def scalar(self, name: str) -> Tensor:
        """A constant that becomes an operand of an instruction."""
        return Tensor(name, (), Space.FLASH, self.qtypes.get(name), self.weights[name].reshape(()))

    def optional(self, name: str, source: str, doc: str) -> list[Tensor]:
        """A constant where training made one."""
        return [self.flash(name, source, doc)] if source in self.weights else []

    def activation(self, name: str, size: int, source: str | None = None, doc: str = "") -> Tensor:
        """A vector that lives inside one function, of the type that training profiled (as `source`)."""
        return Tensor(name, (size,), Space.SCRATCH, self.qtypes.get(source or name), doc=doc)


@dataclass(frozen=True, eq=False)
class Model:
    """What a training gives: numbers on their grids, their types, the frame around them.

    Parameters
    ----------
    weights, qtypes : mapping of str
        Every stored tensor, and its type; types of activations that training profiled.
    frame : Frame
    n_iter : int
        Passes over the rows (of boosting: rounds).
    history : mapping of str to list
        Per pass, what is worth a look afterwards: ``loss``, ``score``, ...
    float_weights : mapping of str to array
        The weights before rounding, where training may go on from them.
    representations : mapping of str to str or None
        What a search for narrower ones has given to matrices.
    """

    weights: Arrays
    qtypes: Types
    frame: Frame
    n_iter: int = 0
    history: Mapping[str, list[float]] = field(default_factory=dict)
    float_weights: Arrays = field(default_factory=dict)
    representations: Mapping[str, str] | None = None

    @property
    def program(self) -> Program:
        """Its float program."""
        return self.frame.program_of(self.weights, self.qtypes)

    def with_structure(self, **changes: Any) -> Model:
        """The same numbers in another structure."""
        return replace(self, frame=replace(self.frame, structure={**self.frame.structure, **changes}))


@dataclass(frozen=True, eq=False)
class Examples:
    """Raw rows (n, ...), class indices or real targets (n,), weights (n,), and groups that are never split."""

    rows: NDArray[np.float64]
    y: NDArray[Any]
    weight: NDArray[np.float64]
    groups: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def where(self, mask: NDArray[np.bool_] | NDArray[np.int64]) -> Examples:
        """Those of a mask, or of row numbers."""
        groups = None if self.groups is None else self.groups[mask]
        return Examples(self.rows[mask], self.y[mask], self.weight[mask], groups)


@dataclass(frozen=True)
class Choice:
    """What is open about a training until it is chosen.

    Parameters
    ----------
    bits : int
        Width to which weights are rounded.
    structure : mapping
        The family's, complete.
    variation : str
        How rows are varied: "spread", as the family's recipe has it; "plain", hardly; "near", mixed with
        their nearest alone; "taught", the same with the answers of a forest; "spread taught"; "moved", as pictures or
        sequences may be, and "mirrored" besides.
    """

    bits: int
    structure: Mapping[str, Any]
    variation: str = "spread"

    @classmethod
    def told(cls, told: Mapping[str, Any]) -> Choice:
        """The one that ``history_["choices"]`` tells of."""
        apart = ("bits", "variation", "validation_error")
        return cls(told["bits"], {k: v for k, v in told.items() if k not in apart}, told["variation"])


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one training is given.

    Parameters
    ----------
    examples : Examples
    x_q : integer array, shape (n, ...)
        Device inputs of the rows.
    frame : Frame
        Its structure is the family's to choose.
    bits : int
        Width to which weights are rounded.
    seed : int
    answer : callable or None
        A teacher's answers to raw rows.
    start : mapping of str to array or None
        Parameters to go on from, the matrices of `four_bits` rounded to four bits.
    choice : Choice or None
        What was left open, where it is chosen.
    advice : callable or None
        Grows a forest on these device inputs when it is first called, and gives its answers to such.
    choices : tuple of mapping
        What the choice was made of, for people.
    picture : tuple of int or None
        Rows, positions and channels of the pictures that rows seem to be.
    """

    examples: Examples
    x_q: NDArray[Any]
    frame: Frame
    bits: int
    seed: int
    answer: Callable[[NDArray[Any]], NDArray[np.float32]] | None = None
    start: Arrays | None = None
    four_bits: tuple[str, ...] = ()
    choice: Choice | None = None
    advice: Callable[[], Callable[[NDArray[Any]], NDArray[np.float32]]] | None = None
    choices: tuple[Mapping[str, Any], ...] = ()
    picture: tuple[int, int, int] | None = None

    def chosen(self, rows: NDArray[np.int64]) -> Lesson:
        """The same of some rows, by number; some more than once where they come more than once."""
        return replace(self, examples=self.examples.where(rows), x_q=self.x_q[rows])

    def structured(self, structure: Mapping[str, Any]) -> Lesson:
        """The same with the structure that a family has chosen."""
        return replace(self, frame=replace(self.frame, structure=structure))
