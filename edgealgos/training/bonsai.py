"""The Bonsai family for the training loop: structure for a budget, starts, forward maths; no programs, no C++."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..codegen.program.qtype import QType
from .budget import LEAST_DENSITY, NIBBLE, TensorSpec, check_cycles, least_bytes
from .family import Array, Arrays, Family, Types
from .rounding import Rounding
from .schedule import Recipe
from .starts import projection_rate, projection_start
from .targets import excess_fraction

Z_TYPE = QType(8, 7)
T_TYPE = QType(8, 7)
SCORE_BITS = 16
FINER_BITS = 9  # of W than of its products: more would not be seen in them
TREE_DENSITY = 0.6
LARGEST = 255  # dimensions
FILLED_DEPTHS, WIDEST_FILLED, FILLED_DENSITY = (1, 3), 64, 0.6


class Bonsai(Family):
    """Sparse projection, shallow tree, bilinear nodes (Kumar, Goyal and Varma, ICML 2017, eq. 1).

    ``score = sum over the path of (W_k z) * t(V_k z)`` with ``z = sat(Z x + b)`` in [-1, 1) and ``t`` the saturation to
    [-1, 1). `sigma` is folded into V. The left child (2k+1) is taken where ``T_k z > 0``.

    Parameters
    ----------
    n_features, n_outputs : int
    problem : {"multiclass", "binary", "regression"}
    projection_dim : int
    depth : int
    sigma : float
        Slope of the node's tanh at the start.
    bits : int
    """

    name = "Bonsai"
    profiled = ("w",)
    centred = ("Z", "b")
    output = ("W", "c")

    def __init__(
        self, n_features: int, n_outputs: int, problem: str, *, projection_dim: int, depth: int, sigma: float = 1.0,
        bits: int = 8,
    ) -> None:  # fmt: skip
        self.n_features, self.n_outputs, self.problem = n_features, n_outputs, problem
        self.projection_dim, self.depth, self.sigma = projection_dim, depth, sigma
        self.n_internal, self.n_nodes = 2**depth - 1, 2 ** (depth + 1) - 1
        d, k = projection_dim, n_outputs
        visits = tuple(2.0 ** -((node + 1).bit_length() - 1) for node in range(self.n_nodes))
        self.specs = {
            "Z": TensorSpec((d, n_features), bits, sparse=True),
            "b": TensorSpec((d,), 32, scale_of=("Z", "x")),
            "W": TensorSpec((self.n_nodes, k, d), bits, sparse=True, visits=visits),
            "V": TensorSpec((self.n_nodes, k, d), bits, sparse=True, visits=visits),
        }
        if depth:
            self.specs["T"] = TensorSpec((self.n_internal, d), bits if bits > NIBBLE else 8)
        if problem == "regression":
            self.specs["c"] = TensorSpec((k,), 32, scale_of=())
        self.recipe = Recipe(learning_rate=0.003, mixup=0.3, noise=0.4, teacher=True)
        if problem == "regression":
            self.recipe = Recipe(epochs=1000, learning_rate=0.02, loss="squared", mixup=0.2)
        self.rates = {"Z": projection_rate(n_features)}
        self.l2 = 3e-4 if problem != "regression" else 1e-6

    @property
    def structure(self) -> dict[str, Any]:
        """See the base."""
        return {"projection_dim": self.projection_dim, "depth": self.depth}

    def initial(self, x: Array, y: Array, rng: np.random.Generator) -> Arrays:
        """Z from discriminant and principal directions, nodes small and random."""
        d, k = self.projection_dim, self.n_outputs
        z, b = projection_start(x, y, d, self.problem, rng)
        params = {
            "Z": 0.4 * z,
            "b": 0.4 * b,
            "W": rng.normal(size=(self.n_nodes, k, d)) / math.sqrt(d),
            "V": self.sigma * rng.normal(size=(self.n_nodes, k, d)) / math.sqrt(d),
        }
        if self.depth:
            params["T"] = rng.normal(size=(self.n_internal, d)) / math.sqrt(d)
        if self.problem == "regression":
            params["c"] = np.zeros(k)
        return params

    def forward(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores (n, n_outputs) of rows (n, d)."""
        n, d = self.n_outputs, self.projection_dim
        z = tf.matmul(x, rounding.weight("Z", params["Z"]), transpose_b=True) + rounding.weight("b", params["b"])
        z = rounding.fixed(z, Z_TYPE)

        def flat(name: str) -> tf.Tensor:
            return tf.reshape(rounding.weight(name, params[name]), (-1, d))

        w = rounding.profiled("w", tf.matmul(z, flat("W"), transpose_b=True), SCORE_BITS)
        t = rounding.fixed(tf.matmul(z, flat("V"), transpose_b=True), T_TYPE)
        scores = tf.reshape(w * t, (-1, self.n_nodes, n))
        if self.depth:
            scores = scores * self._path(z, flat("T"), rounding)[:, :, None]
        scores = tf.reduce_sum(scores, 1)
        return scores + params["c"] if "c" in params else scores

    def _path(self, z: tf.Tensor, theta: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Share of each node in the answer, (n, n_nodes): relaxed while training, 0 or 1 once rounding is on."""
        branch = tf.matmul(z, theta, transpose_b=True)
        soft = 0.5 * (1.0 + tf.tanh(rounding.sharpness * branch))
        hard = tf.cast(branch > 0, branch.dtype)
        left = tf.where(rounding.on, hard + (soft - tf.stop_gradient(soft)), soft)
        shares = [tf.ones_like(branch[:, 0])]
        for node in range(1, self.n_nodes):
            parent = (node - 1) // 2
            shares.append(shares[parent] * (left[:, parent] if node % 2 else 1.0 - left[:, parent]))
        return tf.stack(shares, 1)

    def penalty(self, params: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Squared weights."""
        return self.l2 * tf.add_n([tf.reduce_sum(tf.square(params[n])) for n in ("Z", "W", "V")])

    def activation_types(self, weights: Arrays, ranges: Callable[[], Mapping[str, float]]) -> Types:
        """w never saturates: |z| <= 1, so that |W_k z| is bounded by the weights alone."""
        bound = float(np.abs(weights["W"]).sum(-1).max())
        return {"z": Z_TYPE, "t": T_TYPE, "w": QType.covering(bound, SCORE_BITS)}

    def finish(self, weights: Arrays, qtypes: Types, y_mean: float, y_scale: float) -> tuple[Arrays, Types]:
        """Targets back in their units: W times a power of two, the mean in the output bias; w no finer than its sum."""
        qtypes["w"] = QType(SCORE_BITS, min(qtypes["w"].frac, qtypes["W"].frac + Z_TYPE.frac))
        if "c" in weights:
            shift = int(np.log2(y_scale))
            for name in ("W", "w"):
                qtypes[name] = QType(qtypes[name].bits, qtypes[name].frac - shift)
            weights["W"] = weights["W"] * y_scale
            bias = weights["c"] * y_scale + y_mean
            largest = float(np.abs(bias).max()) + (self.depth + 1) * float(np.abs(weights["W"]).sum(-1).max())
            excess = excess_fraction(qtypes["w"].frac + T_TYPE.frac, largest)
            qtypes["w"] = QType(SCORE_BITS, qtypes["w"].frac - excess)
            qtypes["W"] = QType(qtypes["W"].bits, min(qtypes["W"].frac, qtypes["w"].frac + FINER_BITS))
            weights["W"] = qtypes["W"].dequantize(qtypes["W"].quantize(weights["W"]))
            qtypes["c"] = QType(32, qtypes["w"].frac + T_TYPE.frac)
            weights["c"] = qtypes["c"].dequantize(qtypes["c"].quantize(bias))
        return weights, qtypes


def structure_for_budget(
    budget: int | None, n_features: int, n_outputs: int, *, projection_dim: int | None = None, depth: int | None = None,
    problem: str = "multiclass", bits: int = 8, max_cycles: int | None = None,
    least_cycles: Callable[[Family], int] | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Projection size and depth for a byte budget: the documented rule behind ``None``.

    The projection is as wide as the scores deserve: twice the number of classes (24 for a single score), more with the
    square root of budgets above 2 KB (1 KB with weights of half a byte), never more than three times the features. The
    tree is the deepest of at most three levels whose nodes, all dense, leave room for such a projection with three
    fifths of its values; where none does, there is a single node, and the projection shrinks until a fifth of its
    values has room. With `max_cycles` there is a single node (whose code need not store its sums), and a dimension for
    every 600 cycles and four more at most.

    Parameters
    ----------
    budget : int or None
        Bytes for everything; None chooses as for 16 KB.
    max_cycles : int or None
        Cycles of a prediction.
    least_cycles : callable, optional
        Those that a model of such a structure takes without any products; needed with `max_cycles`.
    projection_dim, depth : int, optional
        Fixed by the user.

    Returns
    -------
    projection_dim, depth : int

    Raises
    ------
    ValueError
        When not even the smallest structure fits; the message says the least budget that works, of bytes or cycles.
    """

    def of(d: int, h: int) -> Bonsai:
        return Bonsai(n_features, n_outputs, problem, projection_dim=d, depth=h, bits=bits)

    @functools.cache
    def cycles(d: int, h: int) -> int:
        return 0 if least_cycles is None else least_cycles(of(d, h))

    def least(d: int, h: int, density: float = LEAST_DENSITY) -> int:
        model = of(d, h)
        specs = {n: s if n == "Z" else dataclasses.replace(s, sparse=False) for n, s in model.specs.items()}
        return least_bytes(specs, model.extra_bytes, density)

    limit = 16384 if budget is None else budget
    usual = 1024 if bits <= NIBBLE else 2048
    widest = max(2 * n_outputs, 8 if n_outputs > 1 else 24) * max(1.0, math.sqrt(limit / usual))
    widest = max(1, min(round(widest), 3 * n_features, LARGEST if max_cycles is None else 4 + max_cycles // 600))
    widths: Sequence[int] = range(widest, 0, -1) if projection_dim is None else (projection_dim,)
    depths: Sequence[int] = range(3 if max_cycles is None else 0, -1, -1) if depth is None else (depth,)
    most = math.inf if max_cycles is None else max_cycles
    check_cycles("Bonsai", max_cycles, cycles(widths[-1], depths[-1]))
    for h in depths:
        if least(widths[0], h, TREE_DENSITY if h else LEAST_DENSITY) <= limit and cycles(widths[0], h) <= most:
            return widths[0], h
    for d in widths:
        if (least(d, depths[-1]) <= limit or budget is None) and cycles(d, depths[-1]) <= most:
            return d, depths[-1]
    raise ValueError(
        f"max_model_bytes={budget} is too small for Bonsai with these inputs and parameters: "
        f"the least that works is max_model_bytes={least(widths[-1], depths[-1])}"
    )


def larger_structures(
    budget: int, n_features: int, n_outputs: int, *, projection_dim: int | None = None, depth: int | None = None,
    problem: str = "multiclass", bits: int = 8,
) -> list[tuple[int, int]]:  # fmt: skip
    """Projection sizes and depths that fill a budget with half of the values: a shallow tree, and a deeper one.

    Projections may be many times wider than the inputs: they saturate, so that each is a unit of a hidden layer.
    """
    found = []
    for h in FILLED_DEPTHS if depth is None else (depth,):
        for d in range(WIDEST_FILLED, 0, -1) if projection_dim is None else (projection_dim,):
            model = Bonsai(n_features, n_outputs, problem, projection_dim=d, depth=h, bits=bits)
            if least_bytes(model.specs, model.extra_bytes, FILLED_DENSITY) <= budget:
                found.append((d, h))
                break
    return found
