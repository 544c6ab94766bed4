"""Which rows are held out for judging: of every class its share, groups whole; knows nothing of models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .model import Examples


def held_out(examples: Examples, share: float, most: int, seed: int, classes: bool) -> NDArray[np.bool_]:
    """Mask of rows for judging.

    Parameters
    ----------
    examples : Examples
        Where they have groups, a group is held out as a whole or not at all.
    share : float
        Of the rows.
    most : int
        Rows, at most.
    seed : int
    classes : bool
        Whether targets are classes: each gives its share, and the last row (or group) of none is taken.
    """
    rng = np.random.default_rng(seed)
    count = len(examples)
    total = min(int(share * count + 1e-9), most)
    if examples.groups is not None:
        return _whole_groups(examples, total / max(count, 1), rng, classes)
    parts = [np.flatnonzero(examples.y == c) for c in np.unique(examples.y)] if classes else [np.arange(count)]
    wanted = np.array([total * len(rows) / count for rows in parts])
    taken = np.floor(wanted).astype(int)
    taken[np.argsort(taken - wanted, kind="stable")[: total - taken.sum()]] += 1
    mask = np.zeros(count, dtype=bool)
    for rows, number in zip(parts, taken, strict=True):
        mask[rng.permutation(rows)[: min(number, len(rows) - 1)]] = True
    return mask


def _whole_groups(examples: Examples, wanted: float, rng: np.random.Generator, classes: bool) -> NDArray[np.bool_]:
    """Groups in random order until there are rows enough; none whose loss would leave a class without rows."""
    mask = np.zeros(len(examples), dtype=bool)
    assert examples.groups is not None
    for group in rng.permutation(np.unique(examples.groups)):
        more = mask | (examples.groups == group)
        lost = classes and len(np.unique(examples.y[~more])) < len(np.unique(examples.y))
        if more.all() or lost or (np.mean(more) > max(1.5 * wanted, np.mean(mask) + 1e-9) and mask.any()):
            continue
        mask = more
        if np.mean(mask) >= wanted:
            break
    return mask
