"""The engine of recurrent models: one call a training step, all parameters in one vector, no XLA; knows no family.

Unrolled recurrences are hundreds of small operations: XLA takes many seconds to compile them and a loop inside a graph
makes each several times slower. So every step is one call of a plain graph, whose state lives in variables and whose
optimiser treats all parameters as one vector. Same interface as :class:`edgealgos.training.engine.Engine`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from . import adam
from .engine import Control, Data, State, Tensors, of_any_rows, structure_key
from .family import Array, Family
from .losses import row_hits, row_losses
from .rounding import Rounding

LARGEST_GRADIENT = 1.0
_machines: dict[tuple[Any, ...], _Machine] = {}


class StepEngine:
    """Runs epochs and forward passes of one model.

    Parameters
    ----------
    model : Family
    loss : str
    jit : bool
        Ignored: see the top of this module.
    """

    def __init__(self, model: Family, *, loss: str, jit: bool = True) -> None:
        self.bits = {name: spec.bits for name, spec in model.specs.items()}
        key = structure_key(model), tuple(self.bits.items()), loss, threading.get_ident()
        if key not in _machines:
            while len(_machines) >= 8:
                del _machines[next(iter(_machines))]
            _machines[key] = _Machine(model, self.bits, loss)
        self.machine = _machines[key]

    def epoch(
        self, state: State, control: Control, data: Data, rows: Array, rates: Array, seed: int
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
        """One pass; returns the state, the mean loss and the mean score of the rows seen; see `Engine.epoch`."""
        machine = self.machine
        machine.load(state, control)
        steps, each, key = tf.constant(rows, tf.int32), tf.constant(rates, tf.float32), tf.constant(seed, tf.int32)
        kind = tf.nest.map_structure(of_any_rows, (data, steps[0]))
        machine.step.get_concrete_function(*kind, each[0], key)  # traced once, however many rows
        for i in range(len(rows)):
            machine.step(data, steps[i], each[i], key)
        return machine.state(), machine.loss_sum / len(rows), machine.hit_sum / len(rows)

    def scores(self, params: Tensors, control: Control, x_q: Array, rows: int = 4096) -> tf.Tensor:
        """Scores of rows with the removed values removed, shape (n, n_outputs)."""
        vector = self.machine.flat({n: params[n] * control.masks.get(n, 1.0) for n in self.machine.shapes})
        self.machine.load_control(control)
        parts = [self.machine.scores(vector, tf.constant(x_q[i : i + rows])) for i in range(0, len(x_q), rows)]
        return tf.concat(parts, -2)


class _Machine:
    """Variables and compiled functions of one structure."""

    def __init__(self, model: Family, bits: dict[str, int], loss: str) -> None:
        self.model, self.bits, self.loss = model, bits, loss
        self.shapes = {name: spec.shape for name, spec in model.specs.items()}
        sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        self.sizes, size = sizes, sum(sizes)

        def vector() -> tf.Variable:
            return tf.Variable(tf.zeros(size))

        self.params, self.first, self.second, self.average = vector(), vector(), vector(), vector()
        self.mask, self.high, self.rate, self.decay = vector(), vector(), vector(), vector()
        self.scale_names = tuple(sorted({*self.shapes, *model.profiled}))
        self.scales = tf.Variable(tf.ones(len(self.scale_names)))
        self.on, self.frozen = tf.Variable(False), tf.Variable(False)
        self.sharpness, self.ema, self.noise, self.x_step = (tf.Variable(0.0) for _ in range(4))
        self.loss_sum, self.hit_sum, self.count = tf.Variable(0.0), tf.Variable(0.0), tf.Variable(0)
        self.step = tf.function(self._step, autograph=False)
        self.scores = tf.function(self._scores, autograph=False, reduce_retracing=True)

    # ------------------------------------------------------------------ in and out

    def flat(self, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """All parameters as one vector."""
        return tf.concat([tf.reshape(tf.cast(values[name], tf.float32), (-1,)) for name in self.shapes], 0)

    def named(self, vector: tf.Tensor) -> Tensors:
        """One vector as all parameters."""
        parts = tf.split(vector, self.sizes)
        return {name: tf.reshape(part, shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def load(self, state: State, control: Control) -> None:
        """Take over what the last epoch and the schedule left."""
        for variable, values in zip(self._vectors(), state[:4], strict=True):
            variable.assign(self.flat(values))
        self.count.assign(state.step)
        self.loss_sum.assign(0.0)
        self.hit_sum.assign(0.0)
        self.load_control(control)

    def load_control(self, control: Control) -> None:
        """Take over what the schedule sets."""
        ones = {name: tf.ones(shape) for name, shape in self.shapes.items()}
        self.mask.assign(self.flat(ones | control.masks))
        self.high.assign(self.flat({name: one * control.high[name] for name, one in ones.items()}))
        self.rate.assign(self.flat({name: one * control.rates[name] for name, one in ones.items()}))
        decaying = {name: one * float(len(one.shape) > 1) for name, one in ones.items()}
        self.decay.assign(self.flat(decaying) * control.weight_decay)
        self.scales.assign(tf.stack([control.scales[name] for name in self.scale_names]))
        for name in ("on", "frozen", "sharpness", "ema", "noise", "x_step"):
            getattr(self, name).assign(getattr(control, name))

    def state(self) -> State:
        """What this epoch leaves."""
        params, first, second, average = (self.named(variable) for variable in self._vectors())
        return State(params, first, second, average, tf.identity(self.count))

    def _vectors(self) -> tuple[tf.Variable, ...]:
        return self.params, self.first, self.second, self.average

    # ------------------------------------------------------------------ graphs

    def _rounding(self, key: tf.Tensor | None = None) -> Rounding:
        scales = dict(zip(self.scale_names, tf.unstack(self.scales), strict=True))
        return Rounding(self.on.read_value(), scales, self.bits, self.sharpness.read_value(), key)

    def _scores(self, vector: tf.Tensor, x_q: tf.Tensor) -> tf.Tensor:
        return self.model.forward(self.named(vector), tf.cast(x_q, tf.float32) * self.x_step, self._rounding())

    def _step(self, data: Data, rows: tf.Tensor, rate: tf.Tensor, seed: tf.Tensor) -> None:
        x = tf.cast(tf.gather(data.x_q, rows), tf.float32) * self.x_step
        x += self.noise * tf.random.stateless_normal(tf.shape(x), tf.stack([seed, self.count]))
        y, weight = tf.gather(data.targets, rows), tf.gather(data.weight, rows)
        vector = self.params.read_value() * self.mask
        with tf.GradientTape() as tape:
            tape.watch(vector)
            used = self.named(vector)
            scores = self.model.forward(used, x, self._rounding())
            each = row_losses(scores, y, self.model.problem, self.loss)
            loss = tf.reduce_sum(each * weight) / tf.reduce_sum(weight * tf.ones_like(each))
            objective = loss + self.model.penalty(used)
        self._adam(tape.gradient(objective, vector), rate)
        self.loss_sum.assign_add(loss)
        self.hit_sum.assign_add(tf.reduce_mean(row_hits(scores, y, self.model.problem)))

    def _adam(self, grad: tf.Tensor, rate: tf.Tensor) -> None:
        """One step of Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019) and a clipped gradient."""
        grad *= tf.minimum(1.0, LARGEST_GRADIENT * tf.math.rsqrt(tf.reduce_sum(tf.square(grad)) + 1e-12))
        t = tf.cast(self.count.assign_add(1), tf.float32)
        first = self.first.assign(adam.mean(self.first, grad))
        second = self.second.assign(adam.mean_square(self.second, grad))
        old = self.params.read_value()
        move = rate * (adam.move(self.rate * adam.correction(t), first, second) + self.decay * old)
        new = self.params.assign(adam.moved(old, move, self.high, self.mask, self.frozen))
        self.average.assign(adam.average(self.average, new, self.ema, t))
