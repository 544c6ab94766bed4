"""The integer program that a .tflite file is made of: inputs of 8 bits, and rows that show how large scores become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgealgos.errors import UnsupportedModelError

from ..lowering.pipeline import check_samples
from ..lowering.sklearn import is_of_trees
from ..lowering.wrappers import unwrap
from ..passes import to_integer
from ..program.interpret import encode
from ..program.program import Program
from ..program.qtype import QType

BYTES = ((8, 16, False), (8, 16, True))
"""Inputs of 8 bits, weights of 16 in two constants: rows that a model was fitted on lie far from where it decides, so
that they do not show what weights of 8 bits lose on others (USPS, logistic regression: one answer in 150)."""
Lower = Callable[[Any, ArrayLike | None, Sequence[tuple[int, int, bool]], float], Program]
ALIKE = 0.999
"""Share of rows that widths should answer as the model."""
_PROBES, _LIKELY = 512, 2.0


def prepared(model: Any, X: ArrayLike | None, lowered: Lower) -> tuple[Program, NDArray[Any], float]:
    """The program, device inputs, and how far beyond their scores others may be.

    Models of this library keep the ranges that training knew. Where there are no rows, inputs are drawn: of the size
    that training saw, and of any size that there can be. `lowered` gives the float program of a model, from rows,
    the widths that it may have and the share of rows that they should answer alike.
    """
    unwrapped = unwrap(model)
    if is_of_trees(unwrapped.model):
        raise UnsupportedModelError(refusal_of_trees(type(unwrapped.model).__name__))
    program = to_integer(_in_bytes(lowered(model, None if unwrapped.is_ours else X, BYTES, ALIKE)))
    if X is not None:
        return program, encode(program, check_samples(program, X)), 1.25
    return program, _probes(program), _LIKELY


def refusal_of_trees(name: str) -> str:
    """What to say of a model of trees."""
    return (
        f"{name} cannot become a .tflite file: its operators know no branches, and a tree is nothing else. "
        "export_cpp and export_arduino put it on any board as it is; for a .tflite file let a small network learn from "
        "it: BonsaiClassifier(teacher=model).fit(X, y)"
    )


def _in_bytes(program: Program) -> Program:
    """The same with inputs of 8 bits, where they had more."""
    qtype = program.input.type
    by = qtype.bits - 8
    if by <= 0:
        return program
    old, narrow = program.encoding, QType(8, qtype.frac - by)
    low, high = (int(np.clip(round(end / 2**by), narrow.low, narrow.high)) for end in (old.low, old.high))
    encoding = replace(old, scale=np.ldexp(old.scale, -by), low=low, high=high, qtype=narrow)
    return program.replacing(replace(program.input, qtype=narrow), encoding=encoding)


def _probes(program: Program) -> NDArray[Any]:
    random, encoding = np.random.default_rng(0), program.encoding
    shape = (_PROBES, *(() if program.steps is None else (program.steps,)), program.input.size)
    unit = 2.0**encoding.qtype.frac
    usual, any_size = random.normal(0.0, unit, shape), random.uniform(encoding.low, encoding.high, shape)
    rows = np.concatenate([usual, any_size]).clip(encoding.low, encoding.high)
    probes: NDArray[Any] = np.rint(rows).astype(encoding.qtype.dtype)
    return probes
