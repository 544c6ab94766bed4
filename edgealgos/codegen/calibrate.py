"""Chooses the ranges of inputs and activations anew from calibration data; weights stay as trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoding import InputEncoding
from .interpret import CANDIDATE, profile
from .ir import Program, Space, Tensor
from .qtype import QType


def calibrate(program: Program, X: NDArray[Any]) -> Program:
    """Float program whose input encoding and activation types cover the samples X.

    The encoding keeps its meaning (the model was trained on it) and changes only range and resolution, by powers of
    two. Types that the arithmetic fixes (states, gates, scores) stay.
    """
    program = replace(program, encoding=_covering(program, X))
    program = program.replacing(replace(program.input, qtype=program.encoding.qtype))
    largest = profile(program, X)
    free = [t for t in program.tensors if t.name in largest and _is_free(t)]
    return program.replacing(*(replace(t, qtype=QType.covering(largest[t.name], t.type.bits)) for t in free))


def _is_free(tensor: Tensor) -> bool:
    """Bytes in scratch have profiled types; wider ones have types that the arithmetic fixes."""
    return (
        tensor.space is Space.SCRATCH
        and tensor.qtype is not None
        and tensor.qtype not in (CANDIDATE,)
        and (tensor.type.bits <= 8)
    )


def _covering(program: Program, X: NDArray[Any]) -> InputEncoding:
    old = program.encoding
    limit = old.qtype.high
    rows = np.asarray(X, dtype=np.float64).reshape(-1, program.input.size)
    raw = (rows - old.offset.astype(np.float64)) * old.scale.astype(np.float64)
    reach = float(np.abs(raw).max())
    exact = bool(np.array_equal(raw, np.rint(raw)))
    shift = int(np.floor(np.log2(limit / reach))) if reach > limit or (reach > 0 and not exact) else 0
    scale = np.ldexp(old.scale, shift).astype(np.float32)
    scaled = np.floor(np.ldexp(raw, shift) + 0.5)
    low, high = int(max(scaled.min(), -limit)), int(min(scaled.max(), limit))
    return InputEncoding(old.offset, scale, low, high, QType(old.qtype.bits, old.qtype.frac + shift))
