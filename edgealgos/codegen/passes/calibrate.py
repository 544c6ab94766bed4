"""Chooses the range of the inputs anew from calibration data; the model stays as trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.encoding import InputEncoding
from ..program.program import Program
from ..program.qtype import QType


def calibrate(program: Program, X: NDArray[Any]) -> Program:
    """Float program whose input encoding covers the samples X.

    The encoding keeps its meaning, because the model was trained on it; only range and resolution change, the latter by
    a power of two. Ranges of activations are part of the trained model (where they saturate, training saw it).
    """
    encoding = _covering(program.encoding, X)
    return replace(program.replacing(replace(program.input, qtype=encoding.qtype)), encoding=encoding)


def _covering(old: InputEncoding, X: NDArray[Any]) -> InputEncoding:
    limit = old.qtype.high
    columns = np.asarray(X, dtype=np.float64).reshape(-1, old.offset.size if not old.uniform else 1)
    raw = (columns - old.offset.astype(np.float64)) * old.scale.astype(np.float64)
    reach = float(np.abs(raw).max())
    exact = bool(np.array_equal(raw, np.rint(raw)))
    shift = int(np.floor(np.log2(limit / reach))) if reach > limit or (reach > 0 and not exact) else 0
    scaled = np.floor(np.ldexp(raw, shift) + 0.5)
    low, high = int(max(scaled.min(), -limit)), int(min(scaled.max(), limit))
    scale = np.ldexp(old.scale, shift).astype(np.float32)
    return InputEncoding(old.offset, scale, low, high, QType(old.qtype.bits, old.qtype.frac + shift))
