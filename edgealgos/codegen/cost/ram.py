"""What lies in RAM beside frames of the stack, and what such things are called; knows programs, no forms, no costs."""

from __future__ import annotations

from dataclasses import replace

from ..program.memory import plan_memory
from ..program.program import Program
from ..program.tensor import Space
from ..targets.boards import Board
from .items import Kind, ReportItem


def variable_items(program: Program, alignment: int) -> list[ReportItem]:
    """RAM of the input row, the arena and all that survives between calls, each padded as the processor has it."""
    source = program.input
    items = [ReportItem(Kind.INPUT, "input row", source.ram_bytes, source.name)]
    items += [ReportItem(Kind.ARENA, "scratch arena", plan_memory(program).arena_bytes)]
    items += [ReportItem(_IN_RAM[t.space], t.name, t.ram_bytes, t.name) for t in program.tensors if t.space in _IN_RAM]
    return [replace(item, amount=-(-item.amount // alignment) * alignment) for item in items]


_IN_RAM = {Space.STATE: Kind.STATE, Space.OUTPUT: Kind.OUTPUT}


def label_pointers(program: Program, board: Board) -> int:
    """RAM of the table of labels, which an operating system's loader fills in; elsewhere it stays in flash."""
    named = board.framework.hosted and program.task == "classifier"
    return _POINTER * (len(program.labels) + (program.least_share > 0)) if named else 0


_POINTER = 4  # bytes, of the hosted boards that have a cost model


def core_of_kind(program: Program) -> str:
    """Name of the variables beside the model: the core's, and those of a sketch or an example of its kind."""
    return f"core ({stack_kind(program)})"


def loop_kind(program: Program) -> str:
    """What decides the frame of the serial loop, which is larger where a single score tells two classes apart."""
    one = program.task == "classifier" and program.output.size == 1 and not program.least_share
    return stack_kind(program) + " of one score" * one


def stack_kind(program: Program) -> str:
    """What decides what a prediction is called with, and calls."""
    return f"{'sequence' if program.steps is not None else 'sample'} {program.task}"
