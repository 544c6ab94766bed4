"""Updates of hidden states: FastGRNN's gate, FastRNN's residual, GRU's two gates. Knows programs, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import (
    Constant,
    Counts,
    Cpp,
    Op,
    Option,
    Pieces,
    Read,
    Shapes,
    Types,
    Update,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import CANDIDATE, PREACTIVATION, STATE, Ints, QType, shift_right
from ..program.tables import TANH, TANH_SHIFT

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["GRUUpdate", "GatedUpdate", "LeakyUpdate"]

# Where activations saturate, in real numbers too.
LARGEST_CANDIDATE, LARGEST_GATE, LARGEST_STATE = 127 / 128, 255 / 256, 32767 / 32768
UNSIGNED_BYTE = QType(9, 8)  # zeta and nu: 0..255 with 8 fractional bits
_TANH = {"hard_tanh": "edgealgos::HardTanh", "tanh": "edgealgos::TableTanh"}
_TABLES: dict[str, Mapping[str, NDArray[Any]]] = {"hard_tanh": {}, "tanh": {"tanh table": TANH}}


@dataclass(frozen=True)
class GatedUpdate(Op):
    """FastGRNN: ``h = (zeta (1 - s) + nu) tanh(p + b_h) + s h`` with ``s = sigmoid(p + b_z)``; `out` is the state.

    Kusupati et al., NeurIPS 2018, section 3.2. `nonlinearity` is ``"hard_tanh"`` or ``"tanh"``.
    """

    out: Update
    preactivation: Read
    gate_bias: Constant
    candidate_bias: Constant
    zeta: Constant
    nu: Constant
    nonlinearity: Option

    kernels = ("runtime",)
    largest = counting(out=255)
    bound = cannot_overflow("a byte times a byte and a byte times the state make 16 and 24 bits")

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.out, self.preactivation

    def shapes(self, program: Program) -> Shapes:
        state = program[self.out].shape
        biases = dict.fromkeys(("out", "preactivation", "gate_bias", "candidate_bias"), state)
        return biases | {"zeta": (), "nu": ()}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        h, p = v[self.out], v[self.preactivation]
        gate = _real_sigmoid(p + v[self.gate_bias], self.nonlinearity)
        candidate = _real_tanh(p + v[self.candidate_bias], self.nonlinearity)
        mix = np.minimum(v[self.zeta] * (1.0 - gate) + v[self.nu], LARGEST_GATE)
        state: NDArray[Any] = np.clip(mix * candidate + gate * h, -1.0, LARGEST_STATE)
        return state

    def integer(self, program: Program, v: Values) -> Ints:
        h = v[self.out]
        gate = integer_sigmoid(_biased(program, self.preactivation, self.gate_bias, v), self.nonlinearity)
        candidate = integer_tanh(_biased(program, self.preactivation, self.candidate_bias, v), self.nonlinearity)
        mix = np.minimum(255, (v[self.zeta] * (256 - gate) + v[self.nu] * 256 + 128) >> 8)
        return STATE.saturate(mix * candidate + shift_right(gate * h, 8))

    def types(self, program: Program) -> Types:
        biases = {name: _as_coarse(program, name) for name in (self.gate_bias, self.candidate_bias)}
        return biases | {self.zeta: UNSIGNED_BYTE, self.nu: UNSIGNED_BYTE}

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        return _TABLES[self.nonlinearity]

    def cost(self, program: Program) -> Counts:
        kind = f"GatedUpdate {self.nonlinearity}"
        return Counter({f"call {kind}": 1, kind: program[self.out].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces(f"GatedUpdate {self.nonlinearity}", frames=frozenset({"GatedUpdate"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        names = {"kGateShift": self.gate_bias, "kCandidateShift": self.candidate_bias}
        shifts = ", ".join(cpp.constant(name, _up(program, bias)) for name, bias in names.items())
        call = f"edgealgos::gated_update<{_TANH[self.nonlinearity]}, {shifts}>"
        shares = {"kZeta": self.zeta, "kNu": self.nu}
        scalars = ", ".join(cpp.constant(name, int(program[share].values)) for name, share in shares.items())
        biases = f"{self.gate_bias}, {self.candidate_bias}"
        units = cpp.constant("kUnits", program[self.out].size)
        return f"{call}({self.preactivation}, {biases}, {scalars}, {self.out}, {units});"


@dataclass(frozen=True)
class LeakyUpdate(Op):
    """FastRNN: ``h = alpha tanh(p + b_h) + beta h``; `out` is the state (Kusupati et al., section 3.1)."""

    out: Update
    preactivation: Read
    candidate_bias: Constant
    alpha: Constant
    beta: Constant
    nonlinearity: Option

    kernels = ("runtime",)
    largest = counting(out=255)
    bound = cannot_overflow("a word times a byte and a word times a word fit into 32 bits")

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.out, self.preactivation

    def shapes(self, program: Program) -> Shapes:
        state = program[self.out].shape
        return {"out": state, "preactivation": state, "candidate_bias": state, "alpha": (), "beta": ()}

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        candidate = _real_tanh(v[self.preactivation] + v[self.candidate_bias], self.nonlinearity)
        state = v[self.alpha] * candidate + v[self.beta] * v[self.out]
        out: NDArray[Any] = np.clip(state, -1.0, LARGEST_STATE)
        return out

    def integer(self, program: Program, v: Values) -> Ints:
        candidate = integer_tanh(_biased(program, self.preactivation, self.candidate_bias, v), self.nonlinearity)
        return STATE.saturate(shift_right(v[self.alpha] * candidate, 7) + shift_right(v[self.beta] * v[self.out], 15))

    def types(self, program: Program) -> Types:
        share = QType(16, 15)
        return {self.candidate_bias: _as_coarse(program, self.candidate_bias), self.alpha: share, self.beta: share}

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        return _TABLES[self.nonlinearity]

    def cost(self, program: Program) -> Counts:
        kind = f"LeakyUpdate {self.nonlinearity}"
        return Counter({f"call {kind}": 1, kind: program[self.out].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces(f"LeakyUpdate {self.nonlinearity}", frames=frozenset({"LeakyUpdate"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        shift = cpp.constant("kCandidateShift", _up(program, self.candidate_bias))
        call = f"edgealgos::leaky_update<{_TANH[self.nonlinearity]}, {shift}>"
        shares = {"kAlpha": self.alpha, "kBeta": self.beta}
        scalars = ", ".join(cpp.constant(name, int(program[share].values)) for name, share in shares.items())
        vectors = f"{self.preactivation}, {self.candidate_bias}"
        return f"{call}({vectors}, {scalars}, {self.out}, {cpp.constant('kUnits', program[self.out].size)});"


@dataclass(frozen=True)
class GRUUpdate(Op):
    """GRU: ``h = (1 - z) tanh(a_c + r b_c + bias_c) + z h``; `out` is the state (Cho et al., EMNLP 2014).

    With ``a = W x`` (`input_product`), ``b = U h`` (`state_product`), ``z = sigmoid(a_z + b_z + bias_z)`` and r alike:
    the reset gate stands behind the product. In all vectors the three numbers of a unit, of z, r and candidate, follow
    each other.
    """

    out: Update
    input_product: Read
    state_product: Read
    bias: Constant
    nonlinearity: Option

    kernels = ("runtime",)
    largest = counting(out=255)
    bound = cannot_overflow("sums of pre-activations saturate, and the shares of candidate and state add up to one")
    measured = MappingProxyType({
        "avr/costs.json": {
            "cycles": {
                "call GRUUpdate hard_tanh": 13.11, "GRUUpdate hard_tanh": 220.52,
                "call GRUUpdate tanh": 0.0, "GRUUpdate tanh": 275.64,
            },
            "flash": {"call GRUUpdate hard_tanh": 503.0, "call GRUUpdate tanh": 473.0},
            "ram": {"frame GRUUpdate": 17.0},
        }
    })  # fmt: skip

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.out, self.input_product, self.state_product

    def shapes(self, program: Program) -> Shapes:
        state = program[self.out].shape
        return {"out": state} | dict.fromkeys(("input_product", "state_product", "bias"), (3 * program[self.out].size,))

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        h, fresh, past = v[self.out], _by_unit(v[self.input_product]), _by_unit(v[self.state_product])
        bias = v[self.bias].reshape(-1, 3)
        z, r = (_real_sigmoid(fresh[..., i] + past[..., i] + bias[:, i], self.nonlinearity) for i in (0, 1))
        candidate = _real_tanh(fresh[..., 2] + r * past[..., 2] + bias[:, 2], self.nonlinearity)
        state: NDArray[Any] = (1.0 - z) * candidate + z * h
        return state

    def integer(self, program: Program, v: Values) -> Ints:
        h, fresh, past = v[self.out], _by_unit(v[self.input_product]), _by_unit(v[self.state_product])
        bias = v[self.bias].reshape(-1, 3) << _up(program, self.bias)

        def before(i: int, product: Ints) -> Ints:
            return PREACTIVATION.saturate(PREACTIVATION.saturate(fresh[..., i] + product) + bias[:, i])

        z, r = (integer_sigmoid(before(i, past[..., i]), self.nonlinearity) for i in (0, 1))
        candidate = integer_tanh(before(2, shift_right(r * past[..., 2], 8)), self.nonlinearity)
        state: Ints = (256 - z) * candidate + shift_right(z * h, 8)
        return state

    def types(self, program: Program) -> Types:
        return {self.bias: _as_coarse(program, self.bias)}

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        return _TABLES[self.nonlinearity]

    def cost(self, program: Program) -> Counts:
        kind = f"GRUUpdate {self.nonlinearity}"
        return Counter({f"call {kind}": 1, kind: program[self.out].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces(f"GRUUpdate {self.nonlinearity}", frames=frozenset({"GRUUpdate"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        shift = cpp.constant("kBiasShift", _up(program, self.bias))
        units = cpp.constant("kUnits", program[self.out].size)
        call = f"edgealgos::gru_update<{_TANH[self.nonlinearity]}, {shift}>"
        return f"{call}({self.input_product}, {self.state_product}, {self.bias}, {self.out}, {units});"


def _by_unit(values: NDArray[Any]) -> NDArray[Any]:
    """The three numbers of each unit along an axis of their own."""
    return values.reshape(*values.shape[:-1], -1, 3)


def _real_tanh(a: NDArray[Any], nonlinearity: str) -> NDArray[Any]:
    found: NDArray[Any] = np.tanh(a) if nonlinearity == "tanh" else np.clip(a, -1.0, LARGEST_CANDIDATE)
    return found


def _real_sigmoid(a: NDArray[Any], nonlinearity: str) -> NDArray[Any]:
    return 0.5 + 0.5 * np.tanh(0.5 * a) if nonlinearity == "tanh" else np.clip(0.5 * (a + 1.0), 0.0, LARGEST_GATE)


def _up(program: Program, bias: str) -> int:
    """Bits by which a bias is shifted up to the pre-activation."""
    return PREACTIVATION.frac - program[bias].type.frac


def _biased(program: Program, preactivation: str, bias: str, v: Values) -> Ints:
    return PREACTIVATION.saturate(v[preactivation] + (v[bias] << _up(program, bias)))


def integer_tanh(a: Ints, nonlinearity: str) -> Ints:
    """Candidate in Q0.7 of a pre-activation with 12 fractional bits."""
    if nonlinearity == "tanh":
        looked_up: Ints = np.where(a < 0, -1, 1) * TANH[np.minimum(np.abs(a) >> TANH_SHIFT, 127)]
        return looked_up
    return CANDIDATE.rescale(a, PREACTIVATION.frac)


def integer_sigmoid(a: Ints, nonlinearity: str) -> Ints:
    """Gate with 8 fractional bits in 0..255 of a pre-activation with 12 fractional bits."""
    if nonlinearity == "tanh":
        return np.clip(128 + integer_tanh(a >> 1, "tanh"), 0, 255)
    return np.clip(shift_right(a + 4096, 5), 0, 255)


def _as_coarse(program: Program, bias: str) -> QType:
    """The type of a bias with no more fractional bits than the pre-activation that it is shifted up to."""
    qtype = program[bias].type
    return QType(qtype.bits, min(qtype.frac, PREACTIVATION.frac))
