"""What the device stores of a model under training: values that stay, number types, rounding; no stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ..codegen.program.qtype import QType
from .budget import NIBBLE, Masks, dense_bytes, stored_bytes
from .family import Array, Arrays, Family, Types
from .rounding import Rounding

COARSE = 2.0**-20  # scale of an activation nobody has profiled yet: it never saturates
ROWS_PROFILED = 2000


class Stored:
    """The stored tensors of a model: masks, widths, types.

    Parameters
    ----------
    model : Family
    x_q : integer array, shape (n, d)
        Training rows, to profile activations on.
    x_frac : int
        Fractional bits of the inputs.

    Attributes
    ----------
    specs : dict of str to TensorSpec
        The model's, biases narrower where their values allow it.
    masks : dict of str to bool array
        Values of sparse tensors that stay.
    centre : float32 array
        What training takes from every row.
    """

    def __init__(self, model: Family, x_q: Array, x_frac: int) -> None:
        self.model, self.x_q, self.x_scale = model, x_q, 2.0**-x_frac
        self.x_type = QType(8 * x_q.dtype.itemsize, x_frac)
        self.specs = dict(model.specs)
        self.masks: Masks = {n: np.ones(s.shape, bool) for n, s in self.specs.items() if s.sparse}
        self.centre: Any = np.float32(0.0)
        if model.centred is not None:
            self.centre = np.rint(x_q.mean(0, dtype=np.float64)).astype(np.float32) * np.float32(self.x_scale)

    # ------------------------------------------------------------------ sizes

    @property
    def counts(self) -> dict[str, int]:
        """Values of each sparse tensor that stay."""
        return {name: int(mask.sum()) for name, mask in self.masks.items()}

    @property
    def nonzeros(self) -> int:
        """Values that stay, those of dense tensors included."""
        counts = self.counts
        return sum(counts.get(name, spec.size) for name, spec in self.specs.items())

    def bytes(self, counts: Mapping[str, int] | None = None) -> int:
        """Bytes with so many values of each sparse tensor."""
        return stored_bytes(self.specs, self.counts if counts is None else counts, self.model.extra_bytes)

    @property
    def dense_bytes(self) -> int:
        """Bytes with all values."""
        return dense_bytes(self.specs, self.model.extra_bytes)

    # ------------------------------------------------------------------ types

    def types(self, params: Mapping[str, Array]) -> Types:
        """Types of weights, and of the activations that follow from them."""
        weights = self.weight_types(params)
        return weights | self.activation_types(params, weights)

    def activation_types(self, params: Mapping[str, Array], weights: Types) -> Types:
        """Types of activations for weights of given types."""
        return self.model.activation_types(self.on_grid(params, weights), lambda: self.ranges(params))

    def weight_types(self, params: Mapping[str, Array]) -> Types:
        """Type of each stored tensor for its values."""
        types: Types = {"x": self.x_type, **self.model.fixed_types}
        for name, spec in self.specs.items():
            if not spec.scale_of:
                kept = params[name] * self.masks.get(name, 1.0)
                types[name] = best_type(kept, spec.bits) if spec.frac is None else QType(spec.bits, spec.frac)
        for name, spec in self.specs.items():
            if spec.scale_of:
                first, others = spec.scale_of[0], sum(types[other].frac for other in spec.scale_of[1:])
                if spec.bits == 16:  # promised narrow: the matrix gives up a bit if it must
                    most = QType.covering(float(np.abs(self.uncentred(params)[name]).max()), 16).frac - others
                    types[first] = QType(types[first].bits, min(types[first].frac, most))
                types[name] = QType(spec.bits, types[first].frac + others)
        return types

    def narrow_biases(self, params: Mapping[str, Array]) -> None:
        """Count two bytes a bias where its values fit there with room to move, before the support is settled."""
        types = self.weight_types(params)
        stored = self.uncentred(params)
        for name, spec in self.specs.items():
            if spec.scale_of:
                narrow = QType(16, types[name].frac)
                fits = 1.5 * float(np.abs(stored[name]).max()) < narrow.high * narrow.step
                self.specs[name] = dataclasses.replace(spec, bits=16 if fits else self.model.specs[name].bits)

    # ------------------------------------------------------------------ values

    def kept(self, params: Mapping[str, Array]) -> Arrays:
        """Parameters with removed values at zero."""
        return {name: np.asarray(params[name], float) * self.masks.get(name, 1.0) for name in self.specs}

    def on_grid(self, params: Mapping[str, Array], qtypes: Types) -> Arrays:
        """Parameters rounded to their types, removed values at zero."""
        rounded = {n: qtypes[n].dequantize(qtypes[n].quantize(v)) for n, v in self.kept(params).items()}
        return {n: qtypes[n].dequantize(qtypes[n].quantize(v)) for n, v in self.uncentred(rounded).items()}

    def uncentred(self, params: Mapping[str, Array]) -> dict[str, Array]:
        """Parameters for rows as they are: the bias takes over the centre's product, exactly where all is rounded."""
        if self.model.centred is None:
            return dict(params)
        matrix, bias = self.model.centred
        kept = np.asarray(params[matrix], float) * self.masks.get(matrix, 1.0)
        return {**params, bias: params[bias] - kept @ self.centre.astype(float)}

    # ------------------------------------------------------------------ the forward pass without rounding

    def ranges(self, params: Mapping[str, Array]) -> dict[str, float]:
        """Largest magnitude of every profiled activation on (a sample of) the training rows, without rounding."""
        observed: dict[str, tf.Tensor] = {}
        self.forward(params, self.x_q[:: max(1, len(self.x_q) // ROWS_PROFILED)], observed)
        return {name: float(value) for name, value in observed.items()}

    def forward(
        self, params: Mapping[str, Array], x_q: Array | tf.Tensor, observed: dict[str, tf.Tensor] | None = None
    ) -> tf.Tensor:
        """Scores without rounding, not compiled."""
        model = self.model
        scales = {name: tf.constant(COARSE) for name in (*self.specs, *model.profiled)}
        bits = {name: spec.bits for name, spec in model.specs.items()}
        rounding = Rounding(tf.constant(False), scales, bits, tf.constant(256.0), observed=observed)
        used = {name: tf.constant(v * self.masks.get(name, 1.0), tf.float32) for name, v in params.items()}
        return model.forward(used, tf.cast(x_q, tf.float32) * self.x_scale - self.centre, rounding)


def best_type(values: Array, bits: int) -> QType:
    """Finest type that holds all values; with few bits that of least squared error, which cuts off the largest."""
    covering = QType.covering(float(np.abs(values).max()), bits)
    if bits > NIBBLE:
        return covering
    finer = [QType(bits, covering.frac + more) for more in range(3)]
    return min(finer, key=lambda qtype: float(np.square(qtype.dequantize(qtype.quantize(values)) - values).sum()))
