"""A forest as a teacher of small models: grown on device inputs, so that it sees what the student sees."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .model import Lesson

Answer = Callable[[NDArray[Any]], NDArray[np.float32]]
MOST_ROWS = 20_000  # more rows need no teacher
TREES, LEAST_IN_LEAF = 100, 2


def advisable(lesson: Lesson) -> bool:
    """Whether a forest is grown in seconds, and rows are no sequences."""
    return lesson.x_q.ndim == 2 and len(lesson.x_q) <= MOST_ROWS


def advice_of(lesson: Lesson) -> Callable[[], Answer]:
    """Grows it when first called; gives its answers to device inputs: target rows."""

    @cache
    def trained() -> Answer:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        x, y, weight = lesson.x_q, lesson.examples.y, lesson.examples.weight
        kind = ExtraTreesRegressor if lesson.frame.labels is None else ExtraTreesClassifier
        trees = kind(TREES, min_samples_leaf=LEAST_IN_LEAF, random_state=lesson.seed).fit(x, y, sample_weight=weight)
        if lesson.frame.labels is None:
            return lambda q: np.asarray(trees.predict(q), np.float32).reshape(len(q), 1)
        known, count = np.asarray(trees.classes_, int), len(lesson.frame.labels)

        def answer(q: NDArray[Any]) -> NDArray[np.float32]:
            shares = np.zeros((len(q), count), np.float32)
            shares[:, known] = trees.predict_proba(q)
            return shares if count > 2 else shares[:, 1:]

        return answer

    return trained
