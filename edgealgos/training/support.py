"""Which values of a model under training stay, so that it keeps its bytes and cycles; knows no optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from .budget import MOST_CODE_CYCLES, Masks, cycles_of, joint_support, worth_their_cycles
from .family import Array, Arrays, Types
from .schedule import Recipe
from .stored import Stored
from .targets import TargetScale

Predicted = Callable[[Arrays, Types], float]
Harm = dict[str, Array]
CYCLES_PROMISED = 0.98  # of those allowed, while training can still change them
ASK_CYCLES_EVERY = 8  # epochs


@dataclass(frozen=True)
class Limits:
    """Bytes of everything stored, cycles of a prediction (None: any), and who predicts those."""

    bytes: int | None = None
    cycles: int | None = None
    predicted: Predicted | None = None


@dataclass
class Support:
    """Thins out what is stored, epoch by epoch, until the limits are kept."""

    stored: Stored
    limits: Limits
    recipe: Recipe
    scale: TargetScale
    other_cycles: float = field(default=0.0, init=False)  # of a prediction, besides its products

    def threshold(self, epoch: int, params: Mapping[str, Array], second: Mapping[str, Array]) -> None:
        """Keep the values whose removal would harm most within this epoch's bytes; what is removed stays so.

        Letting removed values come back cost several points in our measurements. The harm of removing w is estimated
        as w^2 E[g^2] (a diagonal second-order expansion, comparable across tensors), with the running mean square of
        the gradient that Adam keeps anyway.
        """
        limits, stored = self.limits, self.stored
        if limits.bytes is None and limits.cycles is None:
            return
        stored.narrow_biases(params)
        harm = {n: m * params[n].astype(float) ** 2 * (second[n] + 1e-12) for n, m in stored.masks.items()}
        if limits.cycles is not None and harm:
            stored.masks = self._within_cycles(epoch, params, harm)
            harm = {n: values * stored.masks[n] for n, values in harm.items()}
        if limits.bytes is not None:
            allowed = self.recipe.allowed_at(epoch, stored.dense_bytes, limits.bytes)
            support = joint_support(stored.specs, harm, allowed, stored.model.extra_bytes)
            stored.masks = {n: support[n] & (values > 0) for n, values in harm.items()}

    def _within_cycles(self, epoch: int, params: Mapping[str, Array], harm: Harm) -> Masks:
        """Support of this epoch's cycles; what a prediction takes besides its products is asked now and then."""
        assert self.limits.cycles is not None
        specs, model = self.stored.specs, self.stored.model
        goal = CYCLES_PROMISED * self.limits.cycles
        most = np.inf if model.stepwise else MOST_CODE_CYCLES  # matrices of steps stay tables
        if epoch % ASK_CYCLES_EVERY == 0 or not self.other_cycles:
            for _ in range(2):
                final = worth_their_cycles(specs, harm, min(goal - self.other_cycles, most))
                left = {**params, **{n: params[n] * mask for n, mask in final.items()}}
                self.other_cycles = self._cycles(left) - cycles_of(specs, final)
        if self.other_cycles >= goal:
            raise ValueError(
                f"max_cycles={self.limits.cycles} is too small: without any products such a {model.name} takes "
                f"{round(self.other_cycles):,} cycles"
            )
        dense = cycles_of(specs, {n: np.ones_like(mask) for n, mask in self.stored.masks.items()})
        limit = min(goal - self.other_cycles, most)
        return worth_their_cycles(specs, harm, self.recipe.allowed_at(epoch, dense, limit))

    def _cycles(self, params: Mapping[str, Array]) -> float:
        """Cycles of a prediction with these parameters."""
        assert self.limits.predicted is not None
        qtypes = self.stored.types(params)
        weights = self.stored.on_grid(params, qtypes)
        return self.limits.predicted(*self.stored.model.finish(weights, qtypes, self.scale.mean, self.scale.factor))

    def trim(self, params: Mapping[str, Array]) -> None:
        """Remove a little more where the last epochs made sums wider than thresholding foresaw."""
        stored = self.stored
        while self.limits.cycles is not None and self._cycles(params) > self.limits.cycles:
            harm: dict[str, Array] = {n: mask * np.square(params[n]) for n, mask in stored.masks.items()}
            stored.masks = worth_their_cycles(stored.specs, harm, 0.99 * cycles_of(stored.specs, stored.masks))
