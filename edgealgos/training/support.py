"""Which values of a model under training stay, so that it keeps its bytes and cycles; knows no optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from .budget import MOST_CODE_CYCLES, Masks, cycles_of, joint_support, worth_their_cycles
from .family import Array, Arrays, Family, Types
from .schedule import Recipe
from .stored import Stored
from .targets import TargetScale

Predicted = Callable[[Arrays, Types], float]
Harm = dict[str, Array]
CYCLES_PROMISED = 0.98  # of those allowed, while training can still change them
ASK_CYCLES_EVERY = 8  # epochs
LEARNED, FEW = 1.03, 16.0  # of a prediction without products, cycles: what dense tensors, once learned, may make of it
LATE = 1.1  # of the cycles allowed: more than the last epochs add by themselves


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
                self.other_cycles = self._cycles(left, self.stored.types(left)) - cycles_of(specs, final)
        dense = cycles_of(specs, {n: np.ones_like(mask) for n, mask in self.stored.masks.items()})
        limit = max(min(goal - self.other_cycles, most), 0.0)
        return worth_their_cycles(specs, harm, self.recipe.allowed_at(epoch, dense, limit))

    def _cycles(self, params: Mapping[str, Array], qtypes: Types) -> float:
        """Cycles of a prediction with these parameters."""
        assert self.limits.predicted is not None
        weights = self.stored.on_grid(params, qtypes)
        return self.limits.predicted(
            *self.stored.model.finish(weights, dict(qtypes), self.scale.mean, self.scale.factor)
        )

    def settle(self, params: Mapping[str, Array], second: Mapping[str, Array], weight_types: Types) -> Types:
        """Keep the limits whatever the epochs were; types of what is left.

        Few epochs may have thinned out nothing, and the last ones made sums wider than thresholding foresaw.
        """
        limits, stored = self.limits, self.stored
        qtypes = weight_types | stored.activation_types(params, weight_types)
        late = limits.bytes is not None and stored.bytes() > limits.bytes
        if late or (limits.cycles is not None and self._cycles(params, qtypes) > LATE * limits.cycles):
            self.threshold(self.recipe.epochs, params, second)
            qtypes = stored.types(params)
        while limits.cycles is not None and (found := self._cycles(params, qtypes)) > limits.cycles:
            self._trim(params, found, limits.cycles)
            qtypes = qtypes | stored.activation_types(params, qtypes)
        return qtypes

    def _trim(self, params: Mapping[str, Array], found: float, most: int) -> None:
        """Remove a little more, or as much as there is too much."""
        stored = self.stored
        products = cycles_of(stored.specs, stored.masks)
        if not products:
            raise ValueError(
                f"max_cycles={most} is too small: without any products such a {stored.model.name} takes "
                f"{math.ceil(found)} cycles; allow more, or a smaller structure"
            )
        harm: Harm = {n: mask * np.square(params[n]) for n, mask in stored.masks.items()}
        excess = found - most
        less = 0.99 * products if excess < 0.05 * products else max(products - excess, 0.0)
        stored.masks = worth_their_cycles(stored.specs, harm, less)


def least_cycles(model: Family, x_q: Array, x_frac: int, predicted: Predicted) -> int:
    """Cycles that a model of this structure keeps whatever it learns: those without products, and a little more."""
    stored = Stored(model, x_q[:1], x_frac)
    stored.masks = {name: np.zeros_like(mask) for name, mask in stored.masks.items()}
    rng = np.random.default_rng(0)
    params = {name: rng.uniform(0.1, 0.9, spec.shape) for name, spec in model.specs.items()}
    qtypes = stored.types(params)
    found = predicted(*model.finish(stored.on_grid(params, qtypes), qtypes, 0.0, 1.0))
    return math.ceil(max(LEARNED * found, found + FEW))


def typical_cycles(model: Family, x_q: Array, x_frac: int, predicted: Predicted) -> float:
    """Cycles of a model before it has learned anything, with all its products."""
    stored = Stored(model, x_q[:1], x_frac)
    rows = x_q.astype(np.float32) * np.float32(2.0**-x_frac)
    params = model.initial(rows, np.zeros(len(rows)), np.random.default_rng(0))
    qtypes = stored.types(params)
    return predicted(*model.finish(stored.on_grid(params, qtypes), qtypes, 0.0, 1.0))
