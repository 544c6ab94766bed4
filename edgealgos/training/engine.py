"""Compiled steps: whole epochs of Adam inside one TensorFlow call; knows gradients and masks, not what stage it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from .losses import row_hits, row_losses
from .rounding import Rounding

Tensors = dict[str, tf.Tensor]
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class State(NamedTuple):
    """All that changes from step to step: parameters, their Adam moments, their running average, the step count."""

    params: Tensors
    first: Tensors
    second: Tensors
    average: Tensors
    step: tf.Tensor


class Control(NamedTuple):
    """What a stage sets for a whole epoch; tensors only, so that nothing is ever traced twice.

    ``frozen`` tells whether removed values stay removed; ``high`` bounds each weight so that it stays on its grid;
    ``centre`` is taken from every row.
    """

    masks: Tensors
    scales: Tensors
    high: Tensors
    on: tf.Tensor
    frozen: tf.Tensor
    sharpness: tf.Tensor
    ema: tf.Tensor
    weight_decay: tf.Tensor
    noise: tf.Tensor
    centre: tf.Tensor
    rates: Tensors


def fresh_state(params: dict[str, Any]) -> State:
    """State before the first step."""
    tensors = {name: tf.constant(value, tf.float32) for name, value in params.items()}
    zeros = {name: tf.zeros_like(value) for name, value in tensors.items()}
    return State(tensors, zeros, dict(zeros), dict(tensors), tf.constant(0))


def masked(params: Tensors, masks: Tensors) -> Tensors:
    """Parameters with the removed values at zero; the gradient reaches them all the same."""
    out = dict(params)
    for name, mask in masks.items():
        out[name] = params[name] + tf.stop_gradient(params[name] * mask - params[name])
    return out


class Data(NamedTuple):
    """What stays on the device for a whole fit: rows, their targets, their weights."""

    x_q: tf.Tensor
    targets: tf.Tensor
    weight: tf.Tensor


def data(x_q, targets, weight) -> Data:
    """Arrays as tensors, sent to the device once."""
    return Data(tf.constant(x_q), tf.constant(targets, tf.float32), tf.constant(weight, tf.float32))


def control(masks, scales, high, on, frozen, rates, **scalars) -> Control:
    """Numbers and masks as tensors."""
    real = lambda values: {name: tf.constant(value, tf.float32) for name, value in values.items()}  # noqa: E731
    return Control(
        masks=real(masks), scales=real(scales), high=real(high), rates=real(rates),
        on=tf.constant(bool(on)), frozen=tf.constant(bool(frozen)), **real(scalars),
    )  # fmt: skip


_compiled: dict[tuple, tuple[Callable, Callable]] = {}


def structure_key(model) -> tuple:
    """What the compiled maths of a family object depends on: its kind, plain attributes, widths of values."""
    plain = {k: v for k, v in vars(model).items() if isinstance(v, int | float | str | bool | tuple | type(None))}
    widths = tuple((name, spec.bits) for name, spec in model.specs.items())
    return type(model), tuple(sorted(plain.items())), widths


class Engine:
    """The compiled epoch and the compiled forward pass of one model.

    Compiled functions are kept for models of equal structure, so that cross-validation compiles once.

    Parameters
    ----------
    model : Family
        Gives ``forward(params, x, rounding)``, ``penalty(params)``, ``specs``, ``rates``, ``problem``.
    x_frac : int
    loss : str
    jit : bool
        Whether to compile with XLA.
    """

    def __init__(self, model, *, x_frac, loss, jit=True):
        self.model, self.loss, self.x_scale = model, loss, 2.0**-x_frac
        self.bits = {name: spec.bits for name, spec in model.specs.items()}
        key = structure_key(model), x_frac, loss, jit
        if key not in _compiled:
            while len(_compiled) >= 8:
                del _compiled[next(iter(_compiled))]
            _compiled[key] = tuple(
                tf.function(body, jit_compile=jit, autograph=False) for body in (self._epoch_body, self._scores_body)
            )
        self._epoch, self._scores = _compiled[key]

    def epoch(self, state: State, control: Control, data: Data, rows, rates, seed: int):
        """One pass; returns the state, the mean loss and the mean score of the rows seen.

        Parameters
        ----------
        rows : int array of shape (steps, batch)
            Row numbers of each step.
        rates : float array of shape (steps,)
            Learning rate of each step.
        seed : int
            Of the random numbers inside the model (dropout).
        """
        steps = tf.constant(rows, tf.int32), tf.constant(rates, tf.float32), tf.constant(seed, tf.int32)
        return self._epoch(state, control, data, *steps)

    def scores(self, params: Tensors, control: Control, x_q, rows: int = 4096) -> tf.Tensor:
        """Scores of rows with the removed values removed, shape (n, n_outputs)."""
        parts = [self._scores(params, control, tf.constant(x_q[i : i + rows])) for i in range(0, len(x_q), rows)]
        return tf.concat(parts, -2)

    def _rounding(self, control: Control, key=None) -> Rounding:
        return Rounding(control.on, control.scales, self.bits, control.sharpness, key)

    def _scores_body(self, params, control, x_q):
        x = tf.cast(x_q, tf.float32) * self.x_scale - control.centre
        return self.model.forward(masked(params, control.masks), x, self._rounding(control))

    def _epoch_body(self, state, control, data, rows, rates, seed):
        steps = rows.shape[0]

        def body(i, state, loss_sum, hit_sum):
            key = tf.stack([seed, i])
            x = tf.cast(tf.gather(data.x_q, rows[i]), tf.float32) * self.x_scale - control.centre
            y, weight = tf.gather(data.targets, rows[i]), tf.gather(data.weight, rows[i])
            with tf.GradientTape() as tape:
                tape.watch(state.params)
                used = masked(state.params, control.masks)
                scores = self.model.forward(used, x, self._rounding(control, key))
                each = row_losses(scores, y, self.model.problem, self.loss)
                loss = tf.reduce_sum(each * weight) / tf.reduce_sum(weight * tf.ones_like(each))
                objective = loss + self.model.penalty(used)
            grads = tape.gradient(objective, state.params, unconnected_gradients="zero")
            hits = tf.reduce_mean(row_hits(scores, y, self.model.problem))
            return i + 1, self._adam(state, control, grads, rates[i]), loss_sum + loss, hit_sum + hits

        zero = tf.constant(0.0)
        _, state, loss, hits = tf.while_loop(lambda i, *_: i < steps, body, (tf.constant(0), state, zero, zero))
        return state, loss / steps, hits / steps

    def _adam(self, state: State, control: Control, grads: Tensors, rate: tf.Tensor) -> State:
        """One step of Adam (Kingma and Ba, 2015) that keeps weights on their grid and frozen zeros at zero."""
        step = state.step + 1
        t = tf.cast(step, tf.float32)
        correction = tf.sqrt(1.0 - tf.pow(BETA2, t)) / (1.0 - tf.pow(BETA1, t))
        params, first, second, average = {}, {}, {}, {}
        decay = tf.minimum(control.ema, t / (t + 10.0))
        for name, value in state.params.items():
            grad = grads[name]
            first[name] = BETA1 * state.first[name] + (1.0 - BETA1) * grad
            second[name] = BETA2 * state.second[name] + (1.0 - BETA2) * tf.square(grad)
            move = rate * correction * control.rates[name] * first[name] / (tf.sqrt(second[name]) + EPSILON)
            if value.shape.rank > 1:
                move += rate * control.weight_decay * value
            high = control.high[name]
            new = tf.clip_by_value(value - move, -high, high)
            if name in control.masks:
                new = tf.where(control.frozen, new * control.masks[name], new)
            params[name] = new
            average[name] = decay * state.average[name] + (1.0 - decay) * new
        return State(params, first, second, average, step)
