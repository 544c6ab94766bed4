"""The ProtoNN family for the training loop: structure for a budget, starts, forward maths; no programs, no C++."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..codegen.program.qtype import QType
from .budget import LEAST_DENSITY, NIBBLE, TensorSpec, check_cycles, least_bytes, stored_bytes
from .family import Array, Arrays, Family, Types
from .rounding import Rounding, straight_through
from .schedule import Recipe
from .starts import projection_rate, projection_start, prototype_start
from .targets import excess_fraction

EXP_FRAC = 16
LARGEST = 255  # dimensions
FILLED_WIDTHS, WIDEST_FILLED, MOST_FILLED, FILLED_DENSITY = (1.0, 0.5), 14, 600, 0.8
PROTOTYPE_CYCLES = 120  # of its kernel and its labels
CYCLES = 18_300  # of 20,000; a product of the projection takes 10, one of a prototype 16
TABLE = np.round(128.0 * 2.0 ** (-(np.arange(64) + 0.5) / 64.0))


def squared_distances(z: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """|z - b|^2 of all pairs, (n, m); exact in float32 for raw values of 7 bits in up to 1000 dimensions."""
    cross = tf.matmul(z, b, transpose_b=True)
    return tf.nn.relu(tf.reduce_sum(z * z, 1, keepdims=True) + tf.reduce_sum(b * b, 1) - 2.0 * cross)


def _exp2(exponent: tf.Tensor) -> tf.Tensor:
    """Exact powers of two of whole exponents from -22 to 0."""
    table = tf.constant(2.0 ** -np.arange(23.0), exponent.dtype)
    return tf.gather(table, tf.cast(-exponent, tf.int32))


class ProtoNN(Family):
    """Prototypes in a learned projection (Gupta et al., ICML 2017), as the device computes it.

    ``score = sum_j L_j 2^-|W x + b - b_j|^2``; gamma and log2(e) are folded into W and the prototypes. The bias b is
    there for the range of the projection alone: rows far from zero land among the prototypes.

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
    centred = ("W", "b")
    output = ("L", "c")

    def __init__(
        self, n_features: int, n_outputs: int, problem: str, *, projection_dim: int, n_prototypes: int,
        gamma: float | None = None, bits: int = 8, z_frac: int = 4,
        sparse_labels: bool = False,
    ) -> None:  # fmt: skip
        self.n_features, self.n_outputs, self.problem = n_features, n_outputs, problem
        self.projection_dim, self.n_prototypes, self.gamma = projection_dim, n_prototypes, gamma
        self.z_type = QType(7, z_frac)
        d, m = projection_dim, n_prototypes
        self.specs = {
            "W": TensorSpec((d, n_features), bits, sparse=True),
            "b": TensorSpec((d,), 32, scale_of=("W", "x")),
            "B": TensorSpec((m, d), 7, frac=z_frac),
            "L": TensorSpec((m, n_outputs), bits if bits > NIBBLE else 8, sparse=sparse_labels, transposed=True),
        }
        if problem == "regression":
            self.specs["c"] = TensorSpec((n_outputs,), 32)
        self.extra_bytes = len(TABLE)
        self.recipe = Recipe(learning_rate=0.005, mixup=0.3, noise=0.4, loss="hinge")
        if problem == "regression":
            self.recipe = Recipe(learning_rate=0.01, loss="squared", mixup=0.2)
        self.rates = {"W": projection_rate(n_features)}
        self.l2 = 1e-5 if problem != "regression" else 0.0

    @property
    def structure(self) -> dict[str, Any]:
        """See the base."""
        return {"projection_dim": self.projection_dim, "n_prototypes": self.n_prototypes}

    def initial(self, x: Array, y: Array, rng: np.random.Generator) -> Arrays:
        """W from discriminant and principal directions, prototypes from k-means, labels from their members."""
        w, _ = projection_start(x, y, self.projection_dim, self.problem, rng)
        z = x @ w.T
        b, labels = prototype_start(z, y, self.n_prototypes, self.n_outputs, self.problem, rng)
        gamma = self.gamma
        if gamma is None:
            rows = z[rng.permutation(len(z))[:2000]]
            distance = np.sqrt(((rows[:, None] - b[None]) ** 2).sum(-1))
            gamma = 2.5 / max(float(np.median(distance)), 1e-9)
        factor = gamma * math.sqrt(math.log2(math.e))
        params = {"W": factor * w, "b": np.zeros(self.projection_dim), "B": factor * b, "L": labels}
        if self.problem == "regression":
            params["c"] = np.zeros(self.n_outputs)
        return params

    def forward(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores (n, n_outputs) of rows (n, d)."""
        z = tf.matmul(x, rounding.weight("W", params["W"]), transpose_b=True) + rounding.weight("b", params["b"])
        z = rounding.fixed(z, self.z_type)
        b = rounding.weight("B", params["B"])
        distance = squared_distances(z, b)
        scores = tf.matmul(self._kernel(distance, rounding), rounding.weight("L", params["L"]))
        return scores + params["c"] if "c" in params else scores

    def _kernel(self, distance: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """2^-d in the device's block floating point: the nearest prototypes of a row keep 7 bits."""
        smooth = tf.exp(-math.log(2.0) * distance)
        near = distance < 16.0
        steps = tf.floor(distance * 64.0)
        whole = tf.floor(steps / 64.0)
        entry = tf.gather(tf.constant(TABLE, distance.dtype), tf.cast(steps - 64.0 * whole, tf.int32) % 64)
        common = tf.reduce_min(tf.where(near, whole, 15.0), -1, keepdims=True)
        shift = tf.clip_by_value(whole - common, 0.0, 8.0)
        value = tf.floor(entry * _exp2(-shift) + 0.5 * tf.cast(shift > 0, shift.dtype))
        value = tf.where(near & (shift < 8.0), value, 0.0)
        return straight_through(tf.where(rounding.on, value * _exp2(-common - 7.0), smooth), smooth)

    def penalty(self, params: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Squared weights."""
        return self.l2 * tf.add_n([tf.reduce_sum(tf.square(params[n])) for n in ("W", "L")])

    def activation_types(self, weights: Arrays, ranges: Callable[[], Mapping[str, float]]) -> Types:
        """The projection's type is fixed by the structure."""
        return {"z": self.z_type, "e": QType(32, EXP_FRAC)}

    def finish(self, weights: Arrays, qtypes: Types, y_mean: float, y_scale: float) -> tuple[Arrays, Types]:
        """Targets back in their units: L times a power of two, the mean in the output bias."""
        if "c" not in weights:
            qtypes["L"] = QType(qtypes["L"].bits, qtypes["L"].frac - int(np.log2(y_scale)))
            weights["L"] = weights["L"] * y_scale
        else:
            bias = weights["c"] * y_scale + y_mean
            largest = float(np.abs(bias).max()) + float(np.abs(weights["L"]).sum(0).max()) * y_scale
            frac = qtypes["L"].frac - int(np.log2(y_scale))
            qtypes["L"] = QType(qtypes["L"].bits, frac - excess_fraction(frac + EXP_FRAC, largest))
            weights["L"] = qtypes["L"].dequantize(qtypes["L"].quantize(weights["L"] * y_scale))
            qtypes["c"] = QType(32, qtypes["L"].frac + EXP_FRAC)
            weights["c"] = qtypes["c"].dequantize(qtypes["c"].quantize(bias))
        return weights, qtypes


def structure_for_budget(
    budget: int | None, n_features: int, n_outputs: int, *, projection_dim: int | None = None,
    n_prototypes: int | None = None, problem: str = "multiclass", bits: int = 8, max_cycles: int | None = None,
    least_cycles: Callable[[Family], int] | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Projection size and number of prototypes for a byte budget: the documented rule behind ``None``.

    The projection has 12 dimensions at 2 KB, changing with the fourth root of the budget, never more than features;
    with weights of half a byte the budget counts twice. Prototypes are three a class at 2 KB (changing with the square
    root of the budget) or, with few features, as many as an Uno can visit in about 20,000 cycles (in proportion for
    larger budgets; at most 100 for a single score). They take at most two fifths of the budget (half of it beside
    weights of half a byte) where the projection could be denser instead. With `max_cycles` there is a dimension for
    every 600 cycles at most, and prototypes may take half of the cycles.

    Parameters
    ----------
    budget : int or None
        Bytes for everything; None chooses as for 16 KB.
    max_cycles : int or None
        Cycles of a prediction.
    least_cycles : callable, optional
        Those that a model of such a structure takes without any products; needed with `max_cycles`.
    projection_dim, n_prototypes : int, optional
        Fixed by the user.

    Returns
    -------
    projection_dim, n_prototypes : int

    Raises
    ------
    ValueError
        When not even the smallest structure fits; the message says the least budget that works, of bytes or cycles.
    """

    def of(d: int, m: int) -> ProtoNN:
        return ProtoNN(n_features, n_outputs, problem, projection_dim=d, n_prototypes=m, bits=bits)

    def quick(d: int, m: int) -> bool:
        return max_cycles is None or least_cycles is None or least_cycles(of(d, m)) <= max_cycles

    def size(d: int, m: int, density: float) -> int:
        model = of(d, m)
        return least_bytes(model.specs, model.extra_bytes, density)

    limit = 16384 if budget is None else budget
    narrow = bits <= NIBBLE
    growth = limit / 2048 * (2.0 if narrow else 1.0)
    widest = max(1, min(round(12 * growth**0.25), n_features, LARGEST if max_cycles is None else max_cycles // 600))
    widths: Sequence[int] = range(widest, 0, -1) if projection_dim is None else (projection_dim,)
    visited = (CYCLES * max(1.0, limit / 2048) - 10 * n_features * widest) / (16 * (widest + n_outputs))
    most = max(n_outputs, 2, round(3 * n_outputs * math.sqrt(growth)), int(visited))
    most = min(most, round(100 * math.sqrt(growth))) if n_outputs == 1 else most
    if max_cycles is not None:
        most = max(n_outputs, 2, int(0.5 * max_cycles / (6.5 * widest + PROTOTYPE_CYCLES)))
    counts: Sequence[int] = range(most, 0, -1) if n_prototypes is None else (n_prototypes,)
    smallest = widths[-1], min(counts[0], n_outputs) if n_prototypes is None else n_prototypes
    if least_cycles is not None:
        check_cycles("ProtoNN", max_cycles, least_cycles(of(*smallest)))
    for d in widths:
        for m in counts:
            modest = m * (d + n_outputs) <= (0.5 if narrow else 0.4) * limit
            share = n_prototypes is not None or size(d, m, 1.0) <= limit or modest
            enough = share and size(d, m, LEAST_DENSITY) <= limit and m >= min(counts[0], n_outputs)
            if (enough or budget is None) and quick(d, m):
                return d, m
    if size(*smallest, LEAST_DENSITY) <= limit:
        return smallest
    raise ValueError(
        f"max_model_bytes={budget} is too small for ProtoNN with these inputs and parameters: "
        f"the least that works is max_model_bytes={size(*smallest, LEAST_DENSITY)}"
    )


def larger_structures(
    budget: int, n_features: int, n_outputs: int, *, projection_dim: int | None = None, n_prototypes: int | None = None,
    problem: str = "multiclass", bits: int = 8, rows: int = 1024, sparse_labels: bool = True,
) -> list[tuple[int, int]]:  # fmt: skip
    """Projection sizes and numbers of prototypes that fill a budget: a wide projection, and a narrow one of more.

    There is a prototype for every other row at most; where labels are sparse, two of each are kept.
    """
    found = []
    for share in FILLED_WIDTHS:
        d = projection_dim or max(1, min(n_features, round(share * WIDEST_FILLED)))
        for m in range(max(2, min(rows // 2, MOST_FILLED)), 0, -1) if n_prototypes is None else (n_prototypes,):
            model = ProtoNN(
                n_features, n_outputs, problem, projection_dim=d, n_prototypes=m, bits=bits, sparse_labels=sparse_labels
            )
            kept = {"W": math.ceil(FILLED_DENSITY * d * n_features), "L": min(2, n_outputs) * m}
            if stored_bytes(model.specs, kept, model.extra_bytes) <= budget:
                found.append((d, m))
                break
    return list(dict.fromkeys(found))
