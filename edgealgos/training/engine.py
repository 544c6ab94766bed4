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
    device inputs count in steps of ``x_step``, and ``centre`` is taken from every row.
    """

    masks: Tensors
    scales: Tensors
    high: Tensors
    on: tf.Tensor
    folded: tf.Tensor
    frozen: tf.Tensor
    sharpness: tf.Tensor
    ema: tf.Tensor
    weight_decay: tf.Tensor
    noise: tf.Tensor
    x_step: tf.Tensor
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


class Steps(NamedTuple):
    """Rows of all steps of an epoch, one step after the other, and the learning rate of each step."""

    rows: tf.Tensor
    rates: tf.Tensor


def of_any_rows(value: tf.Tensor) -> tf.TensorSpec:
    """The like of a tensor, along its first axis of any length."""
    return tf.TensorSpec([None, *value.shape[1:]], value.dtype)


def data(x_q: Array, targets: Array, weight: Array) -> Data:
    """Arrays as tensors, sent to the device once."""
    return Data(tf.constant(x_q), tf.constant(targets, tf.float32), tf.constant(weight, tf.float32))


def control(
    masks: Numbers, scales: Numbers, high: Numbers, on: bool, folded: bool, frozen: bool, rates: Numbers, **scalars: Any
) -> Control:
    """Numbers and masks as tensors."""

    def real(values: Numbers) -> Tensors:
        return {name: tf.constant(value, tf.float32) for name, value in values.items()}

    return Control(
        masks=real(masks), scales=real(scales), high=real(high), rates=real(rates),
        on=tf.constant(bool(on)), folded=tf.constant(bool(folded)), frozen=tf.constant(bool(frozen)), **real(scalars),
    )  # fmt: skip


_compiled: dict[tuple[Any, ...], Any] = {}
KEPT = 16  # compiled functions, two a structure


def structure_key(model: Family) -> tuple[Any, ...]:
    """What the compiled maths of a family object depends on: its kind and plain attributes."""
    plain = {k: v for k, v in vars(model).items() if isinstance(v, int | float | str | bool | tuple | type(None))}
    return type(model), tuple(sorted(plain.items()))


class Engine:
    """The compiled epoch and the compiled forward pass of one model.

    Compiled functions are kept for models of equal structure, so that cross-validation compiles once. XLA compiles
    for a number of rows; what is not worth that is traced once for any number.

    Parameters
    ----------
    model : Family
        Gives ``forward(params, x, rounding)``, ``penalty(params)``, ``specs``, ``rates``, ``problem``.
    loss : str
    jit : bool
        Whether to compile with XLA.
    """

    def __init__(self, model: Family, *, loss: str, jit: bool = True) -> None:
        self.model, self.loss, self.jit = model, loss, jit
        self.key = structure_key(model), loss, jit

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
        steps = Steps(tf.constant(rows.ravel(), tf.int32), tf.constant(rates, tf.float32))
        done: tuple[State, tf.Tensor, tf.Tensor] = self._run(
            self._epoch_body, (state, control, tf.constant(seed, tf.int32)), (data, steps)
        )
        return done

    def scores(self, params: Tensors, control: Control, x_q: Array, rows: int = 4096) -> tf.Tensor:
        """Scores of rows with the removed values removed, shape (n, n_outputs)."""
        parts = [
            self._run(self._scores_body, (params, control), (tf.constant(x_q[i : i + rows]),))
            for i in range(0, len(x_q), rows)
        ]
        return tf.concat(parts, -2)

    def _run(self, body: Callable[..., Any], of_model: tuple[Any, ...], of_rows: tuple[Any, ...]) -> Any:
        """The compiled body, compiled if need be: without XLA for any number of rows from the first."""
        key = (body.__name__, *self.key, *(value.dtype for value in tf.nest.flatten(of_rows)))
        function = _compiled.get(key)
        if function is None:
            while len(_compiled) >= KEPT:
                _compiled.pop(next(iter(_compiled)), None)  # another thread may have been quicker
            function = _compiled[key] = tf.function(body, jit_compile=self.jit, autograph=False)
            if not self.jit:
                function.get_concrete_function(*of_model, *tf.nest.map_structure(of_any_rows, of_rows))
        return function(*of_model, *of_rows)

    def _rounding(self, control: Control, key: tf.Tensor | None = None) -> Rounding:
        sharpness, high, folded = control.sharpness, control.high, control.folded
        return Rounding(control.on, control.scales, {}, sharpness, key, high=high, folded=folded)

    def _scores_body(self, params: Tensors, control: Control, x_q: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x_q, tf.float32) * control.x_step - control.centre
        return self.model.forward(masked(params, control.masks), x, self._rounding(control))

    def _epoch_body(
        self, state: State, control: Control, seed: tf.Tensor, data: Data, order: Steps
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
        rates, steps = order.rates, tf.shape(order.rates)[0]
        rows = tf.reshape(order.rows, (steps, -1))

        def body(i: tf.Tensor, state: State, loss_sum: tf.Tensor, hit_sum: tf.Tensor) -> tuple[Any, ...]:
            key = tf.stack([seed, i])
            x = tf.cast(tf.gather(data.x_q, rows[i]), tf.float32) * control.x_step - control.centre
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
        count = tf.cast(steps, tf.float32)
        return state, loss / count, hits / count

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
