"""Windows of long sequences in the recurrent classifiers: parameters, training, program, early exit; no cell."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from ..codegen.ops import CountStep, KeepConfident, Rescale, StartWindow
from ..codegen.program import Op, QType, Space, Tensor
from .base import EdgeEstimator, Lesson
from .params import NONE, Interval, Options, integer

WINDOW_PARAMETERS = {
    "window_steps": (integer(1, 16383), NONE),
    "window_stride": (integer(1), NONE),
    "early_exit": (Interval(Real, 0.5, 1, open_low=True), Options(("auto",)), NONE),
}
CONFIDENCES = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)  # that ``early_exit="auto"`` tries
LARGEST_MARGIN = 64.0  # beyond what a float can tell from certainty
Body = tuple[list[Tensor], list[Op], list[Op]]


class Windowed(EdgeEstimator):
    """What the options ``window_steps``, ``window_stride`` and ``early_exit`` change; before the cell in the bases.

    The cell gives ``_product``, ``_step``, ``_head`` and, for whole sequences, ``_teach`` and ``_body``.
    """

    early_exit_: float | None

    @property
    def _stride(self) -> int:
        return self.window_stride or self.window_steps // 2 or 1

    def _check_rows_and_target(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any]]:
        rows, target = super()._check_rows_and_target(X, y)
        if self.window_steps is None:
            if self.window_stride is not None or self.early_exit is not None:
                raise ValueError("window_stride and early_exit have a meaning for windows alone; give window_steps")
            return rows, target
        if self.window_steps > rows.shape[1]:
            raise ValueError(f"window_steps={self.window_steps} is longer than the sequences of {rows.shape[1]} steps")
        if self.window_steps % self._stride:
            raise ValueError(
                f"window_stride={self._stride} does not divide window_steps={self.window_steps}; give one that does"
            )
        if self.max_cycles is not None:
            raise ValueError("max_cycles plans whole sequences, not windows; leave out max_cycles= or window_steps=")
        if self.teacher not in (None, "auto"):
            raise ValueError("a teacher knows whole sequences, not their windows; leave out teacher= or window_steps=")
        return rows, target

    # ------------------------------------------------------------------ training

    def _teach(self, model: Any, x_q: NDArray[Any], y: NDArray[Any], weight: NDArray[Any], lesson: Lesson) -> Any:
        """Training on windows, in rounds."""
        if self.window_steps is None:
            return super()._teach(model, x_q, y, weight, lesson)
        from ..training.windows import cut, train_windows, windows_of

        self.early_exit_ = None if self.early_exit == "auto" else self.early_exit
        size = self.window_steps, self._stride
        windows, rows = windows_of(x_q, y, weight, *size), cut(lesson.rows, *size)

        def run(share: float, chosen: NDArray[np.bool_]) -> Any:
            kept = windows.x_q[chosen], windows.y[chosen], windows.weight[chosen]
            return self._run_training(model, *kept, lesson._replace(rows=rows[chosen]), share)

        return train_windows(model, windows, self.encoding_.qtype.frac, run)

    @property
    def _judges(self) -> bool:
        return super()._judges or self.early_exit == "auto"

    def _settle(self, rows: NDArray[np.float64], y: NDArray[Any]) -> None:
        super()._settle(rows, y)
        if self.early_exit == "auto":
            allowed = self._device_error(rows, y) + self.max_accuracy_loss
            for self.early_exit_ in (*CONFIDENCES, None):
                if self._device_error(rows, y) <= allowed:
                    break

    # ------------------------------------------------------------------ program

    def _body(self, outputs: int) -> Body:
        """One state a window under way, which share all constants; one starts every stride."""
        if self.window_steps is None:
            return super()._body(outputs)
        width, stride = self.window_steps, self._stride
        threshold, limit = self._threshold()
        step = Tensor("step", (1,), Space.STATE, QType(16, 0), doc="steps since reset")
        kept = Tensor("kept", (outputs,), Space.STATE, doc="scores of the most confident window")
        tensors, product = self._product("W", "x", "wx")
        tensors = [step, kept, *threshold, *tensors]
        push = [CountStep("step", width, "kept" if limit else None, limit), *product]
        for first in range(0, width, stride):
            lane = f"_{first // stride}"
            state, others, ops = self._step(lane)
            head, score = self._head(f"scores{lane}", f"h8{lane}")
            tensors += [*state, *others, *head, Tensor(score.out, (outputs,), Space.SCRATCH)]
            push += [StartWindow(tensor.name, "step", first, width) for tensor in state]
            push += [*ops, score, KeepConfident("kept", score.out, "step", first, width, limit)]
        once = list({tensor.name: tensor for tensor in tensors}.values())
        return once, push, [Rescale("scores", source="kept")]

    def _threshold(self) -> tuple[list[Tensor], str | None]:
        """The margin of scores above which the answer stands, as a constant, and its name."""
        if self.early_exit_ is None:
            return [], None
        margin = np.array(min(float(logit(self.early_exit_)), LARGEST_MARGIN))
        return [Tensor("early_exit", (), Space.FLASH, None, margin, doc="margin that is enough")], "early_exit"
