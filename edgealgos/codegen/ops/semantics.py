"""What every op means: in real numbers and, bit for bit, in the integers of the device.

Vectorised over samples with NumPy; one function an op and arithmetic. Knows programs, nothing of C++ or boards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.ir import (
    Add,
    ArgMax,
    CountStep,
    Decimate,
    GatedUpdate,
    KeepConfident,
    LeakyUpdate,
    MatVec,
    Op,
    Program,
    PrototypeScore,
    PushColumn,
    Rescale,
    Settle,
    SlideWindow,
    Space,
    Standardize,
    StartWindow,
    TreeWalk,
    WindowStatistics,
    kernel_headroom,
)
from ..program.qtype import CANDIDATE, PREACTIVATION, STATE, Ints, shift_right
from ..program.tables import EXP2, EXP2_BITS, TANH, TANH_SHIFT
from . import motion
from . import sound as spectrum

# Where activations saturate, in real numbers too.
LARGEST_CANDIDATE, LARGEST_GATE, LARGEST_STATE = 127 / 128, 255 / 256, 32767 / 32768

Reals = NDArray[np.float64]
Values = dict[str, NDArray[Any]]
Kernel = Callable[[Program, Any, Values], NDArray[Any] | None]

# ---- windows, the same for real numbers and integers ----------------------------------------------------------------


def margin(scores: NDArray[Any]) -> NDArray[Any]:
    """How far the best score of each row is above the second best; of one column the magnitude."""
    if scores.shape[1] == 1:
        found: NDArray[Any] = np.abs(scores[:, 0])
    else:
        found = np.diff(np.partition(scores, (-2, -1), axis=1)[:, -2:], axis=1)[:, 0]
    return found


def _count_step(program: Program, op: CountStep, v: Values) -> NDArray[Any]:
    count = v[op.out]
    return np.where(count == 2 * op.period, op.period, count) + 1


def _start_window(program: Program, op: StartWindow, v: Values) -> NDArray[Any] | None:
    if not len(v[op.clock]):
        return v[op.out]
    count = int(v[op.clock][0, 0])  # all samples are at the same step
    if count <= op.first:
        return None
    return np.zeros_like(v[op.out]) if count == op.first + op.period + 1 else v[op.out]


def _keep_confident(program: Program, op: KeepConfident, v: Values) -> NDArray[Any]:
    now, before = margin(v[op.source]), margin(v[op.out])
    better = v[op.clock][:, 0] % op.period == op.first % op.period
    if op.limit is not None:
        better = (better | (now > v[op.limit])) & (before <= v[op.limit])
    return np.where((better & (now > before))[:, None], v[op.source], v[op.out])


_WINDOW_OPS: dict[type[Op], Kernel] = {
    CountStep: _count_step,
    StartWindow: _start_window,
    KeepConfident: _keep_confident,
}

# ---- real numbers -------------------------------------------------------------------------------------------------


def _float_matvec(program: Program, op: MatVec, v: Values) -> Reals:
    out: Reals = v[op.vector] @ v[op.matrix].T
    out = out if op.bias is None else out + v[op.bias]
    tensor = program[op.out]
    if tensor.qtype is None or tensor.space is Space.OUTPUT:
        return out
    return np.clip(out, tensor.type.low * tensor.type.step, tensor.type.high * tensor.type.step)


def _float_tree_walk(program: Program, op: TreeWalk, v: Values) -> Reals:
    z = v[op.vector]
    scores = np.zeros((len(z), *program[op.out].shape)) + (0.0 if op.bias is None else v[op.bias])
    for node, rows in _visits(op, z, v):
        gate = np.clip(z[rows] @ v[op.gates][node].T, -1.0, LARGEST_CANDIDATE)
        scores[rows] += (z[rows] @ v[op.weights][node].T) * gate
    return scores


def _visits(op: TreeWalk, z: NDArray[Any], v: Values) -> list[tuple[int, NDArray[np.intp]]]:
    """Which rows pass through which node."""
    node = np.zeros(len(z), dtype=np.intp)
    visits = []
    for level in range(op.depth + 1):
        for k in np.unique(node):
            visits.append((int(k), np.flatnonzero(node == k)))
        if level < op.depth:
            assert op.branches is not None
            left = np.einsum("nd,nd->n", z, v[op.branches][node]) > 0
            node = 2 * node + np.where(left, 1, 2)
    return visits


def _float_prototype_score(program: Program, op: PrototypeScore, v: Values) -> Reals:
    z, prototypes = v[op.vector], v[op.prototypes]
    distance = ((z[:, None, :] - prototypes[None]) ** 2).sum(axis=2)
    scores: Reals = np.exp2(-distance) @ v[op.labels].T
    return scores if op.bias is None else scores + v[op.bias]


def _float_standardize(program: Program, op: Standardize, v: Values) -> Reals:
    raw = np.ldexp(v[op.source] * v[op.multiplier] + v[op.addend], -v[op.shift].astype(np.int64)) - 0.5
    out: Reals = np.ldexp(np.clip(raw, op.low, op.high), -program[op.out].type.frac)
    return out


def _float_gated_update(program: Program, op: GatedUpdate, v: Values) -> Reals:
    h, p = v[op.out], v[op.preactivation]
    gate = _float_sigmoid(p + v[op.gate_bias], op.nonlinearity)
    candidate = _float_tanh(p + v[op.candidate_bias], op.nonlinearity)
    mix = np.minimum(v[op.zeta] * (1.0 - gate) + v[op.nu], LARGEST_GATE)
    return np.clip(mix * candidate + gate * h, -1.0, LARGEST_STATE)


def _float_leaky_update(program: Program, op: LeakyUpdate, v: Values) -> Reals:
    candidate = _float_tanh(v[op.preactivation] + v[op.candidate_bias], op.nonlinearity)
    out: Reals = np.clip(v[op.alpha] * candidate + v[op.beta] * v[op.out], -1.0, LARGEST_STATE)
    return out


def _float_tanh(a: Reals, nonlinearity: str) -> Reals:
    return np.tanh(a) if nonlinearity == "tanh" else np.clip(a, -1.0, LARGEST_CANDIDATE)


def _float_sigmoid(a: Reals, nonlinearity: str) -> Reals:
    return 0.5 + 0.5 * np.tanh(0.5 * a) if nonlinearity == "tanh" else np.clip(0.5 * (a + 1.0), 0.0, LARGEST_GATE)


# ---- integers of the device ---------------------------------------------------------------------------------------


def _wrap(acc: Ints, bits: int) -> Ints:
    """Accumulators wrap as the device's do; inside the proven input range nothing ever wraps."""
    half = 1 << (bits - 1)
    return ((acc + half) & ((1 << bits) - 1)) - half


def _integer_matvec(program: Program, op: MatVec, v: Values) -> Ints:
    acc = exact_product(v[op.vector], v[op.matrix])
    if op.bias is not None:
        acc += v[op.bias]
    frac = program[op.matrix].type.frac + program[op.vector].type.frac
    return program[op.out].type.rescale(_wrap(acc, op.acc_bits), frac)


def exact_product(vectors: Ints, matrix: Ints) -> Ints:
    """``vectors @ matrix.T`` through float64, whose 53 bits hold every sum of 8 x 16 bit products exactly, fast."""
    product: Reals = vectors.astype(np.float64) @ matrix.astype(np.float64).T
    return product.astype(np.int64)


def _integer_tree_walk(program: Program, op: TreeWalk, v: Values) -> Ints:
    z = v[op.vector]
    f_z = program[op.vector].type.frac
    assert op.w_type is not None
    scores = np.zeros((len(z), *program[op.out].shape), np.int64) + (0 if op.bias is None else v[op.bias])
    for node, rows in _visits(op, z, v):
        acc_w = _wrap(exact_product(z[rows], v[op.weights][node]), op.acc_bits)
        acc_v = _wrap(exact_product(z[rows], v[op.gates][node]), op.acc_bits)
        w = op.w_type.rescale(acc_w, program[op.weights].type.frac + f_z)
        scores[rows] += w * CANDIDATE.rescale(acc_v, program[op.gates].type.frac + f_z)
    return scores


def _integer_prototype_score(program: Program, op: PrototypeScore, v: Values) -> Ints:
    z, prototypes = v[op.vector], v[op.prototypes]
    square = 2 * program[op.vector].type.frac
    distance = ((z[:, None, :] - prototypes[None]) ** 2).sum(axis=2)
    kernel, exponent = exp2_kernels(np.minimum(distance, 0xFFFF), square)
    bias: Ints = np.zeros(1, np.int64) if op.bias is None else v[op.bias]
    acc = _wrap(exact_product(kernel, v[op.labels]), op.acc_bits)
    return (acc << kernel_headroom(program, op) >> exponent[:, None]) + bias


def exp2_kernels(distance: Ints, frac: int) -> tuple[Ints, Ints]:
    """``2**-distance`` of each row in block floating point: mantissas 0..127 and one exponent a row.

    A kernel is ``mantissa * 2**-(7 + exponent)``; the exponent is that of the nearest prototype. Squared distances
    have `frac` fractional bits, those of 16 and more count as infinitely far.
    """
    steps = shift_right_floor(distance, frac - EXP2_BITS)
    whole = np.where(distance < 16 << frac, steps >> EXP2_BITS, 16)
    exponent = whole.min(axis=1, initial=16)
    shift = np.minimum(whole - exponent[:, None], 8)
    mantissa = EXP2[steps & ((1 << EXP2_BITS) - 1)]
    return np.where(whole < 16, (mantissa + (1 << shift >> 1)) >> shift, 0), exponent


def shift_right_floor(raw: Ints, shift: int) -> Ints:
    """`raw` shifted right without rounding, left where `shift` is negative."""
    return raw >> shift if shift > 0 else raw << -shift


def _integer_add(program: Program, op: Add, v: Values) -> Ints:
    return program[op.out].type.saturate(v[op.a] + v[op.b])


def _integer_rescale(program: Program, op: Rescale, v: Values) -> Ints:
    return program[op.out].type.rescale(v[op.source], program[op.source].type.frac)


def _integer_standardize(program: Program, op: Standardize, v: Values) -> Ints:
    sums: Ints = v[op.source] * v[op.multiplier] + v[op.addend]
    return np.clip(np.right_shift(sums, v[op.shift]), op.low, op.high).astype(np.int64)


def _integer_push_column(program: Program, op: PushColumn, v: Values) -> Ints:
    """The position counts features here; on the device it counts what lies before the next column."""
    column = int(v[op.position][0, 0]) if len(v[op.position]) else 0
    v[op.position] = v[op.position] + 1
    return _wrap(v[op.out] + v[op.vector] * v[op.matrix][column], program[op.out].type.bits)


def _integer_settle(program: Program, op: Settle, v: Values) -> Ints:
    source = program[op.source].type
    sums: Ints = v[op.source] if op.bias is None else v[op.source] + v[op.bias]
    return program[op.out].type.rescale(_wrap(sums, source.bits), source.frac)


def _biased(program: Program, preactivation: str, bias: str, v: Values) -> Ints:
    shifted = v[bias] << (PREACTIVATION.frac - program[bias].type.frac)
    return PREACTIVATION.saturate(v[preactivation] + shifted)


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


def _integer_gated_update(program: Program, op: GatedUpdate, v: Values) -> Ints:
    h = v[op.out]
    gate = integer_sigmoid(_biased(program, op.preactivation, op.gate_bias, v), op.nonlinearity)
    candidate = integer_tanh(_biased(program, op.preactivation, op.candidate_bias, v), op.nonlinearity)
    mix = np.minimum(255, (v[op.zeta] * (256 - gate) + v[op.nu] * 256 + 128) >> 8)
    return STATE.saturate(mix * candidate + shift_right(gate * h, 8))


def _integer_leaky_update(program: Program, op: LeakyUpdate, v: Values) -> Ints:
    candidate = integer_tanh(_biased(program, op.preactivation, op.candidate_bias, v), op.nonlinearity)
    return STATE.saturate(shift_right(v[op.alpha] * candidate, 7) + shift_right(v[op.beta] * v[op.out], 15))


def decide(scores: NDArray[Any]) -> NDArray[np.intp]:
    """Class indices of scores: the first largest; of one column: 1 where it is positive."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.intp)
    best: NDArray[np.intp] = np.argmax(scores, axis=1)
    return best


def _decide_op(program: Program, op: ArgMax, v: Values) -> NDArray[Any]:
    return decide(v[op.source])[:, None]


_EXTRACTOR_OPS: dict[type[Op], Kernel] = {
    Decimate: motion.decimate,
    SlideWindow: motion.slide_window,
    WindowStatistics: motion.window_statistics,
    **spectrum.KERNELS,
}

FLOAT_OPS: dict[type[Op], Kernel] = {
    **_WINDOW_OPS,
    MatVec: _float_matvec,
    TreeWalk: _float_tree_walk,
    PrototypeScore: _float_prototype_score,
    Add: lambda program, op, v: v[op.a] + v[op.b],
    Rescale: lambda program, op, v: v[op.source],
    Standardize: _float_standardize,
    GatedUpdate: _float_gated_update,
    LeakyUpdate: _float_leaky_update,
    ArgMax: _decide_op,
    **_EXTRACTOR_OPS,
}

INTEGER_OPS: dict[type[Op], Kernel] = {
    **_WINDOW_OPS,
    MatVec: _integer_matvec,
    TreeWalk: _integer_tree_walk,
    PrototypeScore: _integer_prototype_score,
    Add: _integer_add,
    Rescale: _integer_rescale,
    PushColumn: _integer_push_column,
    Settle: _integer_settle,
    Standardize: _integer_standardize,
    GatedUpdate: _integer_gated_update,
    LeakyUpdate: _integer_leaky_update,
    ArgMax: _decide_op,
    **_EXTRACTOR_OPS,
}
