"""A matrix in front of a model: a product whose result is the model's input. Knows programs alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgealgos.errors import UnsupportedModelError

from ..ops import MatVec
from ..program.choose_encoding import choose_encoding
from ..program.encoding import InputEncoding
from ..program.program import Program
from ..program.qtype import QType
from ..program.tensor import Space, Tensor
from ..program.verify import verify

Reals = NDArray[np.float64]
WEIGHT_BITS = 16


def behind_matrix(program: Program, matrix: Reals, shift: Reals, rows: Reals | None) -> Program:
    """Program of what a model answers for ``matrix @ raw + shift``.

    A selection keeps the encoding of the columns that it takes; of other matrices the rows say which range raw features
    have.

    Raises
    ------
    UnsupportedModelError
        Where rows are needed and there are none.
    """
    old, x = program.encoding, program.input
    offset, scale = (np.resize(v.astype(np.float64), x.size) for v in (old.offset, old.scale))
    encoding = _of_selection(program, matrix, shift, offset, scale)
    if encoding is None:
        if rows is None:
            raise UnsupportedModelError(
                f"a projection in front of {program.family} needs the ranges of raw features: pass rows, "
                "X_calibration=X_train"
            )
        encoding = choose_encoding(rows, bits=old.qtype.bits)
    count = matrix.shape[1]
    wide, origin = (np.resize(v.astype(np.float64), count) for v in (encoding.scale, encoding.offset))
    to_real = np.ldexp(1.0, encoding.qtype.frac) / wide
    into = np.ldexp(scale, -old.qtype.frac)
    weights = into[:, None] * matrix * to_real
    whole = bool(np.isin(weights, (0.0, 1.0)).all())
    bits = 8 if whole else WEIGHT_BITS
    tensors = [
        Tensor("raw", (count,), Space.INPUT, encoding.qtype),
        Tensor("front", weights.shape, Space.FLASH, QType.covering(float(np.abs(weights).max()), bits), weights,
               doc="what stands in front of the model"),
        Tensor("front_bias", shift.shape, Space.FLASH, None, into * (matrix @ origin + shift - offset)),
    ]  # fmt: skip
    front = MatVec(x.name, "front", "raw", "front_bias")
    functions = {**program.functions, "predict": (front, *program.functions["predict"])}
    rest = [replace(t, space=Space.SCRATCH) if t is x else t for t in program.tensors]
    return verify(replace(program, tensors=(*tensors, *rest), functions=functions, encoding=encoding))


def _of_selection(program: Program, matrix: Reals, shift: Reals, offset: Reals, scale: Reals) -> InputEncoding | None:
    """The encoding of all columns where the matrix selects and scales some; those that nobody reads have any."""
    owners = matrix != 0
    if not ((owners.sum(axis=1) == 1).all() and (owners.sum(axis=0) <= 1).all()):
        return None
    column, slope = owners.argmax(axis=1), matrix[owners]
    whole_offset, whole_scale = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
    whole_offset[column], whole_scale[column] = (offset - shift) / slope, scale * slope
    return replace(program.encoding, offset=whole_offset, scale=whole_scale.astype(np.float32))
