"""Starting points from data: discriminant and principal directions, k-means centres; scikit-learn and NumPy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[Array, Array]


def projection_start(x: Array, y: Array, dim: int, problem: str, rng: np.random.Generator) -> Pair:
    """Rows of a projection (dim, d) and offsets (dim,) that give centred outputs of unit deviation.

    The first rows are discriminant directions (regression: the least-squares direction), then principal directions,
    then random ones; all mixed by a random rotation so that every row carries a part.
    """
    x = np.asarray(x, float)
    mean = x.mean(0)
    centred = x - mean
    cov = centred.T @ centred / max(1, len(x) - 1)
    ridge = cov + np.eye(len(cov)) * (1e-2 * np.trace(cov) / len(cov) + 1e-9)
    rows = np.vstack([_discriminants(centred, y, ridge, problem), _principal(cov, dim)])[:dim]
    if len(rows) < dim:
        rows = np.vstack([rows, rng.normal(size=(dim - len(rows), x.shape[1]))])
    rows /= np.sqrt(np.einsum("ij,jk,ik->i", rows, ridge, rows))[:, None] + 1e-12
    rotation = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    rows = rotation @ rows
    rows /= np.sqrt(np.einsum("ij,jk,ik->i", rows, ridge, rows))[:, None] + 1e-12
    return rows, -rows @ mean


def projection_rate(features: int) -> float:
    """Relative learning rate of a projection: a step of Adam moves its products by a share of all inputs."""
    return min(1.0, 64.0 / features)


def _discriminants(centred: Array, y: Array, ridge: Array, problem: str) -> Array:
    if problem == "regression":
        y = np.asarray(y, float).reshape(len(centred), -1)
        return np.asarray(np.linalg.solve(ridge, centred.T @ (y - y.mean(0)) / len(y)).T)
    classes = np.unique(y)
    means = np.stack([centred[y == c].mean(0) * np.sqrt(np.mean(y == c)) for c in classes])
    chol = np.linalg.cholesky(ridge)
    white = np.linalg.solve(chol, means.T)
    u, s, _ = np.linalg.svd(white, full_matrices=False)
    keep = s > 1e-6 * max(s[0], 1e-12)
    return np.asarray(np.linalg.solve(chol.T, u[:, keep]).T)


def _principal(cov: Array, dim: int) -> Array:
    values, vectors = np.linalg.eigh(cov)
    order = np.argsort(-values)[:dim]
    return np.asarray(vectors[:, order].T)


def prototype_start(
    z: Array, y: Array, n_prototypes: int, n_outputs: int, problem: str, rng: np.random.Generator
) -> Pair:
    """Centres (m, dim) by (mini-batch) k-means, class by class, and label rows (m, n_outputs).

    Each class gets prototypes in proportion to the square root of its rows. Regression: k-means over all rows and the
    mean target of each cluster.
    """
    if problem == "regression":
        y = np.asarray(y, float).reshape(len(z), -1)
        centres, owner = _centres(z, n_prototypes, rng)
        labels = np.stack([y[owner == j].mean(0) if np.any(owner == j) else y.mean(0) for j in range(len(centres))])
        return _filled(centres, labels, n_prototypes, z, rng)
    classes, counts = np.unique(y, return_counts=True)
    share = np.sqrt(counts) / np.sqrt(counts).sum() * n_prototypes
    number = np.maximum(1, np.floor(share)).astype(int)
    for i in np.argsort(number - share)[: max(0, n_prototypes - number.sum())]:
        number[i] += 1
    parts, rows = [], []
    for c, k in zip(classes, number, strict=True):
        found, _ = _centres(z[y == c], k, rng)
        row = np.full(n_outputs, -0.2)
        row[int(c) if n_outputs > 1 else 0] = 1.0 if n_outputs > 1 or c == 1 else -1.0
        parts.append(found)
        rows.append(np.tile(row, (len(found), 1)))
    return _filled(np.vstack(parts), np.vstack(rows), n_prototypes, z, rng)


def _centres(z: Array, k: int, rng: np.random.Generator) -> Pair:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    k = min(k, len(np.unique(z, axis=0)))
    kind = MiniBatchKMeans if len(z) > 5000 else KMeans
    found = kind(k, n_init=1, max_iter=30, random_state=int(rng.integers(2**31 - 1))).fit(z)
    return found.cluster_centers_, found.labels_


def _filled(centres: Array, labels: Array, m: int, z: Array, rng: np.random.Generator) -> Pair:
    """Exactly m rows: too few are filled up with jittered copies, too many are cut."""
    while len(centres) < m:
        pick = rng.integers(len(centres), size=min(m - len(centres), len(centres)))
        centres = np.vstack([centres, centres[pick] + 0.1 * z.std(0) * rng.normal(size=centres[pick].shape)])
        labels = np.vstack([labels, labels[pick]])
    return centres[:m], labels[:m]
