"""One step of a recurrent cell, in real numbers or exactly as the device, and how its state moves with what made it.

Knows pre-activations and states, nothing of steps before and after, parameters or budgets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..codegen.program.tables import TANH, TANH_SHIFT

Tensors = tuple[tf.Tensor, ...]
RAW_P, RAW_H, RAW_C, RAW_S = 4096.0, 32768.0, 128.0, 256.0  # units of pre-activation, state, candidate, gate


class Path(NamedTuple):
    """Real values of a forward pass: what each step made of its products, (steps, n, ...), and the state.

    `parts` are those of the cell's steps in their order; `states` (steps + 1, n, hidden) begin with zero.
    """

    parts: Tensors
    states: tf.Tensor


class Slopes(NamedTuple):
    """How a state moves with what made it, (steps, n, ...).

    ``inputs`` and ``products``: with W x and with U h (one tensor where the cell only knows their sum); ``carry``: with
    the previous state; ``vectors``: with each of the biases.
    """

    inputs: tf.Tensor
    products: tf.Tensor
    carry: tf.Tensor
    vectors: Tensors


def clip(value: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Saturation as one operation."""
    return tf.raw_ops.ClipByValue(t=value, clip_value_min=tf.constant(low), clip_value_max=tf.constant(high))


def half_up(value: tf.Tensor) -> tf.Tensor:
    """Nearest integer, halves up: the device's rounding."""
    return tf.floor(value + 0.5)


def saturated(p: tf.Tensor) -> tf.Tensor:
    """A raw pre-activation in 16 bits."""
    return clip(p, -RAW_H, RAW_H - 1.0)


def widened(dh: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """What states get back, once for each of the products that a unit has."""
    count = like.shape[-1] // dh.shape[-1]
    return dh if count == 1 else tf.concat([dh] * count, -1)


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

    units: ClassVar = (1.0, 1.0 / RAW_C)

    def __init__(self, nonlinearity: str):
        self.f = Nonlinearity(nonlinearity)

    def real_step(self, wx: tf.Tensor, uh: tf.Tensor, h: tf.Tensor, vectors: Tensors, scalars: Tensors) -> Tensors:
        """Gate, candidate and next state of the products and the state before."""
        p = wx + uh
        s, c = self.f.gate(p + vectors[0]), self.f.candidate(p + vectors[1])
        return s, c, clip(((scalars[0] + scalars[1]) - scalars[0] * s) * c + s * h, -1.0, 1.0)

    def device_constants(self, vectors: Tensors, scalars: Tensors) -> Tensors:
        """What :meth:`device_step` needs, computed once a pass."""
        zeta, nu = RAW_S * scalars[0], RAW_S * scalars[1]
        return self.f.offset(vectors[0], True), self.f.offset(vectors[1], False), zeta, zeta + nu + 0.5

    def device_step(self, wx: tf.Tensor, uh: tf.Tensor, h: tf.Tensor, constants: Tensors) -> Tensors:
        """Real gate, raw candidate and raw next state of raw products and state; `units` make them real."""
        gate_offset, candidate_offset, zeta, both = constants
        a = self.f.prepare(saturated(wx + uh))
        s, c = self.f.device_gate(a + gate_offset), self.f.device_candidate(a + candidate_offset)
        g = tf.minimum(tf.floor(both - zeta * s), 255.0)
        return s, c, clip(g * c + half_up(s * h), -RAW_H, RAW_H - 1.0)

    def slopes(self, path: Path, vectors: Tensors, scalars: Tensors) -> Slopes:
        """Partial derivatives along a path."""
        (s, c), h, inside = path.parts, path.states[:-1], _inside(path)
        zeta, nu = scalars
        candidate = (zeta + nu - zeta * s) * self.f.candidate_slope(c) * inside
        gate = (h - zeta * c) * self.f.gate_slope(s) * inside
        both = candidate + gate
        return Slopes(both, both, s * inside, (gate, candidate))

    def scalar_gradients(self, path: Path, dh: tf.Tensor) -> Tensors:
        """Gradients of the scalars from those of the states."""
        gates, candidates = path.parts
        from_mix = dh * candidates * _inside(path)
        return tf.reduce_sum(from_mix * (1.0 - gates)), tf.reduce_sum(from_mix)


class LeakyCell:
    """FastRNN: ``h = alpha c + beta h`` (Kusupati et al., NeurIPS 2018, section 3.1).

    The one vector is the bias of the candidate, scalars are alpha and beta (multiples of 2**-15 where rounded).
    """

    units: ClassVar = (1.0 / RAW_C,)

    def __init__(self, nonlinearity: str):
        self.f = Nonlinearity(nonlinearity)

    def real_step(self, wx: tf.Tensor, uh: tf.Tensor, h: tf.Tensor, vectors: Tensors, scalars: Tensors) -> Tensors:
        """Candidate and next state."""
        c = self.f.candidate(wx + uh + vectors[0])
        return c, clip(scalars[0] * c + scalars[1] * h, -1.0, 1.0)

    def device_constants(self, vectors: Tensors, scalars: Tensors) -> Tensors:
        """What :meth:`device_step` needs, computed once a pass."""
        return self.f.offset(vectors[0], False), scalars[0] * (RAW_H / RAW_C), tf.cast(scalars[1], tf.float64)

    def device_step(self, wx: tf.Tensor, uh: tf.Tensor, h: tf.Tensor, constants: Tensors) -> Tensors:
        """As :meth:`GatedCell.device_step`; beta h has 31 bits, too many for single precision."""
        offset, alpha, beta = constants
        c = self.f.device_candidate(self.f.prepare(saturated(wx + uh)) + offset)
        kept = tf.cast(half_up(beta * tf.cast(h, tf.float64)), tf.float32)
        return c, clip(half_up(alpha * c) + kept, -RAW_H, RAW_H - 1.0)

    def slopes(self, path: Path, vectors: Tensors, scalars: Tensors) -> Slopes:
        """Partial derivatives along a path."""
        inside = _inside(path)
        candidate = scalars[0] * self.f.candidate_slope(path.parts[0]) * inside
        return Slopes(candidate, candidate, scalars[1] * inside, (candidate,))

    def scalar_gradients(self, path: Path, dh: tf.Tensor) -> Tensors:
        """Gradients of the scalars from those of the states."""
        dh_open = dh * _inside(path)
        return tf.reduce_sum(dh_open * path.parts[0]), tf.reduce_sum(dh_open * path.states[:-1])


class ResetCell:
    """GRU: ``h = (1 - z) tanh(W_c x + r (U_c h) + b_c) + z h`` with gates z and r of products of their own.

    Cho et al., EMNLP 2014, with the reset gate behind the product, so that one product with U serves all three. Rows of
    W and U, and of the one vector, the biases, are those of z, of r and of the candidate, in this order.
    """

    units: ClassVar = (1.0, 1.0 / RAW_C, 1.0 / RAW_P)

    def __init__(self, nonlinearity: str):
        self.f = Nonlinearity(nonlinearity)

    def real_step(self, wx: tf.Tensor, uh: tf.Tensor, h: tf.Tensor, vectors: Tensors, scalars: Tensors) -> Tensors:
        """Both gates, candidate, the product that was reset, and next state."""
        (wx_gates, wx_candidate), (uh_gates, past) = _gates_and_candidate(wx), _gates_and_candidate(uh)
        gate_bias, candidate_bias = _gates_and_candidate(vectors[0])
        gates = self.f.gate(wx_gates + uh_gates + gate_bias)
        z, r = tf.split(gates, 2, -1)
        c = self.f.candidate(wx_candidate + r * past + candidate_bias)
        return gates, c, past, (1.0 - z) * c + z * h

    def device_constants(self, vectors: Tensors, scalars: Tensors) -> Tensors:
        """What :meth:`device_step` needs, computed once a pass."""
        gate_bias, candidate_bias = _gates_and_candidate(vectors[0])
        return self.f.offset(gate_bias, True), self.f.offset(candidate_bias, False)

    def device_step(self, wx: tf.Tensor, uh: tf.Tensor, h: tf.Tensor, constants: Tensors) -> Tensors:
        """As :meth:`GatedCell.device_step`, of what :meth:`real_step` gives; the state never saturates."""
        gate_offset, candidate_offset = constants
        (wx_gates, wx_candidate), (uh_gates, past) = _gates_and_candidate(wx), _gates_and_candidate(uh)
        gates = self.f.device_gate(self.f.prepare(saturated(wx_gates + uh_gates)) + gate_offset)
        z, r = tf.split(gates, 2, -1)
        kept = half_up(r * past)
        c = self.f.device_candidate(self.f.prepare(saturated(wx_candidate + kept)) + candidate_offset)
        return gates, c, past, (RAW_S - RAW_S * z) * c + half_up(z * h)

    def slopes(self, path: Path, vectors: Tensors, scalars: Tensors) -> Slopes:
        """Partial derivatives along a path."""
        gates, c, past = path.parts
        z, r = tf.split(gates, 2, -1)
        z_slope, r_slope = tf.split(self.f.gate_slope(gates), 2, -1)
        update = (path.states[:-1] - c) * z_slope
        candidate = (1.0 - z) * self.f.candidate_slope(c)
        reset = candidate * past * r_slope
        inputs = tf.concat([update, reset, candidate], -1)
        return Slopes(inputs, tf.concat([update, reset, candidate * r], -1), z, (inputs,))

    def scalar_gradients(self, path: Path, dh: tf.Tensor) -> Tensors:
        """It has no scalars."""
        return ()


Cell = GatedCell | LeakyCell | ResetCell
CELLS: dict[str, Callable[[str], Cell]] = {"FastGRNN": GatedCell, "FastRNN": LeakyCell, "GRU": ResetCell}


def _inside(path: Path) -> tf.Tensor:
    """0 where a state saturates, else 1."""
    return tf.where(tf.abs(path.states[1:]) < (RAW_H - 1.0) / RAW_H, 1.0, 0.0)


def _gates_and_candidate(value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What belongs to both gates of a GRU, and what to its candidate."""
    hidden = value.shape[-1] // 3
    gates, candidate = tf.split(value, [2 * hidden, hidden], -1)
    return gates, candidate
