"""Rows like those that a model will meet, made of those that it was trained on; knows arrays alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
MOST_MOVED, MOST_NEIGHBOURS = 1000, 4000
_RESOLVED = 1e-9  # of a squared length: less between two rows is rounding


def rows_to_come(rows: Reals) -> Reals:
    """Rows, each moved by what separates another one from its nearest neighbour, within the range of each column.

    A model is surer of rows that it was fitted to than of others: its margins there say too little of its rounding. New
    rows lie about as far from known ones as these lie from each other. Integers stay integers.

    Parameters
    ----------
    rows : array, shape (n, n_features)

    Returns
    -------
    array, shape (min(n, MOST_MOVED), n_features)
    """
    pool = _some(rows, MOST_NEIGHBOURS)
    moved, donors = _some(pool, MOST_MOVED), _some(pool, MOST_MOVED)[::-1]
    apart = donors - pool[_nearest(donors, pool)]
    found: Reals = np.clip(moved + apart, rows.min(axis=0), rows.max(axis=0))
    return found


def _some(rows: Reals, most: int) -> Reals:
    """All rows, or so many of them in even steps."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


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
