"""Precision, structure and how rows are varied, chosen by short trainings that rows held out judge; knows no family."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..deadline import time_left
from .advice import advice_of
from .model import Choice, Examples, Lesson, Model
from .precision import device_error
from .splits import held_out

FEWEST_ROWS, MOST_ROWS = 100, 5000  # with fewer, rows held out tell nothing; more tell no more
FEWEST_EPOCHS = 50  # asked for by the user: fewer want a quick answer
JUDGED_STEPS, LEAST_STEPS = 2000, 800  # of the short trainings of a trial together, and of one
HELD_OUT_SHARE, MOST_HELD_OUT = 0.25, 1000
ENOUGH_JUDGED, MOST_FOLDS = 300, 3
SPARED = 0.6  # of the time that there is, for the training itself


@dataclass(frozen=True)
class Trial:
    """A choice, how wrong its device programs were on rows held out, and the bytes that they took."""

    choice: Choice
    error: float

    def told(self) -> dict[str, Any]:
        """As ``history_`` shows it."""
        choice = self.choice
        return {"bits": choice.bits, **choice.structure, "variation": choice.variation, "validation_error": self.error}


@dataclass(frozen=True, eq=False)
class Split:
    """Rows to train on, some repeated until they are as many as all: nothing is compiled anew; and the others."""

    lesson: Lesson
    judged: Examples


def splits_of(lesson: Lesson) -> list[Split]:
    """Splits of the lesson's rows, or of enough of them: more than one where they are few."""
    classes = lesson.frame.labels is not None
    if len(lesson.examples) > MOST_ROWS:
        lesson = lesson.chosen(np.random.default_rng(lesson.seed).permutation(len(lesson.examples))[:MOST_ROWS])
    found: list[Split] = []
    for seed in range(lesson.seed, lesson.seed + MOST_FOLDS):
        apart = held_out(lesson.examples, HELD_OUT_SHARE, MOST_HELD_OUT, seed, classes)
        if not apart.any() or sum(len(split.judged) for split in found) >= ENOUGH_JUDGED:
            break
        kept = np.flatnonzero(~apart)
        again = np.random.default_rng(seed).choice(kept, int(apart.sum()))
        part = lesson.chosen(np.concatenate([kept, again]))
        found.append(Split(replace(part, advice=advice_of(part)), lesson.examples.where(apart)))
    return found


def judged_steps(rows: int) -> int:
    """Steps of one short training: fewer where a trial takes more than one."""
    folds = min(MOST_FOLDS, max(1, round(ENOUGH_JUDGED / max(HELD_OUT_SHARE * rows, 1.0))))
    return max(LEAST_STEPS, JUDGED_STEPS // folds)


def race(
    rounds: Sequence[Callable[[Choice | None], list[Choice]]], lesson: Lesson, train: Callable[[Lesson], Model],
    lead: float = 0.0,
    ) -> list[Trial]:  # fmt: skip
    """Trials, best first. Each round gives the choices to try next for the best so far.

    With a `lead` the best so far stays the best until one of a later round is better by so many standard errors.
    """
    splits, trials, began = splits_of(lesson), list[Trial](), time_left()
    for choices_after in rounds if splits else ():
        best = trials[0] if trials else None
        for choice in choices_after(best.choice if best else None):
            if trials and time_left() < SPARED * began:
                break
            if choice not in [trial.choice for trial in trials]:
                trials.append(Trial(choice, _error(choice, splits, train)))
        trials = _ranked(trials, best, lead / math.sqrt(sum(len(split.judged) for split in splits)))
    return trials


def _ranked(trials: list[Trial], best: Trial | None, lead: float) -> list[Trial]:
    """Trials of fewest errors first, but before the best so far only what is better by so many deviations of a row."""
    share = min(best.error, 1.0) if best else 0.0
    ahead = lead * math.sqrt(share * (1.0 - share))
    return sorted(trials, key=lambda trial: trial.error - ahead * (trial is best))


def _error(choice: Choice, splits: list[Split], train: Callable[[Lesson], Model]) -> float:
    errors = [device_error(train(replace(s.lesson, choice=choice, bits=choice.bits)), s.judged) for s in splits]
    return round(float(np.average(errors, weights=[len(split.judged) for split in splits])), 5)
