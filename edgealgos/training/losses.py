"""Losses over scores and the targets they compare with; knows problems (classes, values), nothing of models."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def targets_for(y: NDArray[Any], n_outputs: int, problem: str, label_smoothing: float = 0.0) -> NDArray[np.float32]:
    """Target rows, shape (n, n_outputs): class shares, probability of class 1, or values.

    Parameters
    ----------
    y : array of shape (n,) or (n, n_outputs)
        Class indices or real targets.
    problem : {"multiclass", "binary", "regression"}
    """
    if problem == "regression":
        return np.asarray(y, np.float32).reshape(len(y), n_outputs)
    if problem == "binary":
        rows, shares = (np.asarray(y) == 1).astype(np.float32)[:, None], 2
    else:
        rows, shares = np.eye(n_outputs, dtype=np.float32)[np.asarray(y, int)], n_outputs
    targets: NDArray[np.float32] = rows * (1 - label_smoothing) + label_smoothing / shares
    return targets


def weighted(values: tf.Tensor, weight: NDArray[np.float32]) -> float:
    """Mean of one number a row."""
    return float(np.average(np.asarray(values, np.float64), axis=-1, weights=weight).mean())


def row_losses(scores: tf.Tensor, targets: tf.Tensor, problem: str, loss: str) -> tf.Tensor:
    """Loss of each row, shape (n,).

    ``loss`` is ``"log"`` (softmax or logistic cross-entropy), ``"hinge"`` (Crammer and Singer; the plain hinge for
    binary problems) or ``"squared"``.
    """
    if problem == "regression" or loss == "squared":
        return tf.reduce_sum(tf.square(scores - targets), -1)
    if problem == "binary":
        if loss == "hinge":
            return tf.nn.relu(1.0 - (2.0 * targets[:, 0] - 1.0) * scores[..., 0])
        t, s = targets[:, 0], scores[..., 0]
        return tf.nn.relu(s) - s * t + tf.math.log1p(tf.exp(-tf.abs(s)))
    if loss == "hinge":
        margins = scores + 1.0 - targets - tf.reduce_sum(scores * targets, -1, keepdims=True)
        return tf.reduce_max(margins, -1)
    return -tf.reduce_sum(targets * tf.nn.log_softmax(scores), -1)


def row_hits(scores: tf.Tensor, targets: tf.Tensor, problem: str) -> tf.Tensor:
    """1 where the answer is right, shape (n,); minus the squared error for regression."""
    if problem == "regression":
        return -tf.reduce_mean(tf.square(scores - targets), -1)
    if problem == "binary":
        return tf.cast((scores[..., 0] > 0) == (targets[:, 0] > 0.5), scores.dtype)
    return tf.cast(tf.argmax(scores, -1) == tf.argmax(targets, -1), scores.dtype)
