"""Joins a feature extractor with the model behind it: one program from raw samples to the answer, without a float.

Knows programs alone; what extractors compute and models learn is none of its business.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgealgos.errors import UnsupportedModelError

from ..ops import Standardize
from ..program.encoding import InputEncoding
from ..program.op import Op
from ..program.program import Program
from ..program.qtype import QType
from ..program.tensor import Space, Tensor
from ..program.verify import verify

RAW = QType(16, 0)
LARGEST_MULTIPLIER, LARGEST_CENTRE, LARGEST_SHIFT = 2**15 - 1, 2**29, 29  # sums stay below 2**31


def raw_encoding() -> InputEncoding:
    """Encoding of raw samples: they are device inputs already."""
    return InputEncoding(np.zeros(1, np.float32), np.ones(1, np.float32), RAW.low, RAW.high, RAW)


def join(extractor: Program, model: Program) -> Program:
    """Float program that runs the extractor on raw samples and the model on its features.

    An extractor that makes features as the samples come stands in front of a sequence model's ``push``, one that makes
    them when asked in front of another model's ``predict``. The model's input encoding becomes an op.

    Raises
    ------
    UnsupportedModelError
        If the two do not go together.
    """
    at_push = not extractor.functions["predict"]
    if at_push != (model.steps is not None):
        made = "one vector of features after the other" if at_push else "one vector of features of a whole window"
        raise UnsupportedModelError(
            f"{extractor.family} makes {made}, which {model.family} does not take: put FastGRNN, FastRNN or GRU behind "
            "LogMel, Bonsai or ProtoNN behind MotionFeatures"
        )
    if model.input.size != extractor.output.size:
        raise UnsupportedModelError(
            f"{extractor.family} makes {extractor.output.size} features, {model.family} takes {model.input.size}; fit "
            "the Pipeline as a whole"
        )
    constants, op = standardized(model.encoding, extractor.output.name, model.input)
    bridge: tuple[Op, ...] = (op,)
    push = extractor.functions["push"] + (bridge + model.functions["push"] if at_push else ())
    predict = (() if at_push else extractor.functions["predict"] + bridge) + model.functions["predict"]
    own = [replace(t, space=Space.SCRATCH) if t is extractor.output else t for t in extractor.tensors]
    rest = [replace(t, space=Space.SCRATCH) if t is model.input else t for t in model.tensors]
    joined = replace(
        model,
        tensors=(*own, *constants, *rest),
        functions={"push": push, "predict": predict},
        encoding=extractor.encoding,
        steps=extractor.steps,
        rate=extractor.rate,
        hop=extractor.hop,
        family=f"{extractor.family} and {model.family}",
        preprocessing=frozenset(t.name for t in (*own, *constants)),
    )
    return verify(joined)


def standardized(encoding: InputEncoding, features: str, x: Tensor) -> tuple[list[Tensor], Standardize]:
    """The encoding as constants of 16 and 32 bits, and the op that applies them to `features`."""
    offset, scale = (np.resize(v.astype(np.float64), x.size) for v in (encoding.offset, encoding.scale))
    if not (np.abs(offset) < LARGEST_CENTRE).all():
        raise UnsupportedModelError(
            f"features are int16 and cannot be centred on {np.abs(offset).max():g}; scale them less before the model"
        )
    reach = np.maximum(np.abs(scale), np.abs(offset * scale) * LARGEST_MULTIPLIER / LARGEST_CENTRE)
    shift = np.floor(np.log2(LARGEST_MULTIPLIER / np.maximum(reach, 2.0**-40))).clip(0, LARGEST_SHIFT).astype(int)
    multiplier = np.rint(np.ldexp(scale, shift)).clip(-LARGEST_MULTIPLIER, LARGEST_MULTIPLIER)
    addend = np.rint(np.ldexp(0.5, shift) - (offset * multiplier).clip(-LARGEST_CENTRE, LARGEST_CENTRE))
    doc = "features to inputs of the model"
    constants = [
        Tensor("input_multiplier", (x.size,), Space.FLASH, RAW, multiplier, doc=f"{doc}: factor"),
        Tensor("input_addend", (x.size,), Space.FLASH, QType(32, 0), addend, doc=f"{doc}: addend"),
        Tensor("input_shift", (x.size,), Space.FLASH, QType(8, 0), shift.astype(float), doc=f"{doc}: bits shifted"),
    ]
    multiplier_name, addend_name, shift_name = (t.name for t in constants)
    op = Standardize(x.name, features, multiplier_name, addend_name, shift_name, encoding.low, encoding.high)
    return constants, op
