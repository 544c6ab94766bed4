"""What lies on the stack in a prediction, by name; knows programs and which forms are code, no costs."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce

from ..program.op import Counts, Op
from ..program.program import Program
from ..storage.dense import DENSE
from ..targets.avr.forms import form_of, in_one

ROWS = "rows of "  # what a reader of rows is to an op
_CODE, WITH_CODE = "straight-line code", " with code"
OVER_ROWS = " of rows"


def stack_kind(program: Program) -> str:
    """What decides the frame of the serial loop."""
    return f"{'sequence' if program.steps is not None else 'sample'} {program.task}"


def stack_counts(program: Program, inlined: bool = True) -> list[Counts]:
    """Parts of the stack below a prediction (that of the serial loop, when it prints, may be deeper).

    Where ops are inlined, those of a function lie in its frame together; else each of them is a function that calls
    one kernel after the other. The deepest counts.
    """
    if inlined:
        return [row for name, body in program.functions.items() for row in _frames(program, name, body)]
    base: Counts = Counter({f"prediction ({stack_kind(program)})": 1})
    rows = []
    for op in program.ops():
        if in_one(program, op):
            rows.append(base | Counter({"frame straight-line code": 1}))
            continue
        pieces, kind = op.pieces(program), type(op).__name__
        options = {part: 1 for part in pieces.inline if not part.startswith(ROWS)}
        options[f"{kind} with a bias"] = int(op.operands.get("bias") is not None)
        own = base | Counter({"local byte": pieces.local_bytes} | options)
        read = sorted(pieces.frames - {kind})
        packed = [name for name in read if not name.startswith(DENSE.name)]  # their readers are the larger ones
        own[f"frame {kind}"] = 1
        rows += [own | Counter({f"frame {name}": 1}) for name in packed or read] or [own]
    return rows


def _frames(program: Program, function: str, body: Sequence[Op]) -> Iterator[Counts]:
    """Frames of one function; kernels over rows are called one after the other, all others lie in its own frame."""
    over_rows = OVER_ROWS * any(op.over_rows for op in body)
    name = f"prediction ({stack_kind(program)})" if function == "predict" else function
    rows: list[Counts] = []
    for op in body:
        if (form := form_of(op)) and form.in_one(program, op):
            copied = form.local_bytes(program, op)
            rows.append(Counter({f"frame {type(op).__name__} of code": 1, "byte of code": copied}))
            continue
        pieces, kind = op.pieces(program), type(op).__name__
        code = WITH_CODE * (_CODE in pieces.frames)
        named: Counts = Counter(f"frame {frame}{over_rows or code * (frame == kind)}" for frame in pieces.frames)
        rows.append(named | Counter({"local byte": pieces.local_bytes}))
    in_part = WITH_CODE * any(_ends_in_code(part) for row in rows for part in row)
    base: Counts = Counter({f"{name}{over_rows or in_part}": 1})
    yield from (base | row for row in rows) if over_rows else [reduce(operator.or_, rows, base)]


def _ends_in_code(part: str) -> bool:
    return part.startswith("frame") and (_CODE in part or part.endswith("of code"))


def frames_together(row: Counts) -> str:
    """Name of what an op and the reader below it take, where ops are functions of their own."""
    frames = sorted(part for part, amount in row.items() if amount and part.startswith("frame "))
    return f"{frames[0]} alone" if len(frames) == 1 else " over ".join(frames)
