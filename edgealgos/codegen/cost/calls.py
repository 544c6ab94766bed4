"""The stack of programs whose ops are functions: of what calls them, and of each with what it calls; knows no costs."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

from ..program.op import Counts, Op
from ..program.program import Program
from .ram import stack_kind

ROWS = "rows of "  # what a reader of rows is to an op
SHARING = " that others call"  # of a reader in the name of an op


@dataclass(frozen=True, slots=True)
class Frame:
    """What something takes of the stack: as it was measured, or where it never was, of the parts that it is made of.

    Parameters
    ----------
    names : tuple of str
        What tables call it as a whole, first the one that says most of it.
    parts : Counts
        What it is made of.
    local_bytes : int
        Arrays in it, which no table has.
    """

    names: tuple[str, ...]
    parts: Counts
    local_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """What the stack is made of while one op of a function runs.

    Parameters
    ----------
    around : Counts
        What lies around a prediction, and what of other ops lies in the function's frame.
    caller : Frame
        The function's own frame but for that and arguments.
    arguments : Frame
        What one of its ops is called with, beyond registers.
    below : Frame
        The op, and what it calls.
    """

    around: Counts
    caller: Frame
    arguments: Frame
    below: Frame

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All that is a frame."""
        return self.caller, self.arguments, self.below

    @property
    def parts(self) -> Counts:
        """All that it may be made of."""
        return reduce(operator.or_, (frame.parts for frame in self.frames), self.around)


def calls(program: Program) -> Iterator[Call]:
    """Every op with every reader, and with every op whose arguments may be the most of its function."""
    for function, body in program.functions.items():
        around = Counter({f"around ({stack_kind(program)})": 1}) | in_place(program, function)
        own = caller(program, function)
        below = [frame for op in body for frame in frames(program, op)]
        yield from (Call(around, own, given, frame) for given in arguments(program, function) for frame in below)


def in_place(program: Program, function: str) -> Counts:
    """What ops take of the frame of their function whose kernels lie in it."""
    found: Counts = Counter()
    for op in program.functions[function]:
        if op.in_place:
            pieces = op.pieces(program)
            numbers = {f"{part} in place": n for part, n in pieces.inline.items() if not part.startswith(ROWS)}
            found |= Counter({f"{type(op).__name__} in place": 1, "local byte": pieces.local_bytes} | numbers)
    return found


def caller(program: Program, function: str) -> Frame:
    """The frame of a function but for arguments, and for what lies in it."""
    own = f"prediction ({stack_kind(program)})" if function == "predict" else function
    kinds = dict.fromkeys(sorted(type(op).__name__ for op in program.functions[function]))
    return Frame((f"{own} of {', '.join(kinds)}",), Counter([own]))


def arguments(program: Program, function: str) -> list[Frame]:
    """What each op of a function is called with, every kind once."""
    found = {}
    for op in program.functions[function]:
        kind, readers = type(op).__name__, _readers(program, op)
        parts: Counts = Counter([f"arguments of {kind}", *(f"arguments of a reader of {name}" for name in readers)])
        name = f"arguments of {kind} over {' and '.join(readers)}"
        found[name] = Frame((name,) if readers else (), parts)
    return list(found.values())


def frames(program: Program, op: Op) -> list[Frame]:
    """An op below its caller, with each of its readers where it is not known with all."""
    kind, readers, options = type(op).__name__, _readers(program, op), _options(program, op)
    elsewhere = {name for other in program.ops() if other is not op for name in _readers(program, other)}
    shared = [f"{name}{SHARING}" if name in elsewhere else name for name in readers]
    bits = program[op.out].type.container
    name, least = (f"frame {kind} over {' and '.join(over) or 'nothing'}" for over in (shared, readers))
    names = f"{name} to {bits} bits with {' and '.join(options) or 'no option'}", name, least
    own: Counts = Counter([f"frame {kind}", *options])
    local = 0 if op.in_place else op.pieces(program).local_bytes
    return [Frame(names, own + Counter([f"frame {name}"]), local) for name in readers] or [Frame(names, own, local)]


def _readers(program: Program, op: Op) -> list[str]:
    return sorted(op.pieces(program).frames - {type(op).__name__})


def _options(program: Program, op: Op) -> list[str]:
    """What an op has of all that it may have."""
    options = sorted(part for part in op.pieces(program).inline if not part.startswith(ROWS))
    return [*options, f"{type(op).__name__} with a bias"] if op.operands.get("bias") is not None else options
