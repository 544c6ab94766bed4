"""Straight-through rounding and saturation inside TensorFlow; knows number types, nothing of models or schedules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import tensorflow as tf

from ..codegen.program.qtype import QType


def straight_through(value: tf.Tensor, carrier: tf.Tensor) -> tf.Tensor:
    """Exactly `value` forward, the gradient of `carrier` backward."""
    return tf.stop_gradient(value) + (carrier - tf.stop_gradient(carrier))


def grid(real: tf.Tensor, scale: tf.Tensor | float, low: float, high: float) -> tf.Tensor:
    """Nearest multiple of `1/scale` (halves up) with raw value in [low, high]: `QType.quantize` in TensorFlow.

    `scale` is a power of two, so that products with it are exact and the result equals the device's shift as long as
    the raw accumulator stays below 2**23 in float32.
    """
    return tf.clip_by_value(tf.floor(real * scale + 0.5), low, high) / scale


@dataclass
class Rounding:
    """How the forward maths rounds: identity with saturation while off, the device's arithmetic while on.

    Parameters
    ----------
    on : scalar bool tensor
        Whether values are rounded. Saturation of activations always happens: it is part of the model.
    scales : mapping of str to scalar tensor
        ``2**frac`` of every weight and of every activation whose type is profiled.
    bits : mapping of str to int
        Width of each weight.
    sharpness : scalar tensor
        Slope of relaxed decisions (Bonsai's branching), grows while training.
    key : int tensor of shape (2,), optional
        Seed of the random numbers of this step (dropout); None outside training.
    high : mapping of str to scalar tensor, optional
        Largest value of each weight, in place of its width: one compiled step then serves all widths.
    folded : scalar bool tensor, optional
        Whether normalisation is folded into the weights; None: as soon as values are rounded.
    """

    on: tf.Tensor
    scales: Mapping[str, tf.Tensor]
    bits: Mapping[str, int]
    sharpness: tf.Tensor
    key: tf.Tensor | None = None
    observed: dict[str, tf.Tensor] | None = field(default=None)
    high: Mapping[str, tf.Tensor] | None = None
    folded: tf.Tensor | None = None

    def weight(self, name: str, real: tf.Tensor) -> tf.Tensor:
        """A stored tensor as the device holds it; the gradient passes the rounding."""
        scale = tf.cast(self.scales[name], real.dtype)
        high = float((1 << (self.bits[name] - 1)) - 1) if self.high is None else self.high[name] * scale
        return straight_through(tf.where(self.on, grid(real, scale, -high - 1, high), real), real)

    def fixed(self, real: tf.Tensor, qtype: QType) -> tf.Tensor:
        """An activation of a type known beforehand; no gradient where it saturates."""
        return self._saturating(real, tf.constant(2.0**qtype.frac, real.dtype), qtype.bits)

    def profiled(self, name: str, real: tf.Tensor, bits: int) -> tf.Tensor:
        """An activation whose scale was profiled, see ``scales``; observed by name where someone looks."""
        if self.observed is not None:
            self.observed[name] = tf.reduce_max(tf.abs(real))
        return self._saturating(real, tf.cast(self.scales[name], real.dtype), bits)

    def _saturating(self, real: tf.Tensor, scale: tf.Tensor, bits: int) -> tf.Tensor:
        high = float((1 << (bits - 1)) - 1)
        clipped = tf.clip_by_value(real, (-high - 1) / scale, high / scale)
        return straight_through(tf.where(self.on, grid(real, scale, -high - 1, high), clipped), clipped)
