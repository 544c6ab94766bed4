"""Rounds the weights of a product together, so that rows are answered as before: for models trained without rounding.

Knows programs; of ops whether they are affine maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky
from scipy.linalg.lapack import dtrtri

from ..program.interpret import encode, observed
from ..program.link import SOFTMAX
from ..program.op import Affine
from ..program.program import Program
from ..program.qtype import QType
from ..program.scores import margin
from ..program.tensor import Space, Tensor
from . import to_integer

Reals = NDArray[np.float64]
MOST_ROWS = 2000  # that are multiplied
DAMPING = 0.01  # of the inputs' mean variance, added to each: rows are few, and others follow


def round_together(program: Program, rows: Reals) -> Program:
    """Float program whose matrices lie on the grids of their types, so rounded that rows are answered nearest.

    Weights are rounded column by column, and what that does to the sums is made good by the columns that follow, as far
    as inputs go together (Frantar et al. 2023, GPTQ). Of a classifier what all classes have in common goes first, and
    inputs get scales with which their rounding and that of their weights do equal harm.

    Parameters
    ----------
    program : Program
        A float program with types of activations.
    rows : array, shape (n, n_features)
        Raw samples.
    """
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int)]
    program = _balanced(_without_what_is_common(program), some)
    exact = observed(program, some, real=True) | {program.input.name: program.encoding.real(some)}
    for op in program.ops():
        if (affine := op.affine) is not None:
            integer, device = to_integer(program), encode(program, some)
            vector = integer[affine.vector]
            seen = device if vector.space is Space.INPUT else observed(integer, device, real=False)[vector.name]
            inputs = vector.type.dequantize(seen.reshape(-1, vector.size))
            wanted = _sums(program, affine, exact[vector.name].reshape(inputs.shape))
            decides = op.out == program.output.name and program.task == "classifier"
            program = program.replacing(*_rounded(program, affine, inputs, wanted, decides))
    return program


def _sums(program: Program, op: Affine, inputs: Reals) -> Reals:
    """What a product makes of exact inputs, before its type makes it saturate."""
    bias = 0.0 if op.bias is None else program[op.bias].values
    sums: Reals = inputs @ program[op.matrix].values.T + bias
    return sums


# ---- what no answer depends on ---------------------------------------------------------------------------------------


def _without_what_is_common(program: Program) -> Program:
    """Scores of classes less their mean: no comparison of them changes, and no share of a softmax."""
    last = next((op.affine for op in program.ops() if op.out == program.output.name), None)
    compared = program.task == "classifier" and program.output.size > 1 and program.link.kind == SOFTMAX
    if last is None or last.bias is None or not compared:
        return program
    matrix, bias = program[last.matrix], program[last.bias]
    whole = (matrix.values != 0).all(axis=0)  # a zero costs nothing on the device: it stays
    values = matrix.values - np.where(whole, matrix.values.mean(axis=0), 0.0)
    return program.replacing(_covering(matrix, values), replace(bias, data=bias.values - bias.values.mean()))


def _balanced(program: Program, rows: Reals) -> Program:
    """Inputs so much coarser, and weights of bytes so much larger, that both take as many levels."""
    readers = [op.affine for op in program.ops() if program.input.name in op.reads]
    if program.encoding.uniform or len(readers) != 1 or readers[0] is None:
        return program
    matrix, encoding = program[readers[0].matrix], program.encoding
    if matrix.type.bits > 8:
        return program
    reach = np.abs(encoding.encode(rows).astype(np.float64)).max(axis=0)
    product = reach * np.abs(matrix.values).max(axis=0)
    used = product > 0
    if not used.any():
        return program
    most, heaviest = max(-encoding.low, encoding.high), matrix.type.high
    product = np.where(used, product * (most * heaviest / product.max()), 1.0)
    levels = np.clip(np.sqrt(product), product / heaviest, most)
    factor = np.where(used, np.maximum(levels, 1.0) / np.maximum(reach, 1.0), 1.0)
    scale = (encoding.scale * factor).astype(np.float32)
    values = matrix.values * (encoding.scale / scale.astype(np.float64))
    scaled = replace(encoding, scale=scale, low=-most, high=most)
    return program.replacing(_covering(matrix, values), encoding=scaled)


def _covering(matrix: Tensor, values: Reals) -> Tensor:
    """The matrix with other values, as wide as before."""
    return replace(matrix, data=values, qtype=QType.covering(float(np.abs(values).max()), matrix.type.bits))


# ---- rounding --------------------------------------------------------------------------------------------------------


def _rounded(program: Program, op: Affine, inputs: Reals, wanted: Reals, decides: bool) -> Iterator[Tensor]:
    """Matrix and bias of a product with which sums come nearest to those that are wanted.

    The grid holds the largest weight, or is half as wide where the sums lose less with its largest weights cut off.
    """
    matrix = program[op.matrix]
    centred = inputs if op.bias is None else inputs - inputs.mean(axis=0)
    if decides:  # rows near another class count for more
        apart = margin(wanted)
        centred = centred / np.hypot(1.0, apart / (np.median(apart) or 1.0))[:, None]
    together = centred.T @ centred / len(inputs)
    together[np.diag_indices_from(together)] += DAMPING * (np.trace(together) / len(together) or 1.0)
    grids = (matrix.type, QType(matrix.type.bits, matrix.type.frac + 1))
    order = np.argsort(-np.diag(together), kind="stable")
    upper = _factor_of_inverse(together[np.ix_(order, order)])
    found = [qtype.dequantize(_made_good(matrix.values, order, upper, qtype)) for qtype in grids]
    lost = [float(np.sum((values - matrix.values) @ together * (values - matrix.values))) for values in found]
    best = int(np.argmin(lost))
    yield replace(matrix, data=found[best], qtype=grids[best])
    if op.bias is not None:
        yield replace(program[op.bias], data=(wanted - inputs @ found[best].T).mean(axis=0))


def _factor_of_inverse(together: Reals) -> Reals:
    """Upper triangular; its transpose times it is the inverse, which is not made: that takes three times as long."""
    backwards = cholesky(together[::-1, ::-1], lower=True, check_finite=False)[::-1, ::-1]
    upper: Reals
    upper, _ = dtrtri(np.asfortranarray(backwards))
    return upper


def _made_good(values: Reals, order: NDArray[np.intp], upper: Reals, qtype: QType) -> Reals:
    """Raw weights of a matrix, rounded in that order of its columns; see :func:`_factor_of_inverse`. Zeros stay."""
    left, kept, raw = values[:, order].copy(), values[:, order] != 0, np.zeros(values.shape)
    for j in range(len(order)):
        raw[:, j] = np.where(kept[:, j], qtype.quantize(left[:, j]), 0)
        lost = (left[:, j] - qtype.dequantize(raw[:, j])) / upper[j, j]
        left[:, j:] -= np.outer(lost, upper[j, j:])
    back = np.empty_like(raw)
    back[:, order] = raw
    return back
