"""Sequences of which a short stretch carries the class: rows and targets of their windows; knows no model's maths.

EMI-RNN (Dennis, Pabbaraju, Simhadri, Jain, NeurIPS 2018): a sequence is a bag of windows under one label. At first
every window carries it; then only those of the stretch that speaks most clearly for it are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax

from .rounding import Rounding

COARSE = 2.0**-20  # scale of an activation that shall not saturate
ROUNDS = 1  # of searching before the last training
SEARCH_SHARE = 0.25  # of all epochs, each round


class Windows(NamedTuple):
    """Windows of all bags, one below the other: inputs, labels, weights.

    `per_bag` of them are a bag's; `run` neighbours share each of its steps.
    """

    x_q: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[np.float64]
    per_bag: int
    run: int


def cut(x: NDArray[Any], width: int, stride: int) -> NDArray[Any]:
    """Windows of sequences (n, steps, features), shape (n * count, width, features)."""
    views = np.lib.stride_tricks.sliding_window_view(x, width, axis=1)[:, ::stride].swapaxes(2, 3)
    windows: NDArray[Any] = views.reshape(-1, width, x.shape[2])
    return windows


def windows_of(x_q: NDArray[Any], y: NDArray[Any], weight: NDArray[Any], width: int, stride: int) -> Windows:
    """Every window with the label and the weight of its bag."""
    rows = cut(x_q, width, stride)
    count = len(rows) // len(x_q)
    run = min(width // stride, count)
    return Windows(rows.reshape(len(rows), -1), np.repeat(y, count), np.repeat(weight, count), count, run)


def train_windows(model: Any, windows: Windows, x_frac: int, run: Callable[..., Any]) -> Any:
    """Train, find where the class is, train again with what was found.

    Parameters
    ----------
    model : Family
        With scores after every step.
    windows : Windows
    x_frac : int
        Fractional bits of the inputs.
    run : callable
        ``run(share, chosen)`` trains on the chosen windows for a share of the epochs; gives a dataclass with
        ``weights``, ``n_iter`` and ``history``.
    """
    chosen, done = np.ones(len(windows.y), dtype=bool), []
    for _ in range(ROUNDS):
        result = run(SEARCH_SHARE, chosen)
        chosen = surest(scores_at_end(model, result.weights, windows.x_q, x_frac), windows)
        done.append(result)
    last = run(1.0 - ROUNDS * SEARCH_SHARE, chosen)
    rounds = [*done, last]
    history = {name: [value for result in rounds for value in result.history[name]] for name in last.history}
    return replace(last, n_iter=sum(result.n_iter for result in rounds), history=history)


def scores_at_end(model: Any, weights: Any, x_q: NDArray[Any], x_frac: int, rows: int = 4096) -> NDArray[Any]:
    """Scores after the last step of each row, in real numbers, (n, n_outputs)."""
    params = {name: tf.constant(value, tf.float32) for name, value in weights.items()}
    scales = dict.fromkeys((*model.specs, *model.profiled), tf.constant(COARSE))
    off = Rounding(tf.constant(False), scales, {n: s.bits for n, s in model.specs.items()}, tf.constant(1.0))
    parts = [tf.cast(x_q[i : i + rows], tf.float32) * 2.0**-x_frac for i in range(0, len(x_q), rows)]
    return np.concatenate([model.forward(params, part, off)[-1].numpy() for part in parts])


def surest(scores: NDArray[Any], windows: Windows) -> NDArray[np.bool_]:
    """Of each bag the run of windows that is surest of the bag's class."""
    if scores.shape[1] == 1:
        sure = log_expit(np.where(windows.y == 1, 1, -1) * scores[:, 0])
    else:
        sure = np.take_along_axis(log_softmax(scores, axis=1), windows.y[:, None], axis=1)[:, 0]
    runs = np.lib.stride_tricks.sliding_window_view(sure.reshape(-1, windows.per_bag), windows.run, axis=1).sum(axis=2)
    since_start = np.arange(windows.per_bag) - runs.argmax(axis=1)[:, None]
    chosen: NDArray[np.bool_] = (since_start >= 0) & (since_start < windows.run)
    return chosen.ravel()
