"""FastGRNN and FastRNN over all steps, in real numbers or exactly as the device, with one gradient written by hand.

Knows pre-activations and states, nothing of parameters, budgets or schedules.

Thousands of tiny operations make a recurrence slow, not its arithmetic; differentiated automatically it takes three
times as many. What a step passes back depends only on values known after the forward pass (:class:`Slopes`), so the
backward pass is one product and three element-wise operations a step, and every sum over steps is one operation.
Rounding is passed straight through; nothing passes where a value saturates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..codegen.program.tables import TANH, TANH_SHIFT

Tensors = tuple[tf.Tensor, ...]
RAW_P, RAW_H, RAW_C, RAW_S = 4096.0, 32768.0, 128.0, 256.0  # units of pre-activation, state, candidate, gate


class Path(NamedTuple):
    """Real values of a forward pass: gates and candidates (steps, n, hidden), states (steps + 1, n, hidden)."""

    gates: tf.Tensor
    candidates: tf.Tensor
    states: tf.Tensor


class Slopes(NamedTuple):
    """How a state moves with what made it, each (steps, n, hidden).

    ``candidate`` and ``gate``: with the pre-activation, along either branch; ``carry``: with the previous state.
    ``open`` is 0 where the state saturates.
    """

    candidate: tf.Tensor
    gate: tf.Tensor
    carry: tf.Tensor
    open: tf.Tensor


def clip(value: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Saturation as one operation."""
    return tf.raw_ops.ClipByValue(t=value, clip_value_min=tf.constant(low), clip_value_max=tf.constant(high))


def half_up(value: tf.Tensor) -> tf.Tensor:
    """Nearest integer, halves up: the device's rounding."""
    return tf.floor(value + 0.5)


def _tanh_of_all() -> NDArray[np.float64]:
    """The device's tanh of every raw pre-activation from -32768 on."""
    a = np.arange(-32768, 32768)
    tanh: NDArray[np.float64] = np.sign(a) * TANH[np.minimum(np.abs(a) >> TANH_SHIFT, 127)]
    return tanh


CANDIDATES = _tanh_of_all().astype(np.float32)
GATES = (np.clip(128 + _tanh_of_all()[(np.arange(-32768, 32768) >> 1) + 32768], 0, 255) / RAW_S).astype(np.float32)


class Nonlinearity:
    """Gate and candidate of a pre-activation, with their derivatives.

    Parameters
    ----------
    name : {"hard_tanh", "tanh"}
    """

    def __init__(self, name: str):
        self.hard = name == "hard_tanh"

    def gate(self, a: tf.Tensor) -> tf.Tensor:
        """Sigmoid of real numbers."""
        return clip(0.5 * a + 0.5, 0.0, 1.0) if self.hard else tf.sigmoid(a)

    def candidate(self, a: tf.Tensor) -> tf.Tensor:
        """Tanh of real numbers."""
        return clip(a, -1.0, 1.0) if self.hard else tf.tanh(a)

    def offset(self, bias: tf.Tensor, of_gate: bool) -> tf.Tensor:
        """A real bias in the units of :meth:`device_gate` and :meth:`device_candidate`, rounding included."""
        if not self.hard:
            return bias * RAW_P + RAW_H
        return bias * RAW_C + (RAW_C + 0.5 if of_gate else 0.5)

    def prepare(self, p: tf.Tensor) -> tf.Tensor:
        """A raw pre-activation in the units of :meth:`offset`."""
        return p * (RAW_C / RAW_P) if self.hard else p

    def device_gate(self, a: tf.Tensor) -> tf.Tensor:
        """Real value of the device's gate, a multiple of 1/256."""
        if self.hard:
            return clip(tf.floor(a), 0.0, 255.0) * (1.0 / RAW_S)
        return tf.gather(GATES, tf.cast(clip(a, 0.0, 65535.0), tf.int32))

    def device_candidate(self, a: tf.Tensor) -> tf.Tensor:
        """Raw value of the device's candidate."""
        if self.hard:
            return clip(tf.floor(a), -128.0, 127.0)
        return tf.gather(CANDIDATES, tf.cast(clip(a, 0.0, 65535.0), tf.int32))

    def gate_slope(self, s: tf.Tensor) -> tf.Tensor:
        """Derivative of the gate, from its value."""
        return tf.where((s > 0.0) & (s < 255.0 / RAW_S), 0.5, 0.0) if self.hard else s * (1.0 - s)

    def candidate_slope(self, c: tf.Tensor) -> tf.Tensor:
        """Derivative of the candidate, from its value."""
        return tf.where(tf.abs(c) < 127.0 / RAW_C, 1.0, 0.0) if self.hard else 1.0 - c * c


class GatedCell:
    """FastGRNN: ``h = (zeta (1 - s) + nu) c + s h`` (Kusupati et al., NeurIPS 2018, section 3.2).

    Vectors are the biases of gate and candidate, scalars are zeta and nu (multiples of 1/256 where rounded).
    """

    def __init__(self, nonlinearity: str):
        self.f = Nonlinearity(nonlinearity)

    def real_step(self, p: tf.Tensor, h: tf.Tensor, vectors: Tensors, scalars: Tensors) -> Tensors:
        """Gate, candidate and next state."""
        s, c = self.f.gate(p + vectors[0]), self.f.candidate(p + vectors[1])
        return s, c, clip(((scalars[0] + scalars[1]) - scalars[0] * s) * c + s * h, -1.0, 1.0)

    def device_constants(self, vectors: Tensors, scalars: Tensors) -> Tensors:
        """What :meth:`device_step` needs, computed once a pass."""
        zeta, nu = RAW_S * scalars[0], RAW_S * scalars[1]
        return self.f.offset(vectors[0], True), self.f.offset(vectors[1], False), zeta, zeta + nu + 0.5

    def device_step(self, p: tf.Tensor, h: tf.Tensor, constants: Tensors) -> Tensors:
        """Real gate, raw candidate and raw next state of raw pre-activation and state."""
        gate_offset, candidate_offset, zeta, both = constants
        a = self.f.prepare(p)
        s, c = self.f.device_gate(a + gate_offset), self.f.device_candidate(a + candidate_offset)
        g = tf.minimum(tf.floor(both - zeta * s), 255.0)
        return s, c, clip(g * c + half_up(s * h), -RAW_H, RAW_H - 1.0)

    def slopes(self, path: Path, vectors: Tensors, scalars: Tensors) -> Slopes:
        """Partial derivatives along a path."""
        s, c, h = path.gates, path.candidates, path.states[:-1]
        zeta, nu = scalars
        inside = tf.where(tf.abs(path.states[1:]) < (RAW_H - 1.0) / RAW_H, 1.0, 0.0)
        candidate = (zeta + nu - zeta * s) * self.f.candidate_slope(c) * inside
        return Slopes(candidate, (h - zeta * c) * self.f.gate_slope(s) * inside, s * inside, inside)

    def constant_gradients(self, path: Path, slopes: Slopes, dh: tf.Tensor) -> Tensors:
        """Gradients of vectors and scalars from those of the states."""
        from_mix = dh * path.candidates * slopes.open
        vectors = tf.reduce_sum(dh * slopes.gate, [0, 1]), tf.reduce_sum(dh * slopes.candidate, [0, 1])
        return *vectors, tf.reduce_sum(from_mix * (1.0 - path.gates)), tf.reduce_sum(from_mix)


class LeakyCell:
    """FastRNN: ``h = alpha c + beta h`` (Kusupati et al., NeurIPS 2018, section 3.1).

    The one vector is the bias of the candidate, scalars are alpha and beta (multiples of 2**-15 where rounded).
    """

    def __init__(self, nonlinearity: str):
        self.f = Nonlinearity(nonlinearity)

    def real_step(self, p: tf.Tensor, h: tf.Tensor, vectors: Tensors, scalars: Tensors) -> Tensors:
        """No gate (the candidate stands in), candidate and next state."""
        c = self.f.candidate(p + vectors[0])
        return c, c, clip(scalars[0] * c + scalars[1] * h, -1.0, 1.0)

    def device_constants(self, vectors: Tensors, scalars: Tensors) -> Tensors:
        """What :meth:`device_step` needs, computed once a pass."""
        return self.f.offset(vectors[0], False), scalars[0] * (RAW_H / RAW_C), tf.cast(scalars[1], tf.float64)

    def device_step(self, p: tf.Tensor, h: tf.Tensor, constants: Tensors) -> Tensors:
        """As :meth:`GatedCell.device_step`; beta h has 31 bits, too many for single precision."""
        offset, alpha, beta = constants
        c = self.f.device_candidate(self.f.prepare(p) + offset)
        kept = tf.cast(half_up(beta * tf.cast(h, tf.float64)), tf.float32)
        return c, c, clip(half_up(alpha * c) + kept, -RAW_H, RAW_H - 1.0)

    def slopes(self, path: Path, vectors: Tensors, scalars: Tensors) -> Slopes:
        """Partial derivatives along a path."""
        inside = tf.where(tf.abs(path.states[1:]) < (RAW_H - 1.0) / RAW_H, 1.0, 0.0)
        candidate = scalars[0] * self.f.candidate_slope(path.candidates) * inside
        return Slopes(candidate, tf.zeros_like(candidate), scalars[1] * inside, inside)

    def constant_gradients(self, path: Path, slopes: Slopes, dh: tf.Tensor) -> Tensors:
        """Gradients of the vector and the scalars from those of the states."""
        dh_open = dh * slopes.open
        scalars = tf.reduce_sum(dh_open * path.candidates), tf.reduce_sum(dh_open * path.states[:-1])
        return tf.reduce_sum(dh * slopes.candidate, [0, 1]), *scalars


Cell = GatedCell | LeakyCell
CELLS: dict[str, Callable[[str], Cell]] = {"FastGRNN": GatedCell, "FastRNN": LeakyCell}


def times(h: tf.Tensor, factors: Tensors) -> tf.Tensor:
    """``U h`` of rows h, U given as one matrix or as outer and inner factor."""
    for factor in reversed(factors):
        h = tf.matmul(h, factor, transpose_b=True)
    return h


def real_path(cell: Cell, wx: tf.Tensor, factors: Tensors, vectors: Tensors, scalars: Tensors) -> Path:
    """All steps in real numbers."""
    h = tf.zeros_like(wx[0])
    steps = []
    for wx_t in tf.unstack(wx):
        s, c, h = cell.real_step(wx_t + times(h, factors), h, vectors, scalars)
        steps.append((s, c, h))
    return _stacked(steps)


def device_path(
    cell: Cell, wx: tf.Tensor, factors: Tensors, vectors: Tensors, scalars: Tensors, inner_scale: tf.Tensor
) -> Path:
    """All steps in the integers of the device, given as real numbers; arguments lie on their grids."""
    product = _device_product(factors, inner_scale)
    constants = cell.device_constants(vectors, scalars)
    h = tf.zeros_like(wx[0])
    steps = []
    for wx_t in tf.unstack(wx * RAW_P):
        h8 = tf.minimum(half_up(h * (RAW_C / RAW_H)), 127.0)
        p = clip(wx_t + product(h8), -32768.0, 32767.0)
        s, c, h = cell.device_step(p, h, constants)
        steps.append((s, c, h))
    raw = _stacked(steps)
    return Path(raw.gates, raw.candidates * (1.0 / RAW_C), raw.states * (1.0 / RAW_H))


def _stacked(steps: list[Tensors]) -> Path:
    """Gates, candidates and states of all steps, the states with the zero they start from."""
    gates, candidates, after = zip(*steps, strict=True)
    return Path(tf.stack(gates), tf.stack(candidates), tf.stack([tf.zeros_like(after[0]), *after]))


def _device_product(factors: Tensors, inner_scale: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """``U h8`` from raw to raw; scales are folded into the factors (powers of two: exact)."""
    if len(factors) == 1:
        outer = factors[0] * (RAW_P / RAW_C)
        return lambda h8: clip(half_up(tf.matmul(h8, outer, transpose_b=True)), -32768.0, 32767.0)
    outer, inner = factors[0] * (RAW_P / inner_scale), factors[1] * (inner_scale / RAW_C)

    def low_rank(h8: tf.Tensor) -> tf.Tensor:
        middle = clip(half_up(tf.matmul(h8, inner, transpose_b=True)), -128.0, 127.0)
        return clip(half_up(tf.matmul(middle, outer, transpose_b=True)), -32768.0, 32767.0)

    return low_rank


def states(
    cell: Cell, wx: tf.Tensor, factors: Tensors, vectors: Tensors, scalars: Tensors, *, rounded: tf.Tensor,
    inner_scale: tf.Tensor = 1.0,
) -> tf.Tensor:  # fmt: skip
    """Hidden state after every step, with a gradient for every argument but the last two.

    Parameters
    ----------
    cell : GatedCell or LeakyCell
    wx : tensor, shape (steps, n, hidden)
        Products of inputs and W; multiples of 2**-12 where rounded.
    factors : tuple of tensors
        ``(U,)``, or ``(U1, U2)`` of shapes (hidden, rank) and (rank, hidden).
    vectors, scalars : tuples of tensors
        Biases of shape (hidden,) and constants of shape () of the cell.
    rounded : scalar bool tensor
        Whether to compute as the device does.
    inner_scale : scalar tensor
        2**frac of the inner product of a low-rank U.

    Returns
    -------
    tensor, shape (steps, n, hidden)
    """
    count = len(factors), len(vectors)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(wx: tf.Tensor, *rest: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Tensors]]:
        factors, vectors = rest[: count[0]], rest[count[0] : sum(count)]
        scalars = rest[sum(count) :]
        path = Path(*tf.cond(
            rounded,
            lambda: tuple(device_path(cell, wx, factors, vectors, scalars, inner_scale)),
            lambda: tuple(real_path(cell, wx, factors, vectors, scalars)),
        ))  # fmt: skip

        def gradient(dh: tf.Tensor) -> Tensors:
            slopes = cell.slopes(path, vectors, scalars)
            dh, dp = _backwards(dh, slopes, factors)
            return (dp, *_factor_gradients(dp, path.states[:-1], factors), *cell.constant_gradients(path, slopes, dh))

        return path.states[1:], gradient

    return run(wx, *factors, *vectors, *scalars)


def _backwards(dh: tf.Tensor, slopes: Slopes, factors: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
    """Total gradients of states and pre-activations from the direct ones of the states, each (steps, n, hidden)."""
    into, carry = tf.unstack(slopes.candidate + slopes.gate), tf.unstack(slopes.carry)
    direct = tf.unstack(dh)
    total = direct[-1]
    totals, pre = [total], [total * into[-1]]
    for t in range(len(into) - 2, -1, -1):
        back = pre[-1]
        for factor in factors:
            back = tf.matmul(back, factor)
        total = direct[t] + total * carry[t + 1] + back
        totals.append(total)
        pre.append(total * into[t])
    return tf.stack(totals[::-1]), tf.stack(pre[::-1])


def _factor_gradients(dp: tf.Tensor, before: tf.Tensor, factors: Tensors) -> Tensors:
    """Gradients of the factors of U, all steps in one product."""
    hidden = dp.shape[-1]
    dp, before = tf.reshape(dp, (-1, hidden)), tf.reshape(before, (-1, hidden))
    if len(factors) == 1:
        return (tf.matmul(dp, before, transpose_a=True),)
    middle = tf.matmul(before, factors[1], transpose_b=True)
    inner = tf.matmul(tf.matmul(dp, factors[0]), before, transpose_a=True)
    return tf.matmul(dp, middle, transpose_a=True), inner
