"""Windows of long sequences in the recurrent classifiers: parameters, training in rounds, early exit; no cell."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import Seen
from .gradient import GradientTrained
from .model import Examples, Lesson, Model
from .params import NONE, Interval, Options, integer
from .precision import device_error

WINDOW_PARAMETERS = {
    "window_steps": (integer(1, 16383), NONE),
    "window_stride": (integer(1), NONE),
    "early_exit": (Interval(Real, 0.5, 1, open_low=True), Options(("auto",)), NONE),
}
WINDOW_STRUCTURE = {
    "window_steps": (integer(1, 16383),),
    "window_stride": (integer(1),),
    "early_exit": (Interval(Real, 0.5, 1, open_low=True), NONE),
}
CONFIDENCES = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)  # that ``early_exit="auto"`` tries


class Windowed(GradientTrained):
    """What ``window_steps``, ``window_stride`` and ``early_exit`` change; stands before the family in the bases."""

    window_steps: int | None
    window_stride: int | None
    early_exit: float | str | None

    @property
    def early_exit_(self) -> float | None:
        """Confidence above which an answer stands; with `window_steps` alone."""
        structure: dict[str, Any] = getattr(self, "structure_", {})
        if "early_exit" not in structure:
            raise AttributeError(f"{type(self).__name__} has early_exit_ once it was fitted with window_steps")
        confidence: float | None = structure["early_exit"]
        return confidence

    @property
    def _windows(self) -> dict[str, Any]:
        if self.window_steps is None:
            return {}
        stride = self.window_stride or self.window_steps // 2 or 1
        confidence = None if self.early_exit == "auto" else self.early_exit
        return {"window_steps": self.window_steps, "window_stride": stride, "early_exit": confidence}

    def _check_rows_and_target(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any], Seen]:
        rows, target, seen = super()._check_rows_and_target(X, y)
        if self.window_steps is None:
            if self.window_stride is not None or self.early_exit is not None:
                raise ValueError("window_stride and early_exit have a meaning for windows alone; give window_steps")
            return rows, target, seen
        if self.window_steps > rows.shape[1]:
            raise ValueError(f"window_steps={self.window_steps} is longer than the sequences of {rows.shape[1]} steps")
        stride = self._windows["window_stride"]
        if self.window_steps % stride:
            raise ValueError(
                f"window_stride={stride} does not divide window_steps={self.window_steps}; give one that does"
            )
        if self.max_cycles is not None:
            raise ValueError("max_cycles plans whole sequences, not windows; leave out max_cycles= or window_steps=")
        if self.teacher not in (None, "auto"):
            raise ValueError("a teacher knows whole sequences, not their windows; leave out teacher= or window_steps=")
        return rows, target, seen

    def _teach(self, student: Any, lesson: Lesson) -> Model:
        """Training on windows, in rounds."""
        if self.window_steps is None:
            return super()._teach(student, lesson)
        from ..training.windows import cut, train_windows, windows_of

        examples, size = lesson.examples, (self.window_steps, self._windows["window_stride"])
        windows, rows = windows_of(lesson.x_q, examples.y, examples.weight, *size), cut(examples.rows, *size)
        all_windows = Examples(rows, windows.y, windows.weight)

        def run(share: float, chosen: NDArray[np.bool_]) -> Model:
            part = replace(lesson, examples=all_windows.where(chosen), x_q=windows.x_q[chosen])
            return self._run_training(student, part, share)

        model: Model = train_windows(student, windows, lesson.frame.encoding.qtype.frac, run)
        return model

    @property
    def _judges(self) -> bool:
        return super()._judges or self.early_exit == "auto"

    def _settle(self, model: Model, held_out: Examples) -> Model:
        model = super()._settle(model, held_out)
        if self.early_exit != "auto":
            return model
        allowed = device_error(model, held_out) + self.max_accuracy_loss
        for confidence in CONFIDENCES:
            exiting = model.with_structure(early_exit=confidence)
            if device_error(exiting, held_out) <= allowed:
                return exiting
        return model
