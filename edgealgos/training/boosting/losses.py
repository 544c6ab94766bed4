"""What boosting descends on: of scores and targets the slopes, the curvatures, the loss; knows no trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

Reals = NDArray[np.float64]
LEAST_CURVATURE = 1e-6


class Loss:
    """Loss of scores (n, outputs) for targets (n,): class indices, or real numbers."""

    def bias(self, y: Reals, weight: Reals) -> Reals:
        """The constants that fit best."""
        raise NotImplementedError

    def derivatives(self, scores: Reals, y: Reals, output: int) -> tuple[Reals, Reals]:
        """Downward slope and curvature in one output."""
        raise NotImplementedError

    def unit(self, slope: Reals, weight: Reals) -> float:
        """Loss of a usual row that has something to learn: about 1 of classes, of real targets what is left."""
        return 1.0

    def losses(self, scores: Reals, y: Reals) -> Reals:
        """Loss of each row."""
        raise NotImplementedError

    def wrong(self, scores: Reals, y: Reals) -> NDArray[Any]:
        """Whether each row is wrong; in a regression by how much, squared."""
        raise NotImplementedError

    def loss(self, scores: Reals, y: Reals, weight: Reals) -> float:
        """Mean loss."""
        return float(np.average(self.losses(scores, y), weights=weight))

    def error(self, scores: Reals, y: Reals, weight: Reals) -> float:
        """Share of rows that are wrong; in a regression the mean square."""
        return float(np.average(self.wrong(scores, y), weights=weight))


class Logistic(Loss):
    """Two classes, one score."""

    def bias(self, y: Reals, weight: Reals) -> Reals:
        share = np.average(y, weights=weight)
        return np.array([np.log(share / (1 - share))])

    def derivatives(self, scores: Reals, y: Reals, output: int) -> tuple[Reals, Reals]:
        p = expit(scores[:, 0])
        return y - p, np.maximum(p * (1 - p), LEAST_CURVATURE)

    def losses(self, scores: Reals, y: Reals) -> Reals:
        found: Reals = np.logaddexp(0, np.where(y > 0, -scores[:, 0], scores[:, 0]))
        return found

    def wrong(self, scores: Reals, y: Reals) -> NDArray[Any]:
        return np.asarray((scores[:, 0] > 0) != (y > 0))


class Softmax(Loss):
    """A score for each class."""

    def __init__(self, n_classes: int) -> None:
        self._n_classes = n_classes

    def bias(self, y: Reals, weight: Reals) -> Reals:
        logs = np.log(np.bincount(y.astype(int), weight, self._n_classes) / weight.sum())
        return np.asarray(logs - logs.mean())

    def derivatives(self, scores: Reals, y: Reals, output: int) -> tuple[Reals, Reals]:
        p = softmax(scores, axis=1)[:, output]
        curvature = p * (1 - p) * self._n_classes / (self._n_classes - 1)  # all scores may move: one counts for more
        return (y == output) - p, np.maximum(curvature, LEAST_CURVATURE)

    def losses(self, scores: Reals, y: Reals) -> Reals:
        found: Reals = -log_softmax(scores, axis=1)[np.arange(len(y)), y.astype(int)]
        return found

    def wrong(self, scores: Reals, y: Reals) -> NDArray[Any]:
        return np.asarray(scores.argmax(axis=1) != y)


class Squared(Loss):
    """A real target of mean 0 and deviation near 1."""

    def bias(self, y: Reals, weight: Reals) -> Reals:
        return np.array([np.average(y, weights=weight)])

    def derivatives(self, scores: Reals, y: Reals, output: int) -> tuple[Reals, Reals]:
        return y - scores[:, 0], np.ones(len(y))

    def unit(self, slope: Reals, weight: Reals) -> float:
        return float(np.average(slope**2, weights=weight))

    def losses(self, scores: Reals, y: Reals) -> Reals:
        found: Reals = (y - scores[:, 0]) ** 2
        return found

    wrong = losses


def loss_of(problem: str, n_outputs: int) -> Loss:
    """The loss of a problem as estimators name them."""
    return {"binary": Logistic(), "regression": Squared()}.get(problem) or Softmax(n_outputs)
