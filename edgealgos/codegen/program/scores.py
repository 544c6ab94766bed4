"""What scores say: which class they choose, and by how much; knows arrays alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def decide(scores: NDArray[Any]) -> NDArray[np.intp]:
    """Class indices of scores: the first largest; of one column: 1 where it is positive."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.intp)
    best: NDArray[np.intp] = np.argmax(scores, axis=1)
    return best


def margin(scores: NDArray[Any]) -> NDArray[Any]:
    """How far the best score of each row is above the second best; of one column the magnitude."""
    if scores.shape[1] == 1:
        found: NDArray[Any] = np.abs(scores[:, 0])
    else:
        found = np.diff(np.partition(scores, (-2, -1), axis=1)[:, -2:], axis=1)[:, 0]
    return found
