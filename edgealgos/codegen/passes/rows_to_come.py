"""Rows like those that a model will meet, made of those that it was trained on; knows arrays alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
MOST_MOVED, MOST_NEIGHBOURS = 1000, 4000
_RESOLVED = 1e-9  # of a squared length: less between two rows is rounding


def rows_to_come(rows: Reals, absent: NDArray[np.bool_] | None = None) -> Reals:
    """Rows, each moved by what separates another one from its nearest neighbour, within the range of each column.

    A model is surer of rows that it was fitted to than of others: its margins there say too little of its rounding. New
    rows lie about as far from known ones as these lie from each other. Integers stay integers.

    Parameters
    ----------
    rows : array, shape (n, n_features)
    absent : array of bool, shape (n, n_features), optional
        Where a number stands for a missing value: it stays, says nothing of distances, and is in no range.

    Returns
    -------
    array, shape (min(n, MOST_MOVED), n_features)
    """
    absent = np.zeros(rows.shape, bool) if absent is None else absent
    known = np.where(absent, _middle(rows, absent), rows)
    pool = _some(len(rows), MOST_NEIGHBOURS)
    moved = pool[_some(len(pool), MOST_MOVED)]
    donors = moved[::-1]
    neighbours = pool[_nearest(known[donors], known[pool])]
    apart = np.where(absent[donors] | absent[neighbours], 0.0, rows[donors] - rows[neighbours])
    found = np.clip(rows[moved] + apart, known.min(axis=0), known.max(axis=0))
    return np.where(absent[moved], rows[moved], found)


def _middle(rows: Reals, absent: NDArray[np.bool_]) -> Reals:
    """Mean of what is there in each column."""
    there = np.maximum(np.sum(~absent, axis=0), 1)
    middle: Reals = np.where(absent, 0.0, rows).sum(axis=0) / there
    return middle


def _some(count: int, most: int) -> NDArray[np.intp]:
    """Places of all rows, or of so many of them in even steps."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(int)


def _nearest(some: Reals, pool: Reals) -> NDArray[np.intp]:
    """Of each row the nearest other one of the pool, in deviations of each column."""
    spread = pool.std(axis=0)
    middle, scale = pool.mean(axis=0), np.where(spread > 0, spread, 1.0)
    a, b = (some - middle) / scale, (pool - middle) / scale
    lengths = np.square(a).sum(axis=1)[:, None], np.square(b).sum(axis=1)
    distance = lengths[0] + lengths[1] - 2 * a @ b.T
    distance[distance <= _RESOLVED * (lengths[0] + lengths[1])] = np.inf  # itself, and others just like it
    nearest: NDArray[np.intp] = distance.argmin(axis=1)
    return nearest
