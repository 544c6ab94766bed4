"""The program: tensors, functions of ops, an input encoding; what every pass, the interpreter and the emitter read.

Knows what an op is, but no op; nothing of estimators, boards or C++.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .encoding import InputEncoding
from .link import Link
from .op import Op
from .qtype import QType
from .tensor import Space, Tensor


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """A model as the device runs it.

    Parameters
    ----------
    tensors : tuple of Tensor
        In the order of their declaration; exactly one INPUT (one sample or one time step) and one OUTPUT (the scores).
    functions : mapping of str to tuple of Op
        ``predict`` always; sequence models also ``push`` (one time step). ``reset`` clears STATE and needs no ops.
        An op that waits for more (a window that is not full yet) ends its function for this time; what follows one that
        repeats runs for each of its results.
    encoding : InputEncoding
        Raw features to device inputs.
    task : str
        ``"classifier"``, ``"regressor"``, or ``"features"`` of a feature extractor alone, whose output are features.
    labels : tuple
        Class labels in the order of the scores; empty for a regressor.
    steps : int or None
        Time steps of a whole sequence, or None for a model without state.
    family : str
        Name of the model family, for people.
    preprocessing : frozenset of str
        Tensors of the feature extractor in front of the model; they are no part of the model's bytes.
    max_cycles : int or None
        Cycles of a prediction on an Uno that training has promised.
    warnings : tuple of str
        What its user should know, a sentence each.
    feature_names : tuple of str
        Names of the columns that `fit` has seen; empty where they had none.
    rate : float or None
        Raw samples a second, where a feature extractor says.
    hop : int or None
        Time steps from one answer to the next for a model that goes on for ever, None for one that begins anew.
    label_when_rejected : object
        What stands for no class, where none is likely enough.
    link : Link
        Which shares of likelihood a classifier's scores stand for.
    zeros : float
        Share of the device inputs that are zero, where that is the background of pictures.
    """

    tensors: tuple[Tensor, ...]
    functions: Mapping[str, tuple[Op, ...]]
    encoding: InputEncoding
    task: str
    labels: tuple[Any, ...] = ()
    steps: int | None = None
    family: str = "model"
    preprocessing: frozenset[str] = frozenset()
    max_cycles: int | None = None
    warnings: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    rate: float | None = None
    hop: int | None = None

    label_when_rejected: Any = None
    link: Link = field(default_factory=Link)
    zeros: float = 0.0

    _by_name: dict[str, Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {t.name: t for t in self.tensors})

    def __getitem__(self, name: str) -> Tensor:
        return self._by_name[name]

    @property
    def input(self) -> Tensor:
        """The INPUT tensor."""
        return next(t for t in self.tensors if t.space is Space.INPUT)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs of a sample or time step; empty where they have none of their own."""
        return self.feature_names if len(self.feature_names) == self.input.size else ()

    @property
    def label_texts(self) -> list[str]:
        """What devices call the classes, and what they say where none is likely enough, if that may be."""
        rejected = "rejected" if self.label_when_rejected is None else self.label_when_rejected
        labels = [*self.labels, *([rejected] if self.least_share else [])]
        return [str(label).replace("\0", r"\0") for label in labels]  # a character 0 would end a string of C

    @property
    def output(self) -> Tensor:
        """The scores."""
        return next(t for t in self.tensors if t.space is Space.OUTPUT)

    @property
    def scores(self) -> set[str]:
        """Names of the tensors that hold scores, in the full width of their sums: the output, and what ops compare."""
        return {self.output.name}.union(*(op.scores for op in self.ops()))

    def value_range(self, name: str) -> tuple[int, int]:
        """Smallest and largest raw value that a tensor can hold."""
        tensor = self[name]
        if tensor.space is Space.INPUT:
            return self.encoding.low, self.encoding.high
        writer = next((op for op in self.ops() if op.out == name), None)
        return (tensor.type.low, tensor.type.high) if writer is None else writer.value_range(self)

    @property
    def least_share(self) -> int:
        """How likely the best class must be, in 256ths, to be told; 0: any."""
        return max(op.least_share for op in self.functions["predict"]) if self.functions["predict"] else 0

    def ops(self) -> Iterator[Op]:
        """All ops, in the order of the functions."""
        for body in self.functions.values():
            yield from body

    def typed(self, types: Mapping[str, QType]) -> Program:
        """Copy in which the tensors named have these types."""
        return self.replacing(*(replace(self[name], qtype=qtype) for name, qtype in types.items())) if types else self

    def replacing(self, *changed: Tensor, **others: Any) -> Program:
        """Copy with tensors of the same names replaced, and other fields set."""
        by_name = {t.name: t for t in changed}
        return replace(self, tensors=tuple(by_name.get(t.name, t) for t in self.tensors), **others)


def same_program(a: Program, b: Program) -> bool:
    """Whether two programs are equal: tensors with their data, ops, encoding and labels."""
    return (
        len(a.tensors) == len(b.tensors)
        and all(s.equals(t) for s, t in zip(a.tensors, b.tensors, strict=True))
        and dict(a.functions) == dict(b.functions)
        and (a.task, a.labels, a.steps, a.family, a.link) == (b.task, b.labels, b.steps, b.family, b.link)
        and a.preprocessing == b.preprocessing
        and np.array_equal(a.encoding.offset, b.encoding.offset)
        and np.array_equal(a.encoding.scale, b.encoding.scale)
        and (a.encoding.low, a.encoding.high, a.encoding.qtype) == (b.encoding.low, b.encoding.high, b.encoding.qtype)
    )
