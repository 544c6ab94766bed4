"""A linear model of the device inputs with few weights: where boosting begins, or all there is; no trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, softmax
from threadpoolctl import threadpool_limits

from .losses import Reals

_STEPS = 100


@dataclass(frozen=True, eq=False)
class Linear:
    """Scores ``x @ weights.T + bias`` of real inputs.

    Parameters
    ----------
    weights : array, shape (outputs, features)
    bias : array, shape (outputs,)
    """

    weights: Reals
    bias: Reals

    def scores(self, x: NDArray[np.floating]) -> Reals:
        """Scores of rows."""
        found: Reals = x @ self.weights.T + self.bias
        return found


def fit_linear(
    x: Reals, y: Reals, weight: Reals, problem: str, n_outputs: int, shrinkage: float, most: int | None = None
) -> Linear:
    """Logistic, softmax or least-squares regression; of more than `most` weights those that matter least are removed.

    Parameters
    ----------
    x : array, shape (n, features)
        Real inputs.
    y, weight : array, shape (n,)
    problem : {"binary", "multiclass", "regression"}
    n_outputs : int
    shrinkage : float
        Penalty on squared weights of standardised inputs, in rows.
    most : int, optional
        Weights to keep.
    """
    mean, deviation = np.average(x, axis=0, weights=weight), x.std(axis=0)
    scale = np.where(deviation > 0, 1 / np.maximum(deviation, 1e-12), 0.0)
    z = (x - mean) * scale
    mask = np.ones((n_outputs, x.shape[1])) * (scale > 0)
    found = _fitted(z, y, weight, problem, mask, shrinkage, np.zeros((n_outputs, x.shape[1] + 1)))
    while most is not None and mask.sum() > most:
        keep = max(most, int(mask.sum()) * 2 // 3)
        order = np.argsort(-np.abs(found[:, :-1]).ravel(), kind="stable")
        mask = np.zeros(mask.size)
        mask[order[:keep]] = 1.0
        mask = mask.reshape(n_outputs, -1)
        found = _fitted(z, y, weight, problem, mask, shrinkage, found)
    weights = found[:, :-1] * scale
    return Linear(weights, found[:, -1] - weights @ mean)


def _fitted(z: Reals, y: Reals, weight: Reals, problem: str, mask: Reals, shrinkage: float, start: Reals) -> Reals:
    """Weights and, last, biases that minimise the penalised loss; what the mask removes is zero."""
    free = np.concatenate([mask > 0, np.ones((len(mask), 1), bool)], axis=1)
    total = weight.sum()

    def spread(values: Reals) -> Reals:
        found = np.zeros(free.shape)
        found[free] = values
        return found

    def value_and_slope(values: Reals) -> tuple[float, Reals]:
        found = spread(values)
        loss, slope = _loss(z @ found[:, :-1].T + found[:, -1], y, weight, problem)
        both = np.concatenate([slope.T @ z + shrinkage * found[:, :-1], slope.sum(axis=0)[:, None]], axis=1)
        return (loss + 0.5 * shrinkage * float((found[:, :-1] ** 2).sum())) / total, both[free] / total

    with threadpool_limits(1, user_api="blas"):  # products so small wait longer for a second thread than it saves
        done = minimize(value_and_slope, start[free], jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return spread(done.x)


def _loss(scores: Reals, y: Reals, weight: Reals, problem: str) -> tuple[float, Reals]:
    """Sum over the rows, and its slope in the scores."""
    if problem == "regression":
        rest = scores[:, 0] - y
        return 0.5 * float(weight @ rest**2), (weight * rest)[:, None]
    if problem == "binary":
        rest = expit(scores[:, 0]) - y
        return float(weight @ np.logaddexp(0, np.where(y > 0, -scores[:, 0], scores[:, 0]))), (weight * rest)[:, None]
    share = softmax(scores, axis=1)
    rows = np.arange(len(y)), y.astype(int)
    loss = -float(weight @ np.log(np.maximum(share[rows], 1e-30)))
    share[rows] -= 1
    return loss, share * weight[:, None]
