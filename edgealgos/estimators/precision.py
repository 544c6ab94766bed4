"""A model's integer program, what it gets wrong on rows held out, narrower representations; trains nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..codegen.passes import AccumulatorOverflow, to_integer
from ..codegen.passes.mixed import error_on, matrices, narrow, represent
from ..codegen.program.program import Program
from ..codegen.program.qtype import QType
from .model import Examples, Model

MOST_TRAINED_NARROW = 1  # matrices that go on training with four bits where not all may


def proven(model: Model) -> tuple[Model, Program]:
    """The model with its integer program; weights lose as many of their last bits as 32-bit sums ask for."""
    while True:
        try:
            return model, to_integer(model.program)
        except AccumulatorOverflow as overflow:
            qtype = model.qtypes.get(overflow.matrix) if overflow.matrix in model.weights else None
            if qtype is None or not np.any(model.weights[overflow.matrix]):
                raise
            coarser = QType(qtype.bits, qtype.frac - 1)
            values = coarser.dequantize(coarser.quantize(model.weights[overflow.matrix]))
            model = _with_matrix(model, overflow.matrix, values, coarser)


def predicted_cycles_of(model: Model) -> int:
    """Cycles of a prediction on an Uno."""
    from ..codegen.passes.choose_forms import predicted_cycles

    return predicted_cycles(proven(model)[1])


def device_error(model: Model, held_out: Examples) -> float:
    """Share of rows, as they weigh, that the device program gets wrong (regressors: of the targets' variance)."""
    return error_on(proven(model)[1], held_out.rows, held_out.y, held_out.weight)


def represented(model: Model, kind: str, transposed: frozenset[str]) -> Model:
    """The model with all its matrices rounded to one representation."""
    choices = dict.fromkeys(matrices(model.program), kind)
    return _taken_back(model, represent(model.program, choices), choices, transposed)


def narrowed(
    model: Model, held_out: Examples, most: float, train_on: Callable[[tuple[str, ...]], Model],
    transposed: frozenset[str],
) -> Model:  # fmt: skip
    """Every matrix in the narrowest representation that a loss of at most `most` on held-out rows permits.

    As many matrices as may go on training with four bits (`train_on` gives that model); the others are narrowed as
    they are. The program holds the matrices of `transposed` the other way round.
    """
    whole, _ = proven(model)
    error = device_error(whole, held_out)
    names = tuple(matrices(whole.program))
    for four_bits in (names, names[:MOST_TRAINED_NARROW], ()):
        model, loss = whole, 0.0
        if four_bits:
            model, _ = proven(train_on(four_bits))
            loss = device_error(model, held_out) - error
        if loss <= most:
            break
    choice = narrow(model.program, held_out.rows, held_out.y, most - max(loss, 0.0), weight=held_out.weight)
    model = _taken_back(model, choice.program, choice.representations, transposed)
    return replace(model, representations=dict.fromkeys(four_bits, "fixed4") | choice.representations)


def _taken_back(model: Model, program: Program, choices: Mapping[str, str], transposed: frozenset[str]) -> Model:
    """The model with constants of a program in place of the trained ones of these names."""
    for name in choices:
        tensor = program[name]
        values = np.ascontiguousarray(tensor.values.T) if name in transposed else tensor.values
        model = _with_matrix(model, name, values, tensor.type)
    return model


def _with_matrix(model: Model, name: str, values: NDArray[np.float64], qtype: QType) -> Model:
    return replace(model, weights={**model.weights, name: values}, qtypes={**model.qtypes, name: qtype})
