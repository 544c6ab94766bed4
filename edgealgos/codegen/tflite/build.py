"""From an integer program to a graph: whole pictures at once, sequences step by step; knows programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgealgos.errors import UnsupportedModelError

from ..ops.chain import stages_of
from ..program.interpret import run_integer
from ..program.link import LOGISTIC, SOFTMAX
from ..program.op import Op
from ..program.program import Program
from ..program.qtype import Ints
from ..program.scores import decide
from ..program.tensor import Space
from . import cells, dense, pictures, prototypes, trees  # noqa: F401  (they register their ops)
from .graph import Graph, Operator, Value
from .writer import WIDE, Writer, translate

MOST_STEPS = 128
PROBABILITY, LOWEST = 2.0**-8, -128
"""Scale and zero point of probabilities."""
_SHARPEST, _UNTOLD = 256.0, 0.0005


@dataclass(frozen=True, eq=False)
class Built:
    """A graph and what its output says.

    Parameters
    ----------
    graph : Graph
    output : Value
        Probabilities, or the number of a regressor.
    sharpness : float
        What scores were multiplied with, so that 8 bits tell them apart.
    """

    graph: Graph
    output: Value
    sharpness: float


def build_graph(program: Program, rows: NDArray[Any], margin: float) -> Built:
    """The graph of an integer program whose inputs have 8 bits.

    Parameters
    ----------
    program : Program
        Integer.
    rows : integer array, shape (n, ...)
        Device inputs, from which the ranges of scores are taken.
    margin : float
        How far beyond them scores may be.

    Raises
    ------
    UnsupportedModelError
        If an op of it has no operators, or it has too many steps; the message names it.
    """
    scores = program.output.type.dequantize(run_integer(program, rows))
    largest = max(float(np.abs(scores).max(initial=0.0)), 2.0**-20)
    writer = Writer(program, largest * margin)
    if program.steps is None:
        writer.values[program.input.name] = writer.graph.input(
            "input", (1, program.input.size), program.input.type.step
        )
    else:
        _take_sequence(writer, program, program.steps)
    _run(writer, program.functions["predict"])
    answer = writer.values[program.output.name]
    return _told(writer, answer, scores, margin)


def _run(writer: Writer, body: Iterable[Op]) -> None:
    for op in body:
        try:
            value = translate(op, writer)
        except NotImplementedError:
            raise UnsupportedModelError(_refusal(writer.program, op)) from None
        if value is not None:
            writer.values[op.out] = value


def _take_sequence(writer: Writer, program: Program, steps: int) -> None:
    push, x = program.functions["push"], program.input
    if stages := stages_of(program):
        writer.values[x.name] = writer.graph.input("input", (1, *stages[0].layer.before), x.type.step)
        _run(writer, push)
        return
    if steps > MOST_STEPS:
        raise UnsupportedModelError(
            f"{program.family} over {steps} time steps: a .tflite file holds every step on its own, {MOST_STEPS} at "
            "most. Use export_cpp or export_arduino, which loop, or put more columns into a step (step_size=)"
        )
    whole = writer.graph.input("input", (1, steps, x.size), x.type.step)
    writer.values[x.name] = writer.reshaped(whole, (steps, x.size))
    first_ops = _without_state(program, push)
    _run(writer, first_ops)
    by_step = {op.out: writer.graph.split(writer.values[op.out], op.out) for op in _read_later(push, first_ops)}
    for tensor in program.tensors:
        if tensor.space is Space.STATE:
            zeros = np.zeros((1, *tensor.shape))
            writer.values[tensor.name] = writer.graph.constant("start", zeros, "int16", WIDE)
    for step in range(steps):
        writer.values.update({name: rows[step] for name, rows in by_step.items()})
        _run(writer, [op for op in push if op not in first_ops])


def _without_state(program: Program, push: tuple[Op, ...]) -> list[Op]:
    """Ops that need the input alone: one product serves all steps."""
    known, found = {program.input.name}, []
    for op in push:
        varying = [name for name in op.reads if name not in op.constants]
        if varying and known.issuperset(varying) and program[op.out].space is Space.SCRATCH:
            known.add(op.out)
            found.append(op)
    return found


def _read_later(push: tuple[Op, ...], first: list[Op]) -> list[Op]:
    later = {name for op in push if op not in first for name in op.reads}
    return [op for op in first if op.out in later]


# ---- the answer ------------------------------------------------------------------------------------------------------


def _told(writer: Writer, answer: Value, scores: NDArray[np.float64], margin: float) -> Built:
    graph, outputs = writer.graph, scores.shape[1]
    answer = writer.reshaped(answer, (1, outputs))
    if writer.program.task != "classifier":
        low, high = (float(f(scores)) for f in (np.min, np.max))
        middle, half = (low + high) / 2, max((high - low) / 2, 2.0**-20) * margin
        scale = 2 * half / 255
        zero = int(np.clip(-128 - round((middle - half) / scale), -128, 127))
        scale = max(scale, (middle + half) / (127 - zero) if zero < 127 else scale)
        output = writer.requantized(answer, "int8", scale, zero)
        sharpness = 1.0
    else:
        scale = writer.program.link.scale if is_told(writer.program) else 1.0
        sharpness = _sharpness(scores * scale)
        if outputs > 1:
            beta = sharpness * scale
            shares = graph.add(Operator.SOFTMAX, [answer], "probabilities", answer.shape, "int16", WIDE, beta=beta)
        else:
            if sharpness * scale != 1.0:
                factor = writer.words("sharpness", np.array([sharpness * scale]))
                answer = writer.times("sharper", answer, factor, answer.step * sharpness * scale)
            shares = writer.function(Operator.LOGISTIC, "probabilities", answer)
        output = writer.requantized(shares, "int8", PROBABILITY, LOWEST)
    graph.outputs = [output.index]
    return Built(graph, output, sharpness)


def is_told(program: Program) -> bool:
    """Whether a softmax, of one score the logistic function, is the model's own probability, and a half decides."""
    link = program.link
    logistic = link.kind == SOFTMAX or (link.kind == LOGISTIC and program.output.size <= 2)
    return program.task == "classifier" and link.calibrated and logistic and link.offset == 0


def _sharpness(scores: NDArray[np.float64]) -> float:
    """The least power of two at which probabilities of 8 bits say which score is the largest."""
    best, factor = decide(scores), 1.0
    while factor < _SHARPEST and np.mean(decide_bytes(_shares(scores * factor)) != best) > _UNTOLD:
        factor *= 2
    return factor


def _shares(scores: NDArray[np.float64]) -> Ints:
    if scores.shape[1] == 1:
        shares = 1 / (1 + np.exp(-scores.clip(-60, 60)))
    else:
        parts = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = parts / parts.sum(axis=1, keepdims=True)
    raw: Ints = np.clip(np.rint(shares / PROBABILITY) + LOWEST, -128, 127).astype(np.int64)
    return raw


def decide_bytes(raw: NDArray[Any]) -> NDArray[np.intp]:
    """Class indices of the output's bytes: the first largest; of one column 1 where it is a half or more."""
    if raw.shape[1] == 1:
        return (raw[:, 0] >= 0).astype(np.intp)
    best: NDArray[np.intp] = np.argmax(raw, axis=1)
    return best


def _refusal(program: Program, op: Op) -> str:
    return (
        f"{program.family} cannot become a .tflite file: {type(op).__name__} is nothing that builtin operators of "
        "TensorFlow Lite for Microcontrollers can do. export_cpp and export_arduino put it on boards; a .tflite file "
        "can hold Bonsai, ProtoNN, FastGRNN, ConvNet, linear models and MLPs, also one that learns from this model: "
        "BonsaiClassifier(teacher=model).fit(X, y)"
    )
