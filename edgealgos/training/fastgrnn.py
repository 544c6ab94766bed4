"""FastGRNN, FastRNN and GRU for the training loop: structure, starts, forward maths; nothing of programs or C++."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from ..codegen.program.qtype import PREACTIVATION, SMALL_STATE, QType
from . import cells, recurrence
from .budget import TensorSpec, check_cycles, least_bytes
from .family import Array, Arrays, Family, Types
from .rounding import Rounding, straight_through
from .schedule import Recipe
from .targets import excess_fraction

TANH_TABLE_BYTES = 128
THRESHOLD_BYTES = 4  # of an early exit
LARGEST_HIDDEN = 255
USUAL_HIDDEN = 50  # larger states are sums of more values: their weights move more slowly and decay faster
LOW_RANKS = (16, 8, 4, 2, 1)
LEAST_DENSITY = 0.3  # a sparse matrix with fewer of its values left is better made smaller
PRODUCT_CYCLES, STEP_CYCLES = 7.0, 300  # of a step on an Uno, sums of 16 bits
UNIT_CYCLES = {"FastGRNN": 150, "FastRNN": 150, "GRU": 300}
SCALARS = {"FastGRNN": ("zeta", "nu"), "FastRNN": ("alpha", "beta"), "GRU": ()}
VECTORS = {"FastGRNN": ("gate_bias", "candidate_bias"), "FastRNN": ("candidate_bias",), "GRU": ("bias",)}
SHORTEST_SPAN = 1.5  # steps that a unit of a GRU remembers at first
PRODUCTS = {"FastGRNN": 1, "FastRNN": 1, "GRU": 3}  # with W and with U that a unit of the state has


class FastGRNN(Family):
    """A recurrent cell and a linear head on its last state (Kusupati et al., NeurIPS 2018), as the device does.

    ``p = W x + U h``; FastGRNN: ``h = (zeta (1 - s) + nu) c + s h`` with gate ``s = sigmoid(p + b_z)`` and candidate
    ``c = tanh(p + b_h)``; FastRNN: ``h = alpha c + beta h``; GRU: see :class:`~.cells.ResetCell`. Scores are linear in
    the last ``h``.

    Parameters
    ----------
    n_features : int
        Features of one time step.
    n_outputs : int
    problem : {"multiclass", "binary", "regression"}
    n_steps : int
    hidden_size : int
    cell : {"FastGRNN", "FastRNN", "GRU"}
    rank_w, rank_u : int or None
        Ranks of W and U, each stored as two factors; None (or no less than full rank): one matrix.
    nonlinearity : {"hard_tanh", "tanh"}
    bits : int
        Width of the values of W, U and the head.
    every_step : bool
        Whether scores are to be right after every step, so that one may stop early; not only after the last.
    """

    stepwise = True
    output = ("FC", "FC_bias")
    fixed_types: ClassVar[Mapping[str, QType]] = {"h8": SMALL_STATE}

    def __init__(
        self, n_features: int, n_outputs: int, problem: str, *, n_steps: int, hidden_size: int, cell: str = "FastGRNN",
        rank_w: int | None = None, rank_u: int | None = None, nonlinearity: str = "hard_tanh", bits: int = 8,
        every_step: bool = False,
    ) -> None:  # fmt: skip
        self.n_step_features, self.n_steps = n_features, n_steps
        self.n_features, self.n_outputs, self.problem = n_features * n_steps, n_outputs, problem
        self.name, self.hidden_size, self.nonlinearity = cell, hidden_size, nonlinearity
        self.rows = PRODUCTS[cell] * hidden_size
        self.rank_w = rank_w if rank_w and rank_w < min(n_features, self.rows) else None
        self.rank_u = rank_u if rank_u and rank_u < hidden_size else None
        self.specs = self._specs(bits)
        self.every_step = every_step
        self.extra_bytes = TANH_TABLE_BYTES * (nonlinearity == "tanh") + THRESHOLD_BYTES * every_step
        self.profiled = tuple(f"{m}_inner" for m, rank in (("wx", self.rank_w), ("uh", self.rank_u)) if rank)
        size = max(1.0, hidden_size / USUAL_HIDDEN)
        self.recipe = Recipe(
            epochs=100, batch_size=64, learning_rate=0.01 / size, fastest_rate=0.0, weight_decay=0.1 * size,
            noise=0.0 if problem == "regression" else 0.45,
        )  # fmt: skip
        self.rates = dict.fromkeys(SCALARS[cell], 0.1)

    def _specs(self, bits: int) -> dict[str, TensorSpec]:
        """Every stored tensor."""
        h, rows, visits = self.hidden_size, self.rows, (float(self.n_steps),)
        specs = {}
        for name, columns, rank in (("W", self.n_step_features, self.rank_w), ("U", h, self.rank_u)):
            if rank:
                specs[f"{name}1"] = TensorSpec((rows, rank), bits, sparse=True, visits=visits)
                specs[f"{name}2"] = TensorSpec((rank, columns), bits, sparse=True, visits=visits)
            else:
                specs[name] = TensorSpec((rows, columns), bits, sparse=True, visits=visits)
        specs |= {name: TensorSpec((rows,), 8) for name in VECTORS[self.name]}
        width, frac = (9, 8) if self.name == "FastGRNN" else (16, 15)
        specs |= {name: TensorSpec((1,), width, frac=frac) for name in SCALARS[self.name]}
        specs["FC"] = TensorSpec((self.n_outputs, h), bits)
        specs["FC_bias"] = TensorSpec((self.n_outputs,), 32, scale_of=("FC", "h8"))
        return specs

    # ------------------------------------------------------------------ starts

    @property
    def structure(self) -> dict[str, Any]:
        """See the base."""
        return {"hidden_size": self.hidden_size, "rank_w": self.rank_w, "rank_u": self.rank_u, "cell": self.name,
                "nonlinearity": self.nonlinearity}  # fmt: skip

    def initial(self, x: Array, y: Array, rng: np.random.Generator) -> Arrays:
        """U orthogonal, W and head random with unit gain, gates half open to the past.

        A GRU's units remember for different spans at first, up to the whole sequence (Tallec and Ollivier, ICLR 2018).
        """
        h, d = self.hidden_size, self.n_step_features
        spread = float(np.sqrt(np.mean(np.square(x)))) + 1e-9
        params = self._factors("W", rng.normal(size=(self.rows, d)) / math.sqrt(d) / spread)
        squares = [np.linalg.qr(rng.normal(size=(h, h)))[0] for _ in range(PRODUCTS[self.name])]
        params |= self._factors("U", np.concatenate(squares))
        params |= {name: np.zeros(self.rows) for name in VECTORS[self.name]}
        if self.name == "FastGRNN":
            params |= {"gate_bias": np.ones(h), "zeta": np.array([0.75]), "nu": np.array([0.02])}
        elif self.name == "GRU":
            spans = np.exp(rng.uniform(math.log(SHORTEST_SPAN), math.log(max(self.n_steps, 2)), h))
            params["bias"][:h] = 1.0 - 2.0 / spans if self.nonlinearity == "hard_tanh" else np.log(spans - 1.0)
        else:
            params |= {"alpha": np.array([min(0.5, 2.0 / self.n_steps)]), "beta": np.array([1 - 1.0 / self.n_steps])}
        params["FC"] = rng.normal(size=(self.n_outputs, h)) / math.sqrt(h)
        params["FC_bias"] = np.zeros(self.n_outputs)
        return params

    def _factors(self, name: str, matrix: Array) -> Arrays:
        """A matrix, or its best approximation by two factors of equal weight."""
        rank = self.rank_w if name == "W" else self.rank_u
        if not rank:
            return {name: matrix}
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        root = np.sqrt(values[:rank])
        gain = math.sqrt(np.square(values).sum() / np.square(values[:rank]).sum())
        return {f"{name}1": left[:, :rank] * root * gain, f"{name}2": root[:, None] * right[:rank]}

    # ------------------------------------------------------------------ forward

    def forward(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores (n, n_outputs) of rows (n, n_steps, n_features) or (n, n_steps * n_features).

        With `every_step` those after each step, (n_steps, n, n_outputs).
        """
        states = self.states(params, x, rounding)
        if not self.every_step:
            return self.head(params, states[-1], rounding)
        scores = self.head(params, tf.reshape(states, (-1, self.hidden_size)), rounding)
        return tf.reshape(scores, (self.n_steps, -1, self.n_outputs))

    def states(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Hidden state after every step, (n_steps, n, hidden)."""

        def weight(name: str) -> tf.Tensor:
            return rounding.weight(name, params[name])

        steps = tf.transpose(tf.reshape(x, (-1, self.n_steps, self.n_step_features)), (1, 0, 2))
        wx = self._input_product(tf.reshape(steps, (-1, self.n_step_features)), weight, rounding)
        wx = tf.reshape(wx, (self.n_steps, -1, self.rows))
        factors = tuple(weight(name) for name in (("U1", "U2") if self.rank_u else ("U",)))
        vectors = tuple(weight(name) for name in VECTORS[self.name])
        scalars = tuple(self._scalar(weight(name)) for name in SCALARS[self.name])
        cell = cells.CELLS[self.name](self.nonlinearity)
        inner = rounding.scales["uh_inner"] if self.rank_u else 1.0
        states = recurrence.states(cell, wx, factors, vectors, scalars, rounded=rounding.on, inner_scale=inner)
        if self.rank_u and rounding.observed is not None:
            rounding.profiled("uh_inner", tf.matmul(states, factors[1], transpose_b=True), 8)
        return states

    def _input_product(self, x: tf.Tensor, weight: Callable[[str], tf.Tensor], rounding: Rounding) -> tf.Tensor:
        """``W x`` of all steps at once, in the type of a pre-activation."""
        if self.rank_w:
            x = rounding.profiled("wx_inner", tf.matmul(x, weight("W2"), transpose_b=True), 8)
        outer = weight("W1" if self.rank_w else "W")
        return rounding.fixed(tf.matmul(x, outer, transpose_b=True), PREACTIVATION)

    def _scalar(self, value: tf.Tensor) -> tf.Tensor:
        """A constant of the cell; those of FastGRNN are unsigned on the device."""
        value = tf.reshape(value, ())
        return straight_through(tf.nn.relu(value), value) if self.name == "FastGRNN" else value

    def head(self, params: Mapping[str, tf.Tensor], state: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores of states (n, hidden)."""
        h8 = rounding.fixed(state, SMALL_STATE)
        scores = tf.matmul(h8, rounding.weight("FC", params["FC"]), transpose_b=True)
        return scores + rounding.weight("FC_bias", params["FC_bias"])

    # ------------------------------------------------------------------ types and results

    def activation_types(self, weights: Arrays, ranges: Callable[[], Mapping[str, float]]) -> Types:
        """Inner products of low rank as profiled; biases give up bits that pre-activations do not have."""
        found = ranges() if self.profiled else {}
        types = {name: QType.covering(found[name], 8) for name in self.profiled}
        for name in VECTORS[self.name]:
            covering = QType.covering(float(np.abs(weights[name]).max()), 8)
            types[name] = QType(8, min(covering.frac, PREACTIVATION.frac))
        return types

    def finish(self, weights: Arrays, qtypes: Types, y_mean: float, y_scale: float) -> tuple[Arrays, Types]:
        """Targets back in their units: the head times a power of two, the mean in its bias."""
        if self.name == "FastGRNN":
            weights |= {name: np.maximum(weights[name], 0.0) for name in SCALARS[self.name]}
        if self.problem == "regression" or y_scale != 1:
            bias = weights["FC_bias"] * y_scale + y_mean
            largest = float(np.abs(bias).max()) + float(np.abs(weights["FC"]).sum(-1).max()) * y_scale
            frac = qtypes["FC"].frac - int(np.log2(y_scale))
            qtypes["FC"] = QType(qtypes["FC"].bits, frac - excess_fraction(frac + SMALL_STATE.frac, largest))
            weights["FC"] = qtypes["FC"].dequantize(qtypes["FC"].quantize(weights["FC"] * y_scale))
            qtypes["FC_bias"] = QType(32, qtypes["FC"].frac + SMALL_STATE.frac)
            weights["FC_bias"] = qtypes["FC_bias"].dequantize(qtypes["FC_bias"].quantize(bias))
        return weights, qtypes


def structure_for_budget(
    budget: int | None, n_features: int, n_outputs: int, *, n_steps: int, hidden_size: int | None = None,
    rank_w: int | None = None, rank_u: int | None = None, problem: str = "multiclass", bits: int = 8,
    nonlinearity: str = "hard_tanh", cell: str = "FastGRNN", max_cycles: int | None = None, every_step: bool = False,
    least_cycles: Callable[[Family], int] | None = None,
) -> tuple[int, int | None, int | None]:  # fmt: skip
    """Hidden size and ranks for a byte budget: the documented rule behind ``None``.

    Full matrices, all values kept, and the largest state that fits: low rank bought nothing at about equal bytes on
    rows of USPS digits (validation rows; sparse states were not measured), and dense products are simple and fast.
    Where a state as large as the number of scores does not fit, W gets a low rank. A state fixed by the user may
    be made sparse. With `max_cycles` the state is as large as an Uno can update so often.

    Parameters
    ----------
    budget : int or None
        Bytes for everything; None chooses as for 4 KB.
    max_cycles : int or None
        Cycles of a prediction, all steps together.
    least_cycles : callable, optional
        Those that a model of such a structure takes without any products; needed with `max_cycles`.
    n_features : int
        Features of one time step.
    hidden_size, rank_w, rank_u : int, optional
        Fixed by the user.

    Returns
    -------
    hidden_size : int
    rank_w, rank_u : int or None

    Raises
    ------
    ValueError
        When not even the smallest structure fits; the message says the least budget that works, of bytes or cycles.
    """

    def of(size: int, rank: int | None) -> FastGRNN:
        return FastGRNN(n_features, n_outputs, problem, n_steps=n_steps, hidden_size=size, rank_w=rank, rank_u=rank_u,
                        bits=bits, nonlinearity=nonlinearity, cell=cell, every_step=every_step)  # fmt: skip

    @functools.cache
    def quick(size: int, rank: int | None) -> bool:
        return max_cycles is None or least_cycles is None or least_cycles(of(size, rank)) <= max_cycles

    def least(size: int, rank: int | None) -> int:
        model = of(size, rank)
        return least_bytes(model.specs, model.extra_bytes, 1.0 if hidden_size is None else LEAST_DENSITY)

    def cycles(size: int) -> float:
        products = PRODUCT_CYCLES * PRODUCTS[cell] * size * (n_features + size)
        return n_steps * (products + UNIT_CYCLES[cell] * size + STEP_CYCLES)

    limit = 4096 if budget is None else budget
    sizes: Sequence[int] = range(LARGEST_HIDDEN, 0, -1) if hidden_size is None else (hidden_size,)
    if max_cycles is not None and hidden_size is None:
        sizes = [size for size in sizes if cycles(size) <= max_cycles] or [1]
    ranks: tuple[int | None, ...] = (rank_w,) if rank_w else (None, *(r for r in LOW_RANKS if 2 * r <= n_features))
    if least_cycles is not None:
        check_cycles(cell, max_cycles, least_cycles(of(sizes[-1], ranks[0])))
    for wanted in (min(n_outputs, sizes[0]), 1):
        for rank in ranks:
            size = next((size for size in sizes if least(size, rank) <= limit and quick(size, rank)), 0)
            if size >= wanted:
                return size, rank, rank_u
    if budget is None:
        return sizes[-1], rank_w, rank_u
    needed = min(least(sizes[-1], rank) for rank in ranks)
    raise ValueError(f"max_model_bytes={budget} is too small: the least that works is max_model_bytes={needed}")
