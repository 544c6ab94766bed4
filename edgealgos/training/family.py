"""What the training loop asks of a model family, and nothing of any family in particular."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..codegen.program.qtype import QType
from .budget import Specs
from .rounding import Rounding
from .schedule import Recipe

Arrays = dict[str, NDArray[np.float64]]


class Family(Protocol):
    """One small object a fit; training/bonsai.py is an example.

    Its plain attributes (numbers, strings, tuples) are the key under which the compiled maths is kept, so whatever
    changes `forward` or `penalty` must be among them.

    Attributes
    ----------
    name : str
        Shown in the progress bar.
    problem : {"multiclass", "binary", "regression"}
    n_features : int
    n_outputs : int
        Columns of scores: classes, 1 for a binary problem, targets of a regression.
    specs : mapping of str to TensorSpec
        Every stored tensor: shape, width, whether it may be sparse.
    extra_bytes : int
        Bytes stored besides the tensors: tables, scalars.
    profiled : tuple of str
        Activations whose scale is not fixed beforehand: the names given to `Rounding.profiled`.
    recipe : Recipe
        The family's defaults.
    rates : mapping of str to float
        Learning rates relative to the recipe's.
    centred : (str, str), optional
        Matrix that multiplies the inputs and the bias beside it. Training then sees rows around zero, which Adam needs
        (a step moves all weights alike: pixels that are mostly background would push every product far away), and the
        stored bias takes over what that leaves out.
    """

    name: str
    problem: str
    n_features: int
    n_outputs: int
    specs: Specs
    extra_bytes: int
    profiled: tuple[str, ...]
    recipe: Recipe
    rates: Mapping[str, float]

    def initial(self, x: NDArray, y: NDArray, rng: np.random.Generator) -> dict[str, NDArray]:
        """Initial parameters from real-valued rows (n, d) and targets; names as in `specs`."""

    def forward(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores (n, n_outputs) of rows (n, d), rounding as the device does."""

    def penalty(self, params: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Regularisation added to the loss, a scalar."""

    def activation_types(self, weights: Arrays, ranges: Callable[[], Mapping[str, float]]) -> dict[str, QType]:
        """Types of named activations for these weights.

        `ranges()` runs the forward pass on training rows and gives the largest magnitude of every activation that
        `forward` passes to `Rounding.profiled`; a family whose ranges follow from the weights need not call it.
        """

    def finish(self, weights: Arrays, qtypes: dict[str, QType], y_mean, y_scale) -> tuple[Arrays, dict[str, QType]]:
        """Fold the mean and the (power of two) scale of regression targets into the last tensors."""
