"""From a float program to the integer program of the device: one visible tuple of passes, Program -> Program."""

from __future__ import annotations

from functools import reduce

from ..ops.products import AccumulatorOverflow
from ..program.program import Program
from ..program.verify import verify
from ..storage.needs import model_bytes, stored_bytes
from .choose_types import choose_types
from .pack_weights import pack_weights
from .prove_accumulators import prove_accumulators
from .quantize_weights import quantize_weights
from .stream_input import stream_input

PASSES = (choose_types, quantize_weights, prove_accumulators, pack_weights)


STREAMING_PASSES = (choose_types, quantize_weights, prove_accumulators, stream_input, pack_weights)


def to_integer(program: Program, *, input_buffer: bool = True) -> Program:
    """Run all passes; the program is verified after each. Without `input_buffer` it takes one feature a step."""
    passes = PASSES if input_buffer else STREAMING_PASSES
    return reduce(lambda current, step: verify(step(current)), passes, verify(program))


__all__ = ["PASSES", "AccumulatorOverflow", "model_bytes", "stored_bytes", "to_integer"]
