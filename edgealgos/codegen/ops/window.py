"""Windows over a sequence that may overlap: their clock, their start, the scores that are kept. Knows programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import (
    FREE,
    Constant,
    Counts,
    Cpp,
    Op,
    Pieces,
    Read,
    Scores,
    Shapes,
    Types,
    Update,
    Values,
    cannot_overflow,
    counting,
)
from ..program.scores import margin

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["CountStep", "KeepConfident", "StartWindow"]


@dataclass(frozen=True)
class CountStep(Op):
    """``out`` counts the pushes since ``reset``: 1, 2, ..., 2 `period`, and on from `period` + 1 again.

    With a `limit` it waits for ``reset`` once the margin of `kept` is above that: the answer stands. (The
    interpreter counts on; :class:`KeepConfident` sees to it that the answer does not change.)
    """

    out: Update
    period: int
    kept: Read | None = None
    limit: Constant | None = None

    kernels = ("runtime",)
    largest = counting(kept=255)
    bound = cannot_overflow("it begins anew after two periods")

    @property
    def fixed(self) -> tuple[str, ...]:
        return (self.out,)

    @property
    def stops_early(self) -> bool:
        return self.limit is not None

    def shapes(self, program: Program) -> Shapes:
        return {"out": (1,), "kept": FREE, "limit": ()}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        count = v[self.out]
        return np.where(count == 2 * self.period, self.period, count) + 1

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        compared = 0 if self.kept is None else program[self.kept].size
        return Counter({"call CountStep": 1, "score of a margin": compared})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("CountStep", frames=frozenset({"CountStep"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        step = f"edgealgos::count_step({self.out}, {cpp.constant('kPeriod', self.period)});"
        if self.kept is None or self.limit is None:
            return step
        found = f"edgealgos::margin({self.kept}, {cpp.constant('kScores', program[self.kept].size)})"
        limit = cpp.constant("kLimit", int(program[self.limit].values), "uint32_t")
        return f"if ({found} > {limit}) return;  // the answer stands\n{step}"


@dataclass(frozen=True)
class StartWindow(Op):
    """Clears the state `out` where a window of `period` steps starts, every `period` steps from the step `first` on.

    Waits before that, so what comes later in its function must not start earlier.
    """

    out: Update
    clock: Read
    first: int
    period: int

    kernels = ("runtime",)
    largest = counting(out=255)
    bound = cannot_overflow("it copies or clears")

    def shapes(self, program: Program) -> Shapes:
        return {"out": FREE, "clock": (1,)}

    def real(self, program: Program, v: Values) -> NDArray[Any] | None:
        if not len(v[self.clock]):
            return v[self.out]
        count = int(v[self.clock][0, 0])  # all samples are at the same step
        if count <= self.first:
            return None
        return np.zeros_like(v[self.out]) if count == self.first + self.period + 1 else v[self.out]

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def steps_left(self, steps: int) -> int:
        return max(steps - self.first, 0)

    def cost(self, program: Program) -> Counts:
        return Counter({"call StartWindow": 1})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("StartWindow", frames=frozenset({"StartWindow"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        units = cpp.constant("kUnits", program[self.out].size)
        when = f"{self.clock}, {cpp.constant('kFirst', self.first)}, {cpp.constant('kPeriod', self.period)}"
        return f"if (!edgealgos::start_window({when}, {self.out}, {units})) return;"


@dataclass(frozen=True)
class KeepConfident(Op):
    """``out = source`` where that has the larger margin: at the end of a window, or above the `limit` at any step.

    The margin of scores is the best less the second best; of a single score its magnitude. Once that of `out` is
    above the limit, `out` stays. Windows are those of :class:`StartWindow`.
    """

    out: Update
    source: Scores
    clock: Read
    first: int
    period: int
    limit: Constant | None = None

    kernels = ("runtime",)
    largest = counting(out=255)
    bound = cannot_overflow("it compares and copies")

    @property
    def alike(self) -> tuple[str, ...]:
        return self.out, self.source

    def shapes(self, program: Program) -> Shapes:
        scores = program[self.out].shape
        return {"out": scores, "source": scores, "clock": (1,), "limit": ()}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        now, before = margin(v[self.source]), margin(v[self.out])
        better = v[self.clock][:, 0] % self.period == self.first % self.period
        if self.limit is not None:
            better = (better | (now > v[self.limit])) & (before <= v[self.limit])
        return np.where((better & (now > before))[:, None], v[self.source], v[self.out])

    integer = real

    def types(self, program: Program) -> Types:
        scores = program[self.source].type
        return {name: scores for name in (self.out, self.limit) if name is not None}

    def cost(self, program: Program) -> Counts:
        compared = program[self.out].size + program[self.source].size
        return Counter({"call KeepConfident": 1, "score of a margin": compared})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("KeepConfident", kernels=frozenset({"margin"}), frames=frozenset({"KeepConfident"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        limit = (
            "UINT32_MAX" if self.limit is None else cpp.constant("kLimit", int(program[self.limit].values), "uint32_t")
        )
        when = f"{cpp.constant('kFirst', self.first)}, {cpp.constant('kPeriod', self.period)}"
        ends = f"edgealgos::window_ends({self.clock}, {when})"
        scores = cpp.constant("kScores", program[self.out].size)
        return f"edgealgos::keep_confident({self.source}, {self.out}, {scores}, {ends}, {limit});"
