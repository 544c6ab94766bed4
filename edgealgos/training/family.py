"""What the training loop asks of a model family, and nothing of any family in particular."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..codegen.program.qtype import QType
from .budget import TensorSpec
from .rounding import Rounding
from .schedule import Recipe

Array = NDArray[Any]
Arrays = dict[str, NDArray[np.float64]]
Types = dict[str, QType]


class Family(ABC):
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
    specs : dict of str to TensorSpec
        Every stored tensor: shape, width, whether it may be sparse.
    recipe : Recipe
        The family's defaults.
    rates : mapping of str to float
        Learning rates relative to the recipe's.
    extra_bytes : int
        Bytes stored besides the tensors: tables, scalars.
    profiled : tuple of str
        Activations whose scale is not fixed beforehand: the names given to `Rounding.profiled`.
    fixed_types : mapping of str to QType
        Activations that a ``scale_of`` names, of a type fixed beforehand.
    centred : (str, str) or None
        Matrix that multiplies the inputs and the bias beside it. Training then sees rows around zero, which Adam needs
        (a step moves all weights alike: pixels that are mostly background would push every product far away), and the
        stored bias takes over what that leaves out.
    output : tuple of str
        Tensors in which the scores are linear: without them they are zero.
    stepwise : bool
        Whether a training step is one call, see training/stepwise.py: for recurrences.
    """

    name: str
    problem: str
    n_features: int
    n_outputs: int
    specs: dict[str, TensorSpec]
    recipe: Recipe
    rates: Mapping[str, float]
    extra_bytes: int = 0
    profiled: tuple[str, ...] = ()
    fixed_types: ClassVar[Mapping[str, QType]] = {}
    centred: tuple[str, str] | None = None
    output: tuple[str, ...] = ()
    stepwise: ClassVar[bool] = False

    @abstractmethod
    def initial(self, x: Array, y: Array, rng: np.random.Generator) -> Arrays:
        """Initial parameters from real-valued rows (n, d) and targets; names as in `specs`."""

    @abstractmethod
    def forward(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores (n, n_outputs) of rows (n, d), rounding as the device does."""

    @property
    def structure(self) -> dict[str, Any]:
        """Plain values that its program needs besides the numbers."""
        return {}

    def settled(self, params: Arrays, rows: Callable[[], Array], fold: bool = True) -> Arrays:
        """Parameters for rounding, at the scale that a device needs; with `fold`, what only helps training is in them.

        `rows()` gives training inputs, some (n, d), in case the family has to measure on them.
        """
        return params

    def penalty(self, params: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Regularisation added to the loss, a scalar."""
        return tf.constant(0.0)

    def activation_types(self, weights: Arrays, ranges: Callable[[], Mapping[str, float]]) -> Types:
        """Types of named activations for these weights.

        `ranges()` runs the forward pass on training rows and gives the largest magnitude of every activation that
        `forward` passes to `Rounding.profiled`; a family whose ranges follow from the weights need not call it.
        """
        return {}

    def finish(self, weights: Arrays, qtypes: Types, y_mean: float, y_scale: float) -> tuple[Arrays, Types]:
        """Fold the mean and the (power of two) scale of regression targets into the last tensors."""
        return weights, qtypes
