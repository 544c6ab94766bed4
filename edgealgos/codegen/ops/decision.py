"""The op that answers with a class where it is likely enough, and else with none. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.link import SHARES, SOFTMAX
from ..program.op import (
    FREE,
    Counts,
    Cpp,
    Op,
    Pieces,
    Returned,
    Scores,
    Shapes,
    Types,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import QType
from ..program.scores import REJECTED, decide, decide_if_sure
from ..program.tables import EXP2

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["SureArgMax"]


@dataclass(frozen=True)
class SureArgMax(Op):
    """Index of the largest element if its class is at least ``below / 256`` likely, else 255."""

    out: Returned
    source: Scores
    below: int

    kernels = ("runtime", "probability")
    largest = counting(source=254)
    bound = cannot_overflow("it compares, and looks powers up")

    @property
    def least_share(self) -> int:  # type: ignore[override]
        return self.below

    def shapes(self, program: Program) -> Shapes:
        return {"out": (1,), "source": FREE}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return decide(v[self.source])[:, None]

    def integer(self, program: Program, v: Values) -> NDArray[np.int64]:
        return decide_if_sure(v[self.source], program.link, program[self.source].type.frac, self.below)[:, None]

    def types(self, program: Program) -> Types:
        return {self.out: QType(16, 0)}

    def value_range(self, program: Program) -> tuple[int, int]:
        return 0, REJECTED

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        return {"exp2 table": EXP2}

    def cost(self, program: Program) -> Counts:
        name = self._name(program)
        return Counter({f"call {name}": 1, name: program[self.source].size})

    def _name(self, program: Program) -> str:
        """What it costs goes by the link, and by whether one share tells the other."""
        link, size = program.link, program[self.source].size
        kind = SOFTMAX if size <= 2 and link.kind != SHARES else link.kind
        return f"SureArgMax of {kind}{' of two' * (size <= 2)}"

    def pieces(self, program: Program) -> Pieces:
        name, scores = self._name(program), program[self.source]
        kernels = frozenset({"argmax"} if scores.size > 1 else ())
        moved = scores.size <= 2 and program.link.kind != SHARES and program.link.constants(scores.type.frac).offset
        options = {"SureArgMax with an offset": 1} if moved else {}
        return Pieces(name, inline=options, kernels=kernels, frames=frozenset({"SureArgMax", name}))

    def call(self, program: Program, cpp: Cpp) -> str:
        numbers = f"{cpp.constant('kScores', program[self.source].size)}, {cpp.constant('kBelow', self.below)}"
        return f"return edgealgos::if_sure<Link, {numbers}>({cpp.ref(self.source)}, {cpp.largest(self.source)});"
