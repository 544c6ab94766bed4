"""What happens when during training: stages, learning rate, density; plain numbers, no tensors."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNHURRIED_STEPS = 6000
NEAR_NOISE = 0.3
FEWER_ROWS = 80_000


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    The stages are dense, iterative hard thresholding, fixed support; rounding is on from `quantized_from` to the end.
    All are shares of the epochs.

    Parameters
    ----------
    epochs : int
        Passes over the rows, at most.
    most_steps : int or None
        Steps of all epochs together, at most: many rows need fewer epochs.
    batch_size : int or None
        None: grows with the square root of the number of rows, 32 to 128.
    learning_rate : float
        Peak of the schedule (short warm-up, then half a cosine).
    fastest_rate : float
        Up to where the learning rate is raised when there are few steps in all (their square root counts).
    sparse_from, frozen_from, quantized_from : float
        Where thresholding starts, where the support is fixed, where rounding starts.
    folded_from : float
        Where what training alone can do is folded into the weights for good (normalisation of a net's channels); not
        before rounding starts.
    loss : {"log", "hinge", "squared"}
    label_smoothing : float
    mixup : float
        Parameter of the beta distribution of mixtures of two rows (0: none).
    noise : float
        Standard deviation of Gaussian noise on inputs, relative to the features' typical deviation; with `near` to
        the distance to the nearest row, shared out among the features.
    near : bool
        Whether a row is mixed with one of its nearest rows, not with any: what tells classes apart may be small.
    most_rows : int
        Rows of all their versions together.
    ema : float
        Decay of the running average of weights that is returned at the end.
    weight_decay : float
        Share of a matrix's values that a learning rate of 1 would take away in each step (not through the gradient).
    teacher : bool
        Whether to train a float teacher first, where there are rows enough and the caller brings none.
    teacher_weight : float
        Share of a caller's soft targets.
    validation_fraction : float
        Share of the rows held back to choose the best epoch; 0 trains on all rows to the end.
    patience : float
        Share of the epochs without a better validation score after which training stops.
    """

    epochs: int = 400
    most_steps: int | None = 60_000
    batch_size: int | None = None
    learning_rate: float = 0.01
    fastest_rate: float = 0.03
    sparse_from: float = 0.2
    frozen_from: float = 0.6
    quantized_from: float = 0.5
    folded_from: float = 0.0
    loss: str = "log"
    label_smoothing: float = 0.0
    mixup: float = 0.0
    noise: float = 0.0
    near: bool = False
    most_rows: int = 250_000
    ema: float = 0.998
    weight_decay: float = 0.0
    teacher: bool = False
    teacher_weight: float = 1.0
    validation_fraction: float = 0.0
    patience: float = 0.3

    @property
    def rows_a_step(self) -> int:
        """The batch size, once it is settled."""
        if self.batch_size is None:
            raise ValueError("a recipe has a batch size after for_rows()")
        return self.batch_size

    def for_rows(self, rows: int) -> Recipe:
        """This recipe with batch size, epochs and learning rate settled for a number of rows."""
        size = min(self.batch_size or batch_size_for(rows), rows)
        epochs = self.epochs if self.most_steps is None else min(self.epochs, max(20, self.most_steps * size // rows))
        haste = math.sqrt(UNHURRIED_STEPS / (epochs * (rows // size)))
        rate = max(self.learning_rate, min(self.learning_rate * haste, self.fastest_rate))
        return dataclasses.replace(self, batch_size=size, epochs=epochs, learning_rate=rate, fastest_rate=0.0)

    def beside(self, *, augmented: bool, taught: bool) -> Recipe:
        """This recipe where the caller brings augmented rows or a teacher.

        Rows in between two rows are strange to most teachers and to good augmentation: mixing them costs accuracy, and
        so does much noise.
        """
        mixup = 0.0 if augmented or taught else self.mixup
        return dataclasses.replace(self, mixup=mixup, noise=min(self.noise, 0.2) if augmented else self.noise)

    def varying(self, variation: str) -> Recipe:
        """This recipe with rows varied in a way that was chosen by validation; who augments them adds to it."""
        if variation in ("spread", "moved", "mirrored"):
            return self
        loss = "log" if self.loss == "hinge" else self.loss
        changed = dataclasses.replace(self, teacher=False, loss=loss, most_rows=FEWER_ROWS)
        if "spread" in variation:
            return changed
        if variation == "plain":
            return dataclasses.replace(changed, near=True, mixup=0.0, noise=NEAR_NOISE)
        return dataclasses.replace(changed, near=True, mixup=1.0, noise=NEAR_NOISE)

    def further(self) -> Recipe:
        """What follows a finished training: a quarter of its epochs, slower, rounding from the first."""
        epochs = max(self.epochs // 4, 2)
        return dataclasses.replace(
            self, epochs=epochs, most_steps=self.most_steps and self.most_steps // 4, sparse_from=0.0, frozen_from=0.0,
            quantized_from=0.0, folded_from=0.0, learning_rate=0.5 * self.learning_rate,
            fastest_rate=0.5 * self.fastest_rate,
        )  # fmt: skip

    def shortened(self, share: float) -> Recipe:
        """This recipe in a share of its epochs."""
        steps = None if self.most_steps is None else round(share * self.most_steps)
        return dataclasses.replace(self, epochs=max(1, round(share * self.epochs)), most_steps=steps)

    def rates(self, epoch: int, steps: int) -> NDArray[np.float64]:
        """Learning rate of each step of an epoch: linear warm-up over 3 %, then half a cosine down to 1 %."""
        progress = (epoch + (np.arange(steps) + 0.5) / steps) / self.epochs
        warm = np.minimum(progress / 0.03, 1.0)
        return self.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1.0 + np.cos(math.pi * progress)))

    def stage(self, epoch: int) -> str:
        """Name of the stage of an epoch: "dense", "thresholding" or "fixed support"."""
        progress = epoch / self.epochs
        if progress >= self.frozen_from:
            return "fixed support"
        return "thresholding" if progress >= self.sparse_from else "dense"

    def quantized(self, epoch: int) -> bool:
        """Whether rounding is on in an epoch; always in the last."""
        return epoch / self.epochs >= self.quantized_from or epoch == self.epochs - 1

    def folded(self, epoch: int) -> bool:
        """Whether an epoch is left with what the device can do; always the last."""
        return self.quantized(epoch) and (epoch / self.epochs >= self.folded_from or epoch == self.epochs - 1)

    def sharpness(self, epoch: int) -> float:
        """Slope of relaxed decisions: from 1, times four every eighth of the epochs, to 256 halfway."""
        return float(4.0 ** (8.0 * min(0.5, epoch / self.epochs)))

    def allowed_at(self, epoch: int, dense: float, budget: float) -> int:
        """Bytes or cycles allowed after an epoch of thresholding: from `dense` down to `budget` along a cubic."""
        progress = ((epoch + 1) / self.epochs - self.sparse_from) / max(self.frozen_from - self.sparse_from, 1e-9)
        left = (1.0 - min(1.0, max(0.0, progress * 1.25))) ** 3
        return math.ceil(budget + (max(dense, budget) - budget) * left)


def batch_size_for(rows: int) -> int:
    """Rows of a mini-batch: about the square root of all rows, a power of two from 32 to 128."""
    return int(min(128, max(32, 2 ** round(math.log2(max(1.0, math.sqrt(rows)))))))
