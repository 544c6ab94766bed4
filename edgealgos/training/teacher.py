"""A dense float teacher for distillation: a small ensemble of networks trained by the same loop; never exported."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from .budget import TensorSpec
from .family import Array, Arrays, Family
from .rounding import Rounding
from .schedule import Recipe, batch_size_for

FEWEST_ROWS = 300
STEPS = 2500
MANY_FEATURES = 48


def worth_teaching(recipe: Recipe, rows: int, jit: bool) -> bool:
    """Whether a teacher is asked for and there are rows enough to make one that knows more than its student."""
    return recipe.teacher and jit and rows >= FEWEST_ROWS and recipe.epochs >= 20


def taught(
    train: Callable[..., Any], model: Family, recipe: Recipe, x_q: Array, y: Array, **options: Any
) -> Callable[[Array], Array]:
    """A teacher of `model` that `train` has trained on the same rows: a function from device inputs to target rows.

    It shrinks and sees fewer epochs as rows grow: many rows need no ensemble.
    """
    rows = len(x_q)
    members = 4 if rows < 5000 else 3 if rows < 20000 else 1
    hidden = 256 if model.n_features >= MANY_FEATURES else 128
    teacher = Teacher(model.n_features, model.n_outputs, model.problem, members=members, hidden=hidden)
    size = batch_size_for(rows)
    epochs = int(np.clip(STEPS * size / rows, 15, 60))
    own = dataclasses.replace(teacher.recipe, epochs=epochs, noise=recipe.noise, mixup=max(recipe.mixup, 0.0))
    found = train(teacher, x_q, y, recipe=own, teacher=None, **options)
    params = {name: tf.constant(value, tf.float32) for name, value in found.float_weights.items()}
    scale = 2.0 ** -options["x_frac"]
    ask = tf.function(lambda q: teacher.answer(params, tf.cast(q, tf.float32) * scale), autograph=False)

    def answer(q: Array) -> Array:
        parts = [ask(tf.constant(q[i : i + 4096])).numpy() for i in range(0, len(q), 4096)]
        return np.concatenate(parts)

    return answer


class Teacher(Family):
    """Ensemble of two-layer networks (rectifier, dropout), trained side by side.

    Parameters
    ----------
    n_features, n_outputs : int
    problem : {"multiclass", "binary", "regression"}
    members : int
    hidden : int
        Width of both hidden layers.
    dropout : float
        Share of hidden values dropped while training.
    """

    name = "teacher"

    def __init__(
        self, n_features: int, n_outputs: int, problem: str, *, members: int = 4, hidden: int = 256,
        dropout: float = 0.4,
    ) -> None:  # fmt: skip
        self.n_features, self.n_outputs, self.problem = n_features, n_outputs, problem
        self.members, self.hidden, self.dropout = members, hidden, dropout
        e, h = members, hidden
        shapes = {"A": (e, n_features, h), "a": (e, 1, h), "B": (e, h, h), "b": (e, 1, h),
                  "C": (e, h, n_outputs), "c": (e, 1, n_outputs)}  # fmt: skip
        self.specs = {name: TensorSpec(shape, 16) for name, shape in shapes.items()}
        self.recipe = Recipe(epochs=60, learning_rate=0.003, mixup=0.3, quantized_from=2.0, frozen_from=0.0)
        self.rates = {}

    def initial(self, x: Array, y: Array, rng: np.random.Generator) -> Arrays:
        """He's initialisation on standardised inputs."""
        mean, spread = x.mean(0), math.sqrt(float(x.var(0).mean()) + 1e-12)
        params = {n: np.zeros(s.shape) for n, s in self.specs.items()}
        for name in "ABC":
            params[name] = rng.normal(size=self.specs[name].shape) * math.sqrt(2.0 / self.specs[name].shape[1])
        params["A"] /= spread
        params["a"] = -mean @ params["A"][:, :, :]
        params["a"] = params["a"].reshape(self.specs["a"].shape)
        return params

    def forward(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores of every member, (members, n, n_outputs)."""
        h = tf.nn.relu(tf.matmul(x[None], params["A"]) + params["a"])
        h = self._drop(h, rounding, 1)
        h = tf.nn.relu(tf.matmul(h, params["B"]) + params["b"])
        h = self._drop(h, rounding, 2)
        return tf.matmul(h, params["C"]) + params["c"]

    def _drop(self, h: tf.Tensor, rounding: Rounding, layer: int) -> tf.Tensor:
        if rounding.key is None or not self.dropout:
            return h
        keep = tf.random.stateless_uniform(tf.shape(h), rounding.key + layer) >= self.dropout
        return tf.where(keep, h / (1.0 - self.dropout), 0.0)

    def answer(self, params: Mapping[str, tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        """Target rows for a student, (n, n_outputs): mean probabilities, or mean predictions."""
        off = Rounding(tf.constant(False), {}, {}, tf.constant(1.0))
        scores = self.forward(params, x, off)
        if self.problem == "multiclass":
            scores = tf.nn.softmax(scores)
        elif self.problem == "binary":
            scores = tf.sigmoid(scores)
        return tf.reduce_mean(scores, 0)

    def penalty(self, params: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Squared weights."""
        return 1e-4 * tf.add_n([tf.reduce_sum(tf.square(params[n])) for n in "BC"]) / self.members
