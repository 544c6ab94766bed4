"""The op that takes the mean of what several models hold likely, each by its own scores. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from ..program.link import LOGISTIC, SOFTMAX
from ..program.op import (
    Counts,
    Cpp,
    Op,
    Option,
    Pieces,
    Scores,
    Shapes,
    Types,
    Values,
    cannot_overflow,
    counting,
)
from ..program.powers import KERNEL_FRAC, STEPS, exponent_scale, rbf_kernel, reciprocal
from ..program.qtype import Ints, QType
from ..program.tables import COARSE_EXP2, FINE_EXP2
from .products import SCORE_BITS

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["SumShares"]

_WHOLE = 1 << KERNEL_FRAC


@dataclass(frozen=True)
class SumShares(Op):
    """Sums of the shares that several models give the classes.

    Scores of one model stand beside each other. Its shares are the softmax of them (``"softmax"``), or the logistic
    function of each, divided by their sum (``"logistic"``). Of two classes each model has one score, whose logistic
    function is the second one's share: then there is one sum, of what that leads by.

    Parameters
    ----------
    source : str
        Shape (members * classes,).
    members : int
    kind : {"softmax", "logistic"}
    """

    source: Scores
    members: int
    kind: Option = LOGISTIC

    kernels = ("instances", "committee")
    largest = counting(out=255)
    bound = cannot_overflow("shares are one at most, of 255 members at most")
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {
                "call SumShares": 0.0, "share of leads": 297.3, "share of logistic": 1249.0, "share of softmax": 449.5,
            },
            "flash": {
                "call SumShares of leads": 510.0, "call SumShares of logistic": 1269.32,
                "call SumShares of softmax": 887.25,
            },
            "ram": {"frame SumShares": 19.0},
        }
    })  # fmt: skip

    def shapes(self, program: Program) -> Shapes:
        if self.kind not in (LOGISTIC, SOFTMAX):
            raise ValueError(f"SumShares: kind={self.kind!r} must be {LOGISTIC!r} or {SOFTMAX!r}")
        if not 1 <= self.members <= 255:
            raise ValueError(f"SumShares: {self.members} members; 1 to 255 of them can vote")
        (classes,) = self.axes(program, self.out, 1)
        return {"out": (classes,), "source": (self.members * classes,)}

    # ------------------------------------------------------------------ meaning

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        scores = self._by_member(v[self.source])
        if scores.shape[2] == 1:
            shares = 2 * expit(scores) - 1
        elif self.kind == SOFTMAX:
            shares = softmax(scores, axis=2)
        else:
            below = np.minimum(scores.max(axis=2, keepdims=True), 0.0)  # where all vanish, multiples of the largest
            parts = np.exp(np.minimum(scores, 0.0) - below) / (1 + np.exp(-np.abs(scores)))
            shares = parts / parts.sum(axis=2, keepdims=True)
        found: NDArray[Any] = shares.sum(axis=1)
        return found

    def integer(self, program: Program, v: Values) -> Ints:
        scores, scale = self._by_member(v[self.source]), self._scale(program)
        if scores.shape[2] == 1:
            ahead = reciprocal(_WHOLE + rbf_kernel(np.abs(scores), *scale)) - _WHOLE
            return np.asarray(np.where(scores > 0, ahead, -ahead).sum(axis=1))
        best = scores.max(axis=2, keepdims=True)
        if self.kind == SOFTMAX:
            parts = rbf_kernel(best - scores, *scale)
        else:
            own = rbf_kernel(np.where(scores < 0, np.minimum(best, 0) - scores, 0), *scale)
            parts = own * reciprocal(_WHOLE + rbf_kernel(np.abs(scores), *scale)) >> 16
        total = parts.sum(axis=2, keepdims=True)
        up = np.maximum(16 - np.frexp(total.astype(np.float64))[1], 0)
        down = np.maximum(np.frexp(total.astype(np.float64))[1] - 16, 0)
        shares = (parts * reciprocal(total << up >> down) >> 16) << up >> down
        return np.asarray(shares.sum(axis=1))

    def _by_member(self, scores: NDArray[Any]) -> NDArray[Any]:
        return scores.reshape(len(scores), self.members, -1)

    def _scale(self, program: Program) -> tuple[int, int]:
        return exponent_scale(float(np.ldexp(1 / log(2.0), STEPS - program[self.source].type.frac)))

    def types(self, program: Program) -> Types:
        return {self.out: QType(SCORE_BITS, KERNEL_FRAC)}

    def value_range(self, program: Program) -> tuple[int, int]:
        most = self.members * _WHOLE
        return -most if program[self.out].size == 1 else 0, most

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        return {"exp2 tables": np.concatenate([COARSE_EXP2, FINE_EXP2])}

    # ------------------------------------------------------------------ cost and code

    def _name(self, program: Program) -> str:
        return "leads" if program[self.out].size == 1 else self.kind

    def cost(self, program: Program) -> Counts:
        return Counter({"call SumShares": 1, f"share of {self._name(program)}": program[self.source].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces(f"SumShares of {self._name(program)}", frames=frozenset({"SumShares"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        shift, factor = self._scale(program)
        numbers = f"{cpp.constant('kShareShift', shift)}, {cpp.constant('kShareFactor', factor, 'uint16_t')}"
        counts = cpp.constant("kMembers", self.members)
        if program[self.out].size == 1:
            return f"edgealgos::sum_leads<{numbers}>({self.source}, {cpp.ref(self.out)}, {counts});"
        kind = f"edgealgos::{self.kind.capitalize()}Parts<{numbers}>"
        counts = f"{counts}, {cpp.constant('kClasses', program[self.out].size)}"
        return f"edgealgos::sum_shares<{kind}>({self.source}, {cpp.ref(self.out)}, {counts});"
