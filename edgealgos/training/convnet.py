"""Convolutional nets for the training loop: starts, forward maths, structures for a budget; no programs, no C++."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from ..codegen.program.geometry import LayerShape, Picture, halvings_of, parse
from ..codegen.program.qtype import QType
from .budget import TensorSpec
from .family import Array, Arrays, Family, Types
from .rounding import Rounding
from .schedule import Recipe
from .targets import excess_fraction

ACTIVATION = QType(8, 5)  # rectified values: clipped at 4, of layers that begin with deviations of 1
AVERAGE = QType(8, 4)  # of many of them, times 4 since averages differ less: clipped at 8
SMALL_BITS = 6  # of the weights of kernels that see few values: their sums stay within 16 bits
NEGLIGIBLE = 1e-9  # variance, for a channel without weights
RARE = 0.1  # of what inputs of variance 1 would make, added to variances: what seldom speaks is not made loud
SAMPLE = 1024  # rows whose deviations are made 1


class ConvNet(Family):
    """Layers over a picture, the average of what they make of it, and a linear head, all as the device rounds them.

    Parameters
    ----------
    picture : (int, int, int)
        Rows, positions and channels.
    n_outputs : int
    problem : {"multiclass", "binary", "regression"}
    layers : str
        See :func:`~edgealgos.codegen.program.geometry.parse`.
    bits : int
        Width of the values of matrices over all channels and of the head.
    """

    name = "ConvNet"
    output = ("FC", "FC_bias")
    fixed_types: ClassVar[Mapping[str, QType]] = {"a": ACTIVATION, "pooled": AVERAGE, "last": ACTIVATION}

    def __init__(self, picture: Picture, n_outputs: int, problem: str, *, layers: str, bits: int = 4) -> None:
        self.picture, self.layers, self.bits = picture, layers, bits
        self.n_features, self.n_outputs, self.problem = math.prod(picture), n_outputs, problem
        self.shapes = parse(layers, picture)
        last = self.shapes[-1].after
        self.positions, self.channels = last[0] * last[1], last[2]
        self.pooled = "last" if self.positions == 1 else "pooled"
        self.specs = self._specs()
        self.recipe = Recipe(epochs=200, most_steps=12_000, learning_rate=0.02, fastest_rate=0.0, sparse_from=0.4,
                             frozen_from=0.4, quantized_from=0.4, folded_from=0.9, ema=0.995)  # fmt: skip
        self.rates = {}

    def _specs(self) -> dict[str, TensorSpec]:
        """Every stored tensor: kernels that see one channel, or few values, have more bits."""
        specs, source = {}, "x"
        for name, layer in self.named():
            if layer.kind == "maxpool":
                continue
            rows, columns = layer.matrix_shape
            few = layer.kind == "depthwise" or columns < 16
            bits = max(SMALL_BITS, self.bits) if few and self.bits < 8 else self.bits
            specs[f"{name}_weights"] = TensorSpec((rows, columns), bits)
            wide = 32 if self.bits == 16 else 16
            specs[f"{name}_bias"] = TensorSpec((rows,), wide, scale_of=(f"{name}_weights", source))
            source = "a"
        specs["FC"] = TensorSpec((self.n_outputs, self.channels), self.bits)
        wide = 32 if self.problem == "regression" or self.bits == 16 else 16
        specs["FC_bias"] = TensorSpec((self.n_outputs,), wide, scale_of=("FC", self.pooled))
        return specs

    def named(self) -> Iterator[tuple[str, LayerShape]]:
        """Layers with the names that they have in programs."""
        return ((f"layer{i}", layer) for i, layer in enumerate(self.shapes, 1))

    @property
    def structure(self) -> dict[str, Any]:
        """See the base."""
        return {"layers": self.layers, "width": self.picture[1]}

    # ------------------------------------------------------------------ starts

    def initial(self, x: Array, y: Array, rng: np.random.Generator) -> Arrays:
        """Random weights, scaled such that every channel begins with mean 0 and deviation 1 on training rows."""
        shapes = {name: layer.matrix_shape for name, layer in self.named() if layer.kind != "maxpool"}
        params = {f"{name}_weights": rng.normal(size=shape) / math.sqrt(shape[1]) for name, shape in shapes.items()}
        params |= {f"{name}_bias": np.zeros(shape[0]) for name, shape in shapes.items()}
        params["FC"] = rng.normal(size=(self.n_outputs, self.channels)) / math.sqrt(self.channels)
        params["FC_bias"] = np.zeros(self.n_outputs)
        return self._scaled(params, x[rng.permutation(len(x))[:SAMPLE]], fold=True)

    def settled(self, params: Arrays, rows: Callable[[], Array], fold: bool = True) -> Arrays:
        """See the base: what normalisation of every channel over these rows did."""
        return self._scaled(params, rows()[:SAMPLE], fold)

    def _scaled(self, params: Arrays, rows: Array, fold: bool) -> Arrays:
        """Weights such that every channel has deviation 1 on these rows, and with `fold` mean 0 before its bias."""
        values, params = tf.reshape(tf.constant(rows, tf.float32), (-1, *self.picture)), dict(params)
        for name, layer in self.named():
            if layer.kind == "maxpool":
                values = _pool(values, layer)
                continue
            weights, bias = params[f"{name}_weights"], params[f"{name}_bias"]
            made = _sums(values, tf.constant(weights, tf.float32), layer).numpy()
            gain = 1.0 / np.sqrt(made.var((0, 1, 2)) + RARE * np.square(weights).sum(1) + NEGLIGIBLE)
            whole = bias - made.mean((0, 1, 2)) * gain
            params |= {f"{name}_weights": weights * gain[:, None], f"{name}_bias": whole if fold else bias}
            values = _clipped(tf.constant(made * gain + whole, tf.float32), layer)
        return params

    # ------------------------------------------------------------------ forward

    def forward(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores (n, n_outputs) of rows (n, d)."""
        values = tf.reshape(x, (-1, *self.picture))
        for name, layer in self.named():
            if layer.kind == "maxpool":
                values = _pool(values, layer)
                continue
            weights = rounding.weight(f"{name}_weights", params[f"{name}_weights"])
            sums = _sums(values, weights, layer)
            if rounding.key is not None:
                folded = rounding.on if rounding.folded is None else rounding.folded
                sums = tf.where(folded, sums, _normalised(sums, weights))
            sums += rounding.weight(f"{name}_bias", params[f"{name}_bias"])
            values = rounding.fixed(tf.nn.relu(sums) if layer.rectify else sums, ACTIVATION)
        total = tf.reduce_sum(values, (1, 2)) * 2.0 ** -halvings_of(self.positions)
        pooled = rounding.fixed(total, self.fixed_types[self.pooled])
        scores = tf.matmul(pooled, rounding.weight("FC", params["FC"]), transpose_b=True)
        return scores + rounding.weight("FC_bias", params["FC_bias"])

    def finish(self, weights: Arrays, qtypes: Types, y_mean: float, y_scale: float) -> tuple[Arrays, Types]:
        """Targets back in their units: the head times a power of two, the mean in its bias."""
        if self.problem == "regression" or y_scale != 1:
            bias = weights["FC_bias"] * y_scale + y_mean
            pooled = self.fixed_types[self.pooled]
            reach = 2.0 ** (pooled.bits - 1 - pooled.frac)
            largest = float(np.abs(bias).max()) + reach * float(np.abs(weights["FC"]).sum(-1).max()) * y_scale
            frac = qtypes["FC"].frac - int(np.log2(y_scale))
            qtypes["FC"] = QType(qtypes["FC"].bits, frac - excess_fraction(frac + pooled.frac, largest))
            weights["FC"] = qtypes["FC"].dequantize(qtypes["FC"].quantize(weights["FC"] * y_scale))
            qtypes["FC_bias"] = QType(32, qtypes["FC"].frac + pooled.frac)
            weights["FC_bias"] = qtypes["FC_bias"].dequantize(qtypes["FC_bias"].quantize(bias))
        return weights, qtypes


def _seen(x: tf.Tensor, layer: LayerShape) -> Iterator[tf.Tensor]:
    """What each place of the kernel sees at all results, (n, rows, positions, channels)."""
    rows, positions, _ = layer.after
    padded = tf.pad(x, ((0, 0), layer.zeros(0), layer.zeros(1), (0, 0)))
    for i in range(layer.kernel[0]):
        for j in range(layer.kernel[1]):
            down, along = (layer.stride[0] * (rows - 1) + 1, layer.stride[1] * (positions - 1) + 1)
            yield padded[:, i : i + down : layer.stride[0], j : j + along : layer.stride[1]]


def _sums(x: tf.Tensor, weights: tf.Tensor, layer: LayerShape) -> tf.Tensor:
    """Sums of products, (n, rows, positions, channels)."""
    if layer.kind == "depthwise":
        return _each_channel(x, weights, layer)
    if layer.kind == "pointwise":
        return _at_every_place(x, weights)
    if layer.kernel == layer.before[:2] and not layer.padded:
        return _at_every_place(tf.reshape(x, (-1, 1, 1, math.prod(layer.before))), weights)
    padded = tf.pad(x, ((0, 0), layer.zeros(0), layer.zeros(1), (0, 0)))
    kernel = tf.reshape(tf.transpose(weights), (*layer.kernel, layer.before[2], layer.after[2]))
    return tf.nn.conv2d(padded, kernel, layer.stride, "VALID")


def _at_every_place(x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The same product at all places, as one of two matrices: XLA is slower with one of more axes."""
    product = tf.matmul(tf.reshape(x, (-1, x.shape[-1])), weights, transpose_b=True)
    return tf.reshape(product, (-1, *x.shape[1:-1], weights.shape[0]))


def _each_channel(x: tf.Tensor, weights: tf.Tensor, layer: LayerShape) -> tf.Tensor:
    """Sums of a depthwise layer: over whole rows at once where the kernel moves by one position, which is faster."""
    if layer.stride[1] != 1:
        return tf.add_n([seen * weights[:, k] for k, seen in enumerate(_seen(x, layer))])
    (rows, positions, channels), columns = layer.after, layer.kernel[1]
    padded = tf.pad(x, ((0, 0), layer.zeros(0), layer.zeros(1), (0, 0)))
    wide, down = tf.reshape(padded, (-1, padded.shape[1], padded.shape[2] * channels)), layer.stride[0]
    seen = (wide[:, i : i + down * (rows - 1) + 1 : down, j * channels : (j + positions) * channels]
            for i in range(layer.kernel[0]) for j in range(columns))  # fmt: skip
    sums = tf.add_n([part * tf.tile(weights[:, k], (positions,)) for k, part in enumerate(seen)])
    return tf.reshape(sums, (-1, *layer.after))


def _pool(x: tf.Tensor, layer: LayerShape) -> tf.Tensor:
    found, *others = _seen(x, layer)
    for seen in others:
        found = tf.maximum(found, seen)
    return found


def _normalised(sums: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Every channel with mean 0 and deviation 1 over a batch (Ioffe and Szegedy, ICML 2015); weights scale freely."""
    centred = sums - _mean(sums)
    least = RARE * tf.reduce_sum(tf.square(weights), 1) + NEGLIGIBLE
    return centred * tf.math.rsqrt(_mean(centred * centred) + least)


def _mean(values: tf.Tensor) -> tf.Tensor:
    """Mean of every channel; first over pictures, of whose many values XLA makes vectors."""
    return tf.reduce_mean(tf.reduce_mean(values, 0), (0, 1))


def _clipped(sums: tf.Tensor, layer: LayerShape) -> tf.Tensor:
    high = ACTIVATION.high * ACTIVATION.step
    return tf.clip_by_value(sums, 0.0 if layer.rectify else -high, high)
