"""What boosting descends on: of scores and targets the gradients, the curvatures, the loss; knows no trees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

Reals = NDArray[np.float64]
LEAST_CURVATURE = 1e-6


class Loss:
    """Loss of scores (n, outputs) for targets (n,): class indices, or real numbers."""

    def bias(self, y: NDArray[np.float64], weight: Reals) -> Reals:
        """Scores to begin with."""
        raise NotImplementedError

    def derivatives(self, scores: Reals, y: NDArray[np.float64], output: int) -> tuple[Reals, Reals]:
        """Negative gradient and curvature in one output."""
        raise NotImplementedError

    def loss(self, scores: Reals, y: NDArray[np.float64], weight: Reals) -> float:
        """Mean over the rows."""
        return float(np.average(self.losses(scores, y), weights=weight))

    def losses(self, scores: Reals, y: NDArray[np.float64]) -> Reals:
        """Of each row."""
        raise NotImplementedError

    def error(self, scores: Reals, y: NDArray[np.float64], weight: Reals) -> float:
        """Share of rows that are wrong; of the variance in a regression."""
        raise NotImplementedError


class Logistic(Loss):
    """Two classes, one score."""

    def bias(self, y, weight):
        share = np.average(y, weights=weight)
        return np.log([share / (1 - share)])

    def derivatives(self, scores, y, output):
        p = expit(scores[:, 0])
        return y - p, np.maximum(p * (1 - p), LEAST_CURVATURE)

    def losses(self, scores, y):
        return np.logaddexp(0, np.where(y > 0, -scores[:, 0], scores[:, 0]))

    def error(self, scores, y, weight):
        return float(np.average((scores[:, 0] > 0) != (y > 0), weights=weight))


class Softmax(Loss):
    """A score for each class."""

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes

    def bias(self, y, weight):
        logs = np.log(np.bincount(y.astype(int), weight, self.n_classes) / weight.sum())
        return logs - logs.mean()

    def derivatives(self, scores, y, output):
        p = softmax(scores, axis=1)[:, output]
        curvature = p * (1 - p) * self.n_classes / (self.n_classes - 1)  # all scores may move: one counts for more
        return (y == output) - p, np.maximum(curvature, LEAST_CURVATURE)

    def losses(self, scores, y):
        return -log_softmax(scores, axis=1)[np.arange(len(y)), y.astype(int)]

    def error(self, scores, y, weight):
        return float(np.average(scores.argmax(axis=1) != y, weights=weight))


class Squared(Loss):
    """A real target of mean 0 and deviation near 1."""

    def bias(self, y, weight):
        return np.array([np.average(y, weights=weight)])

    def derivatives(self, scores, y, output):
        return y - scores[:, 0], np.ones(len(y))

    def losses(self, scores, y):
        return (y - scores[:, 0]) ** 2

    def error(self, scores, y, weight):
        mean = np.average(y, weights=weight)
        return self.loss(scores, y, weight) / max(float(np.average((y - mean) ** 2, weights=weight)), 1e-30)


def loss_of(problem: str, n_outputs: int) -> Loss:
    """The loss of a problem as estimators name them."""
    return {"binary": Logistic(), "regression": Squared()}.get(problem) or Softmax(n_outputs)
