"""What a program costs on its board, from counts of its parts and the measured cost of each part.

Knows programs and boards, and asks each op for its parts. The measured costs lie in ``targets/avr/costs.json``;
``python -m tools.measure_costs`` measures them anew on the simulated board (Arduino core 1.8, avr-gcc, the IDE's
default flags), with ``--op`` those of one op alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from ..program import Op, Program, Space
from ..program.op import Counts
from ..targets.avr.forms import form_of, in_one, is_code, label_told
from ..targets.boards import Board

LOOP = "Arduino core and serial loop"


@cache
def prices(file: str = "avr/costs.json") -> dict[str, dict[str, float]]:
    """Measured costs: flash bytes, cycles and stack bytes of a part."""
    text = resources.files("edgealgos.codegen.targets").joinpath(file).read_text(encoding="utf-8")
    loaded: dict[str, dict[str, float]] = json.loads(text)
    return loaded


def code_bytes(program: Program, board: Board) -> dict[str, int]:
    """Flash of code by item: the Arduino core with the serial loop, and the kernels that the program calls."""
    if board.cost_model is None:
        return {}
    items = _priced(code_counts(program), prices(board.cost_model.prices)["flash"])
    return items | {LOOP: items[LOOP] + board.cost_model.core_flash}


def stack_bytes(program: Program, board: Board) -> dict[str, int]:
    """RAM by item that no tensor takes: the Arduino core's variables and the deepest stack."""
    costs = board.cost_model
    if costs is None:
        return {"stack": 256}
    ram = prices(costs.prices)["ram"]
    frames = sum(ram.get(part, 0.0) * amount for part, amount in stack_counts(program).items())
    stack = max(frames, ram.get(f"serial loop ({stack_kind(program)})", 0.0))
    return {LOOP: round(ram["core"]) + costs.core_ram, "stack": round(stack) + costs.core_stack}


def cycles(program: Program, board: Board) -> dict[str, int]:
    """Clock cycles of one prediction by op, sequence models: of a whole sequence."""
    if board.cost_model is None:
        return {}
    priced = prices(board.cost_model.prices)["cycles"]
    items: dict[str, int] = {}
    straight = straight_line(program)
    for function, op, times in _timed_ops(program):
        spent = sum(_priced(op_counts(program, op), priced).values())
        spent += round(sum(straight[name][1] for name in op.reads if name in straight))
        label = (
            f"{function}: {type(op).__name__} {op.out}"
            if program.steps is not None
            else f"{type(op).__name__} {op.out}"
        )
        items[label] = items.get(label, 0) + times * spent
    return items


def straight_line(program: Program) -> dict[str, tuple[int, float]]:
    """Bytes and cycles a call of the constants that are straight-line code."""
    found = {}
    for op in program.ops():
        form = form_of(op)
        for name in op.constants:
            if form is not None and is_code(program[name]):
                codes = form.chosen(program, op, name)
                shares = form.shares(program, op, name)
                spent = sum(share * code.cycles for share, code in zip(shares, codes, strict=False))
                found[name] = sum(code.size for code in codes), spent
    return found


def straight_line_cycles(program: Program) -> Iterator[tuple[int, float]]:
    """How often a prediction runs each straight-line constant, and its cycles."""
    straight = straight_line(program)
    for _, op, times in _timed_ops(program):
        yield from ((times, straight[name][1]) for name in op.reads if name in straight)


def _priced(counts: Counts, table: dict[str, float]) -> dict[str, int]:
    return {part: round(amount * table.get(part, 0.0)) for part, amount in counts.items() if amount}


def _timed_ops(program: Program) -> Iterator[tuple[str, Op, int]]:
    """Every op with how often one prediction runs it; that it may stop early is not counted on."""
    steps = program.steps or 1
    for function, body in program.functions.items():
        times = steps if function == "push" else 1
        for op in body:
            yield function, op, times
            left = op.steps_left(steps)
            times = times if left is None else left  # what comes later waits until then


def cycle_counts(program: Program) -> Counts:
    """Parts that one prediction runs through."""
    total: Counts = Counter()
    for _, op, times in _timed_ops(program):
        for part, amount in op_counts(program, op).items():
            total[part] += times * amount
    return total


def op_counts(program: Program, op: Op) -> Counts:
    """Parts that one call of an op runs through, typically; what is straight-line code is counted there."""
    if in_one(program, op):
        return Counter({f"call {type(op).__name__} of code": 1})
    return Counter() if label_told(program, op) else op.cost(program)


def code_counts(program: Program) -> Counts:
    """Pieces of code in the sketch: kernels count once, calls each time."""
    counts: Counts = Counter({LOOP: 1})
    seen: set[tuple[object, ...]] = set()
    kernels: set[str] = set()
    for op in program.ops():
        if in_one(program, op):
            counts[f"call {type(op).__name__} of code"] += 1
            continue
        pieces = op.pieces(program)
        if not label_told(program, op):
            kernels |= pieces.kernels
        if (instance := _instance(program, op)) in seen:
            counts["further call"] += 1
            continue
        seen.add(instance)
        counts[f"call {pieces.call}"] += 1
        counts.update(pieces.inline)
    counts.update(f"kernel {function}" for function in sorted(kernels))
    return counts


def _instance(program: Program, op: Op) -> tuple[object, ...]:
    """What the compiler makes one function of: a kernel with the types of its operands, and the constants it reads."""
    operands = [program[name] for name in op.operands.values()]
    return type(op), *(t.name if t.space is Space.FLASH else t.qtype for t in operands)


def stack_kind(program: Program) -> str:
    """What decides the frame of the serial loop."""
    return f"{'sequence' if program.steps is not None else 'sample'} {program.task}"


def stack_counts(program: Program) -> Counts:
    """Parts of the stack below a prediction (that of the serial loop, when it prints, may be deeper)."""
    counts: Counts = Counter({f"prediction ({stack_kind(program)})": 1})
    for op in program.ops():
        if in_one(program, op):
            counts["frame straight-line code"] = 1
            continue
        pieces = op.pieces(program)
        counts["local byte"] = max(counts["local byte"], pieces.local_bytes)
        counts |= Counter(f"frame {name}" for name in pieces.frames)
    return counts


def table(values: dict[str, Any]) -> str:
    """Text of ``targets/avr/costs.json``."""
    return json.dumps(values, indent=2, sort_keys=True) + "\n"
