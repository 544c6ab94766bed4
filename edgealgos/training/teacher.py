"""A dense float teacher for distillation: a small ensemble of networks trained by the same loop; never exported."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from edgealgos.training.budget import TensorSpec
from edgealgos.training.schedule import Recipe


class Teacher:
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

    profiled = ()
    extra_bytes = 0

    def __init__(self, n_features, n_outputs, problem, *, members=4, hidden=128, dropout=0.2):
        self.n_features, self.n_outputs, self.problem = n_features, n_outputs, problem
        self.members, self.hidden, self.dropout = members, hidden, dropout
        e, h = members, hidden
        shapes = {"A": (e, n_features, h), "a": (e, 1, h), "B": (e, h, h), "b": (e, 1, h),
                  "C": (e, h, n_outputs), "c": (e, 1, n_outputs)}
        self.specs = {name: TensorSpec(shape, 16) for name, shape in shapes.items()}
        self.recipe = Recipe(epochs=60, learning_rate=0.003, mixup=0.3, quantized_from=2.0, frozen_from=0.0)
        self.rates: dict[str, float] = {}

    def initial(self, x, y, rng):
        """He's initialisation on standardised inputs."""
        mean, spread = x.mean(0), math.sqrt(float(x.var(0).mean()) + 1e-12)
        params = {n: np.zeros(s.shape) for n, s in self.specs.items()}
        for name in "ABC":
            params[name] = rng.normal(size=self.specs[name].shape) * math.sqrt(2.0 / self.specs[name].shape[1])
        params["A"] /= spread
        params["a"] = -mean @ params["A"][:, :, :]
        params["a"] = params["a"].reshape(self.specs["a"].shape)
        return params

    def forward(self, params, x, rounding):
        """Scores of every member, (members, n, n_outputs)."""
        h = tf.nn.relu(tf.matmul(x[None], params["A"]) + params["a"])
        h = self._drop(h, rounding, 1)
        h = tf.nn.relu(tf.matmul(h, params["B"]) + params["b"])
        h = self._drop(h, rounding, 2)
        return tf.matmul(h, params["C"]) + params["c"]

    def _drop(self, h, rounding, layer):
        if rounding.key is None or not self.dropout:
            return h
        keep = tf.random.stateless_uniform(tf.shape(h), rounding.key + layer) >= self.dropout
        return tf.where(keep, h / (1.0 - self.dropout), 0.0)

    def answer(self, params, x):
        """Target rows for a student, (n, n_outputs): mean probabilities, or mean predictions."""
        from edgealgos.training.rounding import Rounding

        off = Rounding(tf.constant(False), {}, {}, tf.constant(1.0))
        scores = self.forward(params, x, off)
        if self.problem == "multiclass":
            scores = tf.nn.softmax(scores)
        elif self.problem == "binary":
            scores = tf.sigmoid(scores)
        return tf.reduce_mean(scores, 0)

    def penalty(self, params):
        """Squared weights."""
        return 1e-4 * tf.add_n([tf.reduce_sum(tf.square(params[n])) for n in "BC"]) / self.members

    def activation_types(self, weights, ranges):
        """None: nothing is rounded."""
        return {}

    def finish(self, weights, qtypes, y_mean, y_scale):
        """Nothing to fold: a teacher answers in the student's units."""
        return weights, qtypes
