"""What members of committees answer: numbers of coefficients, trees or kernels; kinds tell where they are lowered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from edgealgos.errors import UnsupportedModelError

from ..wrappers import unwrap
from .finite import check_finite
from .registry import affine_map
from .stages import Reals

if TYPE_CHECKING:
    from .trees import Tree


@dataclass(frozen=True)
class Affine:
    """Scores ``matrix @ inputs + bias``."""

    matrix: Reals
    bias: Reals

    def scaled(self, slope: Reals, shift: Reals) -> Affine:
        """Scores ``slope * score + shift``."""
        return Affine(slope[:, None] * self.matrix, slope * self.bias + shift)


@dataclass(frozen=True)
class Grown:
    """Scores to which trees add numbers, each score's own."""

    trees: list[list[Tree]]
    bias: Reals

    def scaled(self, slope: Reals, shift: Reals) -> Grown:
        """Scores ``slope * score + shift``."""
        trees = [[replace(t, leaf=s * t.leaf) for t in ts] for s, ts in zip(slope, self.trees, strict=True)]
        return Grown(trees, slope * self.bias + shift)


@dataclass(frozen=True)
class Machine:
    """The score of a machine of two classes, multiplied and moved."""

    model: Any
    slope: float = 1.0
    shift: float = 0.0

    def scaled(self, slope: Reals, shift: Reals) -> Machine:
        """Score ``slope * score + shift``."""
        return Machine(self.model, self.slope * float(slope[0]), float(slope[0]) * self.shift + float(shift[0]))


Member = Affine | Grown | Machine


def answers_of(model: Any) -> Member:
    """What wrappers ask a fitted member: its decision function, or else what it holds likely.

    Of two classes that is one score, the second one's.

    Raises
    ------
    UnsupportedModelError
        Where no program computes it together with that of others.
    """
    unwrapped = unwrap(model)
    inner, front = unwrapped.model, unwrapped.front
    if unwrapped.cut is not None or unwrapped.link is not None:
        raise NotImplementedError
    check_finite(*(step for _, step in front), inner)
    found = answers(inner)
    if not isinstance(found, Affine):
        if front:
            raise UnsupportedModelError(
                f"members that are Pipelines around {type(inner).__name__} cannot be compiled together: put "
                f"{front[0][0]!r} in front of all of them, make_pipeline({type(front[0][1]).__name__}(), ...)"
            )
        return found
    matrix, bias = found.matrix, found.bias
    for name, step in reversed(front):
        try:
            further, moved = affine_map(step)
        except NotImplementedError:
            raise UnsupportedModelError(
                f"members that are Pipelines of which step {name!r} ({type(step).__name__}) is not affine cannot be "
                "compiled together: put it in front of all of them"
            ) from None
        matrix, bias = matrix @ further, matrix @ moved + bias
    return Affine(matrix, bias)


@singledispatch
def answers(model: Any) -> Member:
    """The same of a model that nothing stands around; kinds are registered where they are lowered."""
    raise NotImplementedError


def coefficients_of(model: Any) -> Affine:
    """The scores of a linear model."""
    matrix = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    return Affine(matrix, np.ravel(model.intercept_) * np.ones(len(matrix)))
