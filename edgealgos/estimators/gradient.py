"""Families that the gradient loop trains: their options, teachers and augmentation as the loop takes them; no maths."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingToolError
from .advice import advice_of, advisable
from .base import EdgeEstimator
from .choice import FEWEST_EPOCHS, FEWEST_ROWS, judged_steps, race
from .model import Arrays, Choice, Lesson, Model, Types
from .pictures import mover, picture_in
from .precision import proven

NARROW, WIDE = 4, 8  # tried with bits="auto"
MANY_FEATURES = 48  # the usual structures are made for pictures
MUCH_USED = 0.9
LEAD = 1.5  # standard errors by which another choice has to be better: short trainings prefer what learns quickly
ROWS_WORTH_COMPILING = 100_000  # compiling a training step takes seconds: longer than training on fewer rows


class GradientTrained(EdgeEstimator):
    """An estimator whose family is a :class:`edgealgos.training.family.Family`."""

    label_smoothing: float = 0.0

    @abstractmethod
    def _student(self, lesson: Lesson) -> tuple[Any, Mapping[str, Any]]:
        """The family's object for the loop, within the budgets, and the structure that was chosen for it."""

    def _structures(self, lesson: Lesson, bits: int) -> list[Mapping[str, int]]:
        """Structures worth a trial with such weights, the likeliest first; none where nothing is tried."""
        return []

    def _fits(self, lesson: Lesson, choice: Choice, bits: int) -> bool:
        """Whether a chosen structure fits with other weights."""
        from ..training.budget import LEAST_DENSITY, least_bytes

        student, _ = self._student(replace(lesson, choice=choice, bits=bits))
        return least_bytes(student.specs, student.extra_bytes, LEAST_DENSITY) <= (self.max_model_bytes or np.inf)

    def _train(self, lesson: Lesson) -> Model:
        need_tensorflow()
        student, structure = self._student(lesson)
        return self._teach(student, lesson.structured(structure))

    # ------------------------------------------------------------------ what is chosen by short trainings

    def _prepared(self, lesson: Lesson) -> Lesson:
        """The lesson with what is left open chosen, where there are rows enough to judge by."""
        if lesson.frame.labels is not None:  # a number may tell where something is
            lesson = replace(lesson, picture=picture_in(lesson.examples.rows))
        if self._decided is not None:
            choice = Choice.told(self._decided)
            return replace(lesson, bits=choice.bits, choice=choice, advice=advice_of(lesson), choices=(self._decided,))
        quick = self.epochs is not None and self.epochs < FEWEST_EPOCHS
        bits = NARROW if self.bits == "auto" else lesson.bits
        if quick or len(lesson.examples) < FEWEST_ROWS or self.max_cycles is not None:
            return lesson
        need_tensorflow()
        if self.max_model_bytes is None or not self._structures(lesson, bits):
            return lesson
        variations, structures = self._variations(lesson), self._structures(lesson, bits)
        likely, lead = (variations, 0.0) if lesson.picture is None else (variations[:1], LEAD)

        def first(_: Choice | None) -> list[Choice]:
            return [Choice(bits, structures[0], variation) for variation in likely]

        def varied(best: Choice | None) -> list[Choice]:
            return [] if best is None else [replace(best, variation=each) for each in variations if each not in likely]

        def shaped(best: Choice | None) -> list[Choice]:
            return [] if best is None else [replace(best, structure=structure) for structure in structures[1:]]

        def precise(best: Choice | None) -> list[Choice]:
            return [replace(best, bits=WIDE)] if best and self.bits == "auto" and self._fits(lesson, best, WIDE) else []

        trials = race((first, varied, shaped, precise), lesson, self._train_shortly, lead)
        if not trials:
            return lesson
        best, told = trials[0].choice, tuple(trial.told() for trial in trials)
        return replace(lesson, bits=best.bits, choice=best, advice=advice_of(lesson), choices=told)

    def _variations(self, lesson: Lesson) -> tuple[str, ...]:
        """Ways to vary rows that are tried: one where the user has chosen already."""
        if lesson.answer is not None or self.augment is not None:
            return ("spread",)
        taught = self.teacher == "auto" and advisable(lesson)
        likeliest = ("spread", "near", "plain") if _many(lesson) else ("near", "plain")
        if lesson.picture is not None:
            likeliest = ("moved", *likeliest)
        return (*likeliest, *(("taught", "spread taught") if taught else ()))

    def _train_shortly(self, lesson: Lesson) -> Model:
        """Enough of a training to judge a choice by."""
        student, structure = self._student(lesson)
        rows = len(lesson.examples)
        recipe = self._recipe(student, lesson).for_rows(rows)
        share = min(1.0, judged_steps(rows) / (recipe.epochs * (rows // recipe.batch_size)))
        return self._run_training(student, lesson.structured(structure), share, short=True)

    def _recipe(self, student: Any, lesson: Lesson) -> Any:
        """The family's recipe with this estimator's options and the rows varied as chosen."""
        from ..training.loop import with_options

        options = {name: getattr(self, name) for name in ("epochs", "batch_size", "learning_rate", "label_smoothing")}
        recipe = with_options(student.recipe, **options)
        recipe = recipe.beside(augmented=self._augmenter(lesson) is not None, taught=lesson.answer is not None)
        return recipe if lesson.choice is None else recipe.varying(lesson.choice.variation)

    def _teach(self, student: Any, lesson: Lesson) -> Model:
        """Train the student; more than once where a family goes about it in rounds."""
        return self._run_training(student, lesson)

    def _run_training(self, student: Any, lesson: Lesson, share: float = 1.0, short: bool = False) -> Model:
        """The one training loop with this estimator's options, for a share of its epochs."""
        from ..training.loop import train

        recipe, quick = self._recipe(student, lesson), short or not _many(lesson)
        if lesson.start is not None:
            recipe = recipe.further()
            student.specs |= {name: replace(student.specs[name], bits=4) for name in lesson.four_bits}
        recipe = recipe if share == 1 else recipe.shortened(share)
        examples, x_q = lesson.examples, lesson.x_q.reshape(len(lesson.x_q), -1)
        augment = self._augmenter(lesson)
        most = self.max_cycles if any(spec.sparse for spec in student.specs.values()) else None  # that it can shed
        result = train(
            student, x_q, examples.y, x_frac=lesson.frame.encoding.qtype.frac, budget=self.max_model_bytes,
            sample_weight=examples.weight, max_cycles=most, predicted_cycles=cycles_in(lesson),
            start=lesson.start, recipe=recipe, random_state=lesson.seed, verbose=0 if short else int(self.verbose),
            teacher=_teacher_of(lesson) or (None if lesson.choice is not None and quick else self.teacher),
            augment=None if augment is None else lambda rng: _augmented(augment, lesson, rng).reshape(x_q.shape),
            jit=lesson.choice is not None or recipe.epochs * len(x_q) > ROWS_WORTH_COMPILING,
        )  # fmt: skip
        history: dict[str, Any] = dict(result.history)
        if lesson.choices:
            history |= {"choices": list(lesson.choices), "unused": self._unused(result.model_bytes)}
        return Model(result.weights, result.qtypes, lesson.frame, result.n_iter, history, result.float_weights)

    def _unused(self, size: int) -> list[str]:
        """Why bytes of the budget stay unused, where many do."""
        if self.max_model_bytes is None or size >= MUCH_USED * self.max_model_bytes:
            return []
        left = self.max_model_bytes - size
        found = f"{left:,} of {self.max_model_bytes:,} bytes stay unused: larger models did no better on rows held out"
        if self.verbose:
            print(found)
        return [found]

    def _least_cycles(self, lesson: Lesson) -> Callable[[Any], int] | None:
        """Cycles that a student takes whatever it learns, where cycles are limited."""
        if self.max_cycles is None:
            return None
        from ..training.support import least_cycles

        x_q, x_frac = lesson.x_q.reshape(len(lesson.x_q), -1), lesson.frame.encoding.qtype.frac
        return lambda student: least_cycles(student, x_q, x_frac, cycles_in(lesson.structured(student.structure)))

    def _augmenter(self, lesson: Lesson) -> Callable[..., Any] | None:
        """What makes other versions of raw rows: the user's, or one that validation has chosen."""
        if lesson.picture is not None and lesson.choice is not None and lesson.choice.variation == "moved":
            return mover(lesson.picture, lesson.examples.rows)
        found: Callable[..., Any] | None = self.augment
        return found


def _augmented(augment: Callable[..., Any], lesson: Lesson, rng: np.random.Generator) -> NDArray[Any]:
    """Device inputs of augmented raw rows."""
    rows = lesson.examples.rows
    made = np.asarray(augment(rows, rng))
    if made.shape != rows.shape or not np.isfinite(made).all():
        raise ValueError(f"augment must give finite rows of the shape that it gets, {rows.shape}; it gave {made.shape}")
    return lesson.frame.encoding.encode(made)


def _many(lesson: Lesson) -> bool:
    """Whether rows have many features, as pictures do: these are worth a network as a teacher."""
    return int(np.prod(lesson.x_q.shape[1:])) >= MANY_FEATURES


def cycles_in(lesson: Lesson) -> Any:
    """Cycles of a prediction on an Uno as a function of weights and types."""

    def cycles(weights: Arrays, qtypes: Types) -> float:
        from ..codegen.passes.choose_forms import predicted_cycles

        return predicted_cycles(proven(Model(weights, qtypes, lesson.frame))[1])

    return cycles


def _teacher_of(lesson: Lesson) -> Any:
    """A teacher as the loop takes it, a function of device inputs: the user's, or a forest, or None."""
    if lesson.choice is not None and lesson.advice is not None and "taught" in lesson.choice.variation:
        return lesson.advice()
    if lesson.answer is None:
        return None
    answer, shape, encoding = lesson.answer, lesson.examples.rows.shape[1:], lesson.frame.encoding
    return lambda x_q: answer(encoding.decode(x_q.reshape(len(x_q), *shape)))


def need_tensorflow() -> None:
    """Say how to get TensorFlow before anything else happens."""
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingToolError("tensorflow", "train a model", "pip install tensorflow")
