"""Starting points from data: discriminant and principal directions, k-means centres; scikit-learn and NumPy only."""

from __future__ import annotations

import numpy as np


def projection_start(x, y, dim, problem, rng):
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


def _discriminants(centred, y, ridge, problem):
    if problem == "regression":
        y = np.asarray(y, float).reshape(len(centred), -1)
        return np.linalg.solve(ridge, centred.T @ (y - y.mean(0)) / len(y)).T
    classes = np.unique(y)
    means = np.stack([centred[y == c].mean(0) * np.sqrt(np.mean(y == c)) for c in classes])
    chol = np.linalg.cholesky(ridge)
    white = np.linalg.solve(chol, means.T)
    u, s, _ = np.linalg.svd(white, full_matrices=False)
    keep = s > 1e-6 * max(s[0], 1e-12)
    return np.linalg.solve(chol.T, u[:, keep]).T


def _principal(cov, dim):
    values, vectors = np.linalg.eigh(cov)
    order = np.argsort(-values)[:dim]
    return vectors[:, order].T
