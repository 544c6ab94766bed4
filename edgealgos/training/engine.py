"""Compiled steps: whole epochs of Adam inside one TensorFlow call; knows gradients and masks, not what stage it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from . import adam
from .family import Array, Arrays, Family
from .losses import row_hits, row_losses
from .rounding import Rounding

Tensors = dict[str, tf.Tensor]
Numbers = Mapping[str, Any]


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


def arrays(tensors: Tensors) -> Arrays:
    """Tensors as arrays."""
    return {name: value.numpy() for name, value in tensors.items()}


def fresh_state(params: Mapping[str, Array]) -> State:
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


def data(x_q: Array, targets: Array, weight: Array) -> Data:
    """Arrays as tensors, sent to the device once."""
    return Data(tf.constant(x_q), tf.constant(targets, tf.float32), tf.constant(weight, tf.float32))


def control(
    masks: Numbers, scales: Numbers, high: Numbers, on: bool, frozen: bool, rates: Numbers, **scalars: Any
) -> Control:
    """Numbers and masks as tensors."""

    def real(values: Numbers) -> Tensors:
        return {name: tf.constant(value, tf.float32) for name, value in values.items()}

    return Control(
        masks=real(masks), scales=real(scales), high=real(high), rates=real(rates),
        on=tf.constant(bool(on)), frozen=tf.constant(bool(frozen)), **real(scalars),
    )  # fmt: skip


_compiled: dict[tuple[Any, ...], tuple[Callable[..., Any], Callable[..., Any]]] = {}


def structure_key(model: Family) -> tuple[Any, ...]:
    """What the compiled maths of a family object depends on: its kind and plain attributes."""
    plain = {k: v for k, v in vars(model).items() if isinstance(v, int | float | str | bool | tuple | type(None))}
    return type(model), tuple(sorted(plain.items()))


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

    def __init__(self, model: Family, *, x_frac: int, loss: str, jit: bool = True) -> None:
        self.model, self.loss, self.x_scale = model, loss, 2.0**-x_frac
        key = structure_key(model), x_frac, loss, jit
        if key not in _compiled:
            while len(_compiled) >= 8:
                del _compiled[next(iter(_compiled))]
            compiled = [tf.function(f, jit_compile=jit, autograph=False) for f in (self._epoch_body, self._scores_body)]
            _compiled[key] = compiled[0], compiled[1]
        self._epoch, self._scores = _compiled[key]

    def epoch(
        self, state: State, control: Control, data: Data, rows: Array, rates: Array, seed: int
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
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
        done: tuple[State, tf.Tensor, tf.Tensor] = self._epoch(state, control, data, *steps)
        return done

    def scores(self, params: Tensors, control: Control, x_q: Array, rows: int = 4096) -> tf.Tensor:
        """Scores of rows with the removed values removed, shape (n, n_outputs)."""
        parts = [self._scores(params, control, tf.constant(x_q[i : i + rows])) for i in range(0, len(x_q), rows)]
        return tf.concat(parts, -2)

    def _rounding(self, control: Control, key: tf.Tensor | None = None) -> Rounding:
        return Rounding(control.on, control.scales, {}, control.sharpness, key, high=control.high)

    def _scores_body(self, params: Tensors, control: Control, x_q: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x_q, tf.float32) * self.x_scale - control.centre
        return self.model.forward(masked(params, control.masks), x, self._rounding(control))

    def _epoch_body(
        self, state: State, control: Control, data: Data, rows: tf.Tensor, rates: tf.Tensor, seed: tf.Tensor
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
        steps = rows.shape[0]

        def body(i: tf.Tensor, state: State, loss_sum: tf.Tensor, hit_sum: tf.Tensor) -> tuple[Any, ...]:
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
        """One step of Adam for every tensor."""
        step = state.step + 1
        t = tf.cast(step, tf.float32)
        scale = rate * adam.correction(t)
        params, first, second, average = {}, {}, {}, {}
        for name, value in state.params.items():
            first[name] = adam.mean(state.first[name], grads[name])
            second[name] = adam.mean_square(state.second[name], grads[name])
            move = adam.move(scale * control.rates[name], first[name], second[name])
            if value.shape.rank > 1:
                move += rate * control.weight_decay * value
            params[name] = adam.moved(value, move, control.high[name], control.masks.get(name), control.frozen)
            average[name] = adam.average(state.average[name], params[name], control.ema, t)
        return State(params, first, second, average, step)
