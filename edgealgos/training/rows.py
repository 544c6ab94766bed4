"""The rows a model is trained on: augmented, mixed, jittered versions with a teacher's answers; NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_VERSIONS = 32
MOST_SEARCHED = 5000  # rows among which nearest ones are looked for
NEAREST = 8
MOST_ASKED = 20_000  # rows that a teacher answers at a time
Answer = Callable[[NDArray[Any]], NDArray[Any]]
Augment = Callable[[np.random.Generator], NDArray[Any]]


class Rows(NamedTuple):
    """Device inputs (n, d), target rows (n, n_outputs), weights (n,)."""

    x_q: NDArray[Any]
    targets: NDArray[np.float32]
    weight: NDArray[np.float32]

    def chosen(self, rows: NDArray[np.int64]) -> Rows:
        """Some of them."""
        return Rows(self.x_q[rows], self.targets[rows], self.weight[rows])


class Neighbours(NamedTuple):
    """Nearest rows of each row (n, k), and the usual distance to the first of them, shared out among the features."""

    rows: NDArray[np.int64]
    distance: float

    @classmethod
    def of(cls, x_q: NDArray[Any], rng: np.random.Generator) -> Neighbours:
        """Those of device inputs; of very many rows, among some of them."""
        from sklearn.neighbors import NearestNeighbors

        x = x_q.reshape(len(x_q), -1).astype(np.float32)
        among = rng.permutation(len(x))[:MOST_SEARCHED]
        found = NearestNeighbors(n_neighbors=min(NEAREST + 1, len(among))).fit(x[among])
        distances, rows = found.kneighbors(x)
        first = float(np.median(distances[:, min(1, rows.shape[1] - 1)]))  # a row is its own nearest
        return cls(among[rows], first / float(np.sqrt(x.shape[1])))

    def pick(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """One for each row."""
        count, width = self.rows.shape
        picked: NDArray[np.int64] = self.rows[np.arange(count), rng.integers(width, size=count)]
        return picked


def typical_deviation(x_q: NDArray[Any]) -> float:
    """Root of the mean variance of the features, in device units."""
    return float(np.sqrt(x_q.astype(np.float32).var(0).mean()))


def split_rows(
    y: NDArray[Any], fraction: float, problem: str, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers to train on and to hold back, stratified by class."""
    order = rng.permutation(len(y))
    if problem == "regression":
        held = order[: max(1, round(fraction * len(y)))]
    else:
        held = np.concatenate([(rows := order[y[order] == c])[: round(fraction * len(rows))] for c in np.unique(y)])
    return np.setdiff1d(order, held), np.sort(held)


def varied(
    rows: Rows,
    *,
    mixup: float,
    noise: float,
    augment: Augment | None,
    answer: Answer | None,
    rng: np.random.Generator,
    around: Neighbours | None = None,
    most: int = 250_000,
    epochs: int = MOST_VERSIONS,
) -> Rows:
    """Many versions of `rows`, one below the other, the first as they are where they are augmented; or `rows` alone.

    Parameters
    ----------
    mixup : float
        Parameter of the beta distribution of mixtures of two rows and of their targets (Zhang et al., ICLR 2018).
    noise : float
        Deviation of Gaussian noise, in device units.
    augment : callable, optional
        ``augment(rng)`` gives a new version of all rows.
    answer : callable, optional
        A teacher: device inputs to target rows, which replace the mixed ones.
    around : Neighbours, optional
        Rows to mix with; otherwise any.
    most : int
        Rows of all versions together, but for two versions.
    epochs : int
        Passes in which they are seen: more versions are never seen.
    """
    if mixup or noise or augment:
        versions = int(np.clip(most // len(rows.x_q), 2, min(MOST_VERSIONS, max(epochs, 2))))
        own = [rows] if augment and not mixup else []  # what augmentation makes of rows is never quite like them
        parts = own + [_version(rows, mixup, noise, augment, rng, around) for _ in range(versions - len(own))]
        rows = Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    if answer is None:
        return rows
    asked = range(0, len(rows.x_q), MOST_ASKED)  # a forest answers few rows in the time that it takes for many
    return rows._replace(targets=np.concatenate([answer(rows.x_q[i : i + MOST_ASKED]) for i in asked]))


def _version(
    rows: Rows, mixup: float, noise: float, augment: Augment | None, rng: np.random.Generator,
    around: Neighbours | None,
) -> Rows:  # fmt: skip
    n, limits = len(rows.x_q), np.iinfo(rows.x_q.dtype)
    x = (rows.x_q if augment is None else augment(rng)).astype(np.float32)
    targets, weight = rows.targets, rows.weight
    if mixup:
        share = rng.beta(mixup, mixup, n).astype(np.float32)
        share, other = np.maximum(share, 1 - share), rng.permutation(n) if around is None else around.pick(rng)
        x = x + (1 - share).reshape(-1, *[1] * (x.ndim - 1)) * (x[other] - x)
        own, others = share * weight, (1 - share) * weight[other]
        weight = own + others
        targets = targets + (others / np.maximum(weight, 1e-30))[:, None] * (targets[other] - targets)
    if noise:
        x = x + np.float32(noise) * rng.standard_normal(x.shape, np.float32)
    x_q = np.clip(np.rint(x), limits.min, limits.max).astype(rows.x_q.dtype)
    return Rows(x_q, targets, weight)
