"""The ProtoNN family for the training loop: structure for a budget, starts, forward maths; no programs, no C++."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from edgealgos.codegen.qtype import QType
from edgealgos.training.budget import TensorSpec
from edgealgos.training.rounding import straight_through
from edgealgos.training.schedule import Recipe
from edgealgos.training.starts import projection_start, prototype_start
from edgealgos.training.targets import excess_fraction

EXP_FRAC = 16
TABLE = np.round(256.0 * 2.0 ** (-(np.arange(64) + 0.5) / 64.0))
D_MAX = 65535.0


def squared_distances(z, b):
    """|z - b|^2 of all pairs, (n, m); exact in float32 for raw values of 7 bits in up to 1000 dimensions."""
    cross = tf.matmul(z, b, transpose_b=True)
    return tf.nn.relu(tf.reduce_sum(z * z, 1, keepdims=True) + tf.reduce_sum(b * b, 1) - 2.0 * cross)


class ProtoNN:
    """Prototypes in a learned projection (Gupta et al., ICML 2017), as the device computes it.

    ``score = sum_j L_j 2^-|W x - b_j|^2``; gamma and log2(e) are folded into W and the prototypes.

    Parameters
    ----------
    n_features, n_outputs : int
    problem : {"multiclass", "binary", "regression"}
    projection_dim : int
    n_prototypes : int
    gamma : float or None
        None: 2.5 over the median distance between rows and prototypes.
    bits : int
    z_frac : int
        Fractional bits of the projection and the prototypes.
    """

    name = "ProtoNN"
    profiled = ()

    def __init__(self, n_features, n_outputs, problem, *, projection_dim, n_prototypes, gamma=None, bits=8, z_frac=4):
        self.n_features, self.n_outputs, self.problem = n_features, n_outputs, problem
        self.projection_dim, self.n_prototypes, self.gamma = projection_dim, n_prototypes, gamma
        self.z_type = QType(7, z_frac)
        d, m = projection_dim, n_prototypes
        self.specs = {
            "W": TensorSpec((d, n_features), bits, sparse=True),
            "B": TensorSpec((m, d), 7, frac=z_frac),
            "L": TensorSpec((m, n_outputs), bits),
        }
        if problem == "regression":
            self.specs["c"] = TensorSpec((n_outputs,), 32)
        self.extra_bytes = len(TABLE)
        self.recipe = Recipe()
        self.rates: dict[str, float] = {}
        self.l2 = 1e-4

    def initial(self, x, y, rng):
        """W from discriminant and principal directions, prototypes from k-means, labels from their members."""
        w, offset = projection_start(x, y, self.projection_dim, self.problem, rng)
        z = x @ w.T
        b, labels = prototype_start(z, y, self.n_prototypes, self.n_outputs, self.problem, rng)
        gamma = self.gamma
        if gamma is None:
            rows = z[rng.permutation(len(z))[:2000]]
            distance = np.sqrt(((rows[:, None] - b[None]) ** 2).sum(-1))
            gamma = 2.5 / max(float(np.median(distance)), 1e-9)
        factor = gamma * math.sqrt(math.log2(math.e))
        params = {"W": factor * w, "B": factor * b, "L": labels}
        if self.problem == "regression":
            params["c"] = np.zeros(self.n_outputs)
        return params

    def forward(self, params, x, rounding):
        """Scores (n, n_outputs) of rows (n, d)."""
        z = rounding.fixed(tf.matmul(x, rounding.weight("W", params["W"]), transpose_b=True), self.z_type)
        b = rounding.weight("B", params["B"])
        distance = squared_distances(z, b)
        scores = tf.matmul(self._kernel(distance, rounding), rounding.weight("L", params["L"]))
        return scores + params["c"] if "c" in params else scores

    def _kernel(self, distance, rounding):
        """2^-d as the device's table gives it."""
        smooth = tf.exp2(-distance) if hasattr(tf, "exp2") else tf.exp(-math.log(2.0) * distance)
        raw_frac = 2 * self.z_type.frac
        raw = tf.minimum(distance * 2.0**raw_frac, D_MAX)
        whole = tf.floor(raw / 2.0**raw_frac)
        index = tf.floor((raw / 2.0**raw_frac - whole) * 64.0)
        entry = tf.gather(tf.constant(TABLE, distance.dtype), tf.cast(index, tf.int32))
        value = tf.where(whole < 16.0, tf.floor(entry * 256.0 * tf.pow(tf.constant(2.0, distance.dtype), -whole)), 0.0)
        return straight_through(tf.where(rounding.on, value / 2.0**EXP_FRAC, smooth), smooth)

    def penalty(self, params):
        """Squared weights."""
        return self.l2 * tf.add_n([tf.reduce_sum(tf.square(params[n])) for n in ("W", "L")])

    def activation_types(self, weights, ranges):
        """The projection's type is fixed by the structure."""
        return {"z": self.z_type, "e": QType(32, EXP_FRAC)}

    def finish(self, weights, qtypes, y_mean, y_scale):
        """Targets back in their units: L times a power of two, the mean in the output bias."""
        if self.problem == "regression":
            bias = weights["c"] * y_scale + y_mean
            largest = float(np.abs(bias).max()) + float(np.abs(weights["L"]).sum(0).max()) * y_scale
            frac = qtypes["L"].frac - int(np.log2(y_scale))
            qtypes["L"] = QType(qtypes["L"].bits, frac - excess_fraction(frac + EXP_FRAC, largest))
            weights["L"] = qtypes["L"].dequantize(qtypes["L"].quantize(weights["L"] * y_scale))
            qtypes["c"] = QType(32, qtypes["L"].frac + EXP_FRAC)
            weights["c"] = qtypes["c"].dequantize(qtypes["c"].quantize(bias))
        return weights, qtypes
