"""Families that the gradient loop trains: their options, teachers and augmentation as the loop takes them; no maths."""

from __future__ import annotations

import importlib.util
import os
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingToolError
from .base import EdgeEstimator
from .model import Arrays, Lesson, Model, Types
from .precision import proven

ROWS_WORTH_COMPILING = 100_000  # compiling a training step takes seconds: longer than training on fewer rows


class GradientTrained(EdgeEstimator):
    """An estimator whose family is a :class:`edgealgos.training.family.Family`."""

    label_smoothing: float = 0.0

    @abstractmethod
    def _student(self, lesson: Lesson) -> tuple[Any, Mapping[str, Any]]:
        """The family's object for the loop, within the budgets, and the structure that was chosen for it."""

    def _train(self, lesson: Lesson) -> Model:
        need_tensorflow()
        student, structure = self._student(lesson)
        return self._teach(student, lesson.structured(structure))

    def _teach(self, student: Any, lesson: Lesson) -> Model:
        """Train the student; more than once where a family goes about it in rounds."""
        return self._run_training(student, lesson)

    def _run_training(self, student: Any, lesson: Lesson, share: float = 1.0) -> Model:
        """The one training loop with this estimator's options, for a share of its epochs."""
        from ..training.loop import train, with_options

        options = {name: getattr(self, name) for name in ("epochs", "batch_size", "learning_rate", "label_smoothing")}
        recipe = with_options(student.recipe, **options)
        recipe = recipe.beside(augmented=self.augment is not None, taught=lesson.answer is not None)
        if lesson.start is not None:
            recipe = recipe.further()
            student.specs |= {name: replace(student.specs[name], bits=4) for name in lesson.four_bits}
        recipe = recipe if share == 1 else recipe.shortened(share)
        examples, x_q = lesson.examples, lesson.x_q.reshape(len(lesson.x_q), -1)
        result = train(
            student, x_q, examples.y, x_frac=lesson.frame.encoding.qtype.frac, budget=self.max_model_bytes,
            sample_weight=examples.weight, max_cycles=self.max_cycles, predicted_cycles=_cycles_in(lesson),
            start=lesson.start, recipe=recipe, random_state=lesson.seed, verbose=int(self.verbose),
            teacher=_teacher_of(lesson) or self.teacher,
            augment=None if self.augment is None else lambda rng: self._augmented(lesson, rng).reshape(x_q.shape),
            jit=recipe.epochs * len(x_q) > ROWS_WORTH_COMPILING,
        )  # fmt: skip
        return Model(result.weights, result.qtypes, lesson.frame, result.n_iter, result.history, result.float_weights)

    def _augmented(self, lesson: Lesson, rng: np.random.Generator) -> NDArray[Any]:
        """Device inputs of augmented raw rows."""
        rows = lesson.examples.rows
        made = np.asarray(self.augment(rows, rng))
        if made.shape != rows.shape or not np.isfinite(made).all():
            raise ValueError(
                f"augment must give finite rows of the shape that it gets, {rows.shape}; it gave {made.shape}"
            )
        return lesson.frame.encoding.encode(made)


def _cycles_in(lesson: Lesson) -> Any:
    """Cycles of a prediction on an Uno as a function of weights and types."""

    def cycles(weights: Arrays, qtypes: Types) -> float:
        from ..codegen.passes.choose_forms import predicted_cycles

        return predicted_cycles(proven(Model(weights, qtypes, lesson.frame))[1])

    return cycles


def _teacher_of(lesson: Lesson) -> Any:
    """The user's teacher as the loop takes it, a function of device inputs; None where there is none."""
    if lesson.answer is None:
        return None
    answer, shape, encoding = lesson.answer, lesson.examples.rows.shape[1:], lesson.frame.encoding
    return lambda x_q: answer(encoding.decode(x_q.reshape(len(x_q), *shape)))


def need_tensorflow() -> None:
    """Say how to get TensorFlow before anything else happens, and keep its greetings off the screen."""
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingToolError("tensorflow", "train a model", "pip install tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its sums depend on the processor
