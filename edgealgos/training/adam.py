"""Adam (Kingma and Ba, ICLR 2015) as tensor arithmetic, for one tensor or for all in one vector; knows no model."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
Tensor = Any  # a tensor or a variable, of any shape


def correction(t: Tensor) -> Tensor:
    """What makes up for moments that began at zero, at step `t` from 1."""
    return tf.sqrt(1.0 - tf.pow(BETA2, t)) / (1.0 - tf.pow(BETA1, t))


def mean(first: Tensor, grad: Tensor) -> Tensor:
    """The running mean of gradients, one gradient later."""
    return BETA1 * first + (1.0 - BETA1) * grad


def mean_square(second: Tensor, grad: Tensor) -> Tensor:
    """The running mean of their squares."""
    return BETA2 * second + (1.0 - BETA2) * tf.square(grad)


def move(scale: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """What a step takes away, for a learning rate times :func:`correction`."""
    return scale * first / (tf.sqrt(second) + EPSILON)


def moved(value: Tensor, by: Tensor, high: Tensor, mask: Tensor | None, frozen: Tensor) -> Tensor:
    """The value after a step, kept on its grid; where the support is frozen, removed values stay at zero."""
    new = tf.clip_by_value(value - by, -high, high)
    return new if mask is None else tf.where(frozen, new * mask, new)


def average(old: Tensor, new: Tensor, ema: Tensor, t: Tensor) -> Tensor:
    """The running average of weights, shorter at first."""
    decay = tf.minimum(ema, t / (t + 10.0))
    return decay * old + (1.0 - decay) * new
