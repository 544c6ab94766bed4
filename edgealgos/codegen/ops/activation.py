"""Non-linearities of dense layers, element by element. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import (
    Counts,
    Cpp,
    Op,
    Option,
    Pieces,
    Read,
    Reusable,
    Shapes,
    Types,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import CANDIDATE, PREACTIVATION, Ints, QType
from ..program.tables import TANH
from .recurrent import integer_sigmoid, integer_tanh

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["Rectify", "Squash"]


@dataclass(frozen=True)
class Rectify(Op):
    """``out = max(source, 0)``."""

    source: Reusable

    kernels = ("runtime",)
    largest = counting()
    bound = cannot_overflow("it compares")
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {"call Rectify 8": 23.53, "Rectify 8": 17.99, "call Rectify 16": 60.55, "Rectify 16": 10.81},
            "flash": {"call Rectify 8": 60.0, "call Rectify 16": 60.0},
            "ram": {"frame Rectify": 16.0},
        }
    })  # fmt: skip

    @property
    def alike(self) -> tuple[str, ...]:
        return self.out, self.source

    @property
    def reach_of(self) -> Mapping[str, str]:
        """What is below zero may saturate."""
        return {self.source: self.out}

    def shapes(self, program: Program) -> Shapes:
        return dict.fromkeys(("out", "source"), program[self.out].shape)

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        out: NDArray[Any] = np.maximum(v[self.source], 0)
        return out

    integer = real

    def types(self, program: Program) -> Types:
        return {self.out: program[self.source].type}

    def value_range(self, program: Program) -> tuple[int, int]:
        return 0, program[self.out].type.high

    def cost(self, program: Program) -> Counts:
        kind = f"Rectify {program[self.out].type.container}"
        return Counter({f"call {kind}": 1, kind: program[self.out].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces(f"Rectify {program[self.out].type.container}", frames=frozenset({"Rectify"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        size = cpp.constant("kSize", program[self.out].size)
        return f"edgealgos::rectify({self.source}, {cpp.ref(self.out)}, {size});"


@dataclass(frozen=True)
class Squash(Op):
    """``out = tanh(source)`` or ``1 / (1 + exp(-source))``, by table.

    `source` is a pre-activation, 16 bits with 12 fractional ones. tanh has 8 bits with 7 fractional ones; the logistic
    function is ``(1 + tanh(source / 2)) / 2``, 0..255 with 8 fractional bits in 16.
    """

    source: Read
    function: Option = "tanh"

    kernels = ("runtime",)
    largest = counting()
    bound = cannot_overflow("it looks up")
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {
                "call Squash tanh": 6.49, "Squash tanh": 23.51, "call Squash logistic": 28.09, "Squash logistic": 9.3,
            },
            "flash": {"call Squash tanh": 60.0, "call Squash logistic": 60.0},
            "ram": {"frame Squash": 16.0},
        }
    })  # fmt: skip

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.out, self.source

    def shapes(self, program: Program) -> Shapes:
        return dict.fromkeys(("out", "source"), program[self.out].shape)

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        out: NDArray[Any] = np.tanh(v[self.source]) if self._is_tanh else 0.5 + 0.5 * np.tanh(0.5 * v[self.source])
        return out

    def integer(self, program: Program, v: Values) -> Ints:
        return integer_tanh(v[self.source], "tanh") if self._is_tanh else integer_sigmoid(v[self.source], "tanh")

    def types(self, program: Program) -> Types:
        return {self.source: PREACTIVATION, self.out: CANDIDATE if self._is_tanh else QType(16, 8)}

    def value_range(self, program: Program) -> tuple[int, int]:
        return (-127, 127) if self._is_tanh else (0, 255)

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        return {"tanh table": TANH}

    def cost(self, program: Program) -> Counts:
        return Counter({f"call Squash {self.function}": 1, f"Squash {self.function}": program[self.out].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces(f"Squash {self.function}", frames=frozenset({"Squash"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        size = cpp.constant("kSize", program[self.out].size)
        return f"edgealgos::{self.function}_vector({self.source}, {cpp.ref(self.out)}, {size});"

    @property
    def _is_tanh(self) -> bool:
        return self.function == "tanh"
