"""What a program costs on its board, from counts of its parts and the measured price of each part.

Knows programs and boards. The prices lie in ``prices.json``; ``python -m edgealgos.codegen.measure`` measures them anew
on the simulated board (Arduino core 1.8, avr-gcc, the IDE's default flags).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from .boards import Board
from .ir import Add, ArgMax, GatedUpdate, LeakyUpdate, MatVec, Op, Program, PrototypeScore, PushColumn, Rescale, Settle, Tensor, TreeWalk
from .qtype import Ints

Counts = Counter[str]


@cache
def prices() -> dict[str, dict[str, float]]:
    """Measured prices: flash bytes, cycles and stack bytes of a part."""
    text = (resources.files(__package__) / "prices.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, float]] = json.loads(text)
    return loaded


def code_bytes(program: Program, board: Board) -> dict[str, int]:
    """Flash of code by item: the Arduino core with the serial loop, and the kernels that the program calls."""
    if not board.is_avr:
        return {}
    return _priced(code_counts(program), prices()["flash"])


def stack_bytes(program: Program, board: Board) -> dict[str, int]:
    """RAM by item that no tensor takes: the Arduino core's variables and the deepest stack."""
    if not board.is_avr:
        return {"stack": 256}
    ram = prices()["ram"]
    return {"Arduino core and serial loop": round(ram["core"]), "stack": round(ram[stack_kind(program)])}


def cycles(program: Program, board: Board) -> dict[str, int]:
    """Clock cycles of one prediction by op, sequence models: of a whole sequence."""
    if not board.is_avr:
        return {}
    items: dict[str, int] = {}
    for function, op, times in _timed_ops(program):
        spent = sum(_priced(op_counts(program, op), prices()["cycles"]).values())
        label = f"{function}: {type(op).__name__} {op.out}" if program.steps is not None else f"{type(op).__name__} {op.out}"
        items[label] = items.get(label, 0) + times * spent
    return items


def _priced(counts: Counts, table: dict[str, float]) -> dict[str, int]:
    return {part: round(amount * table.get(part, 0.0)) for part, amount in counts.items() if amount}


def _timed_ops(program: Program) -> Iterator[tuple[str, Op, int]]:
    """Every op with how often one prediction runs it."""
    for function, body in program.functions.items():
        for op in body:
            yield function, op, (program.steps or 1) if function == "push" else 1


# ---- parts that take time ------------------------------------------------------------------------------------------


def cycle_counts(program: Program) -> Counts:
    """Parts that one prediction runs through."""
    total: Counts = Counter()
    for _, op, times in _timed_ops(program):
        for part, amount in op_counts(program, op).items():
            total[part] += times * amount
    return total


def op_counts(program: Program, op: Op) -> Counts:
    """Parts that one call of an op runs through, typically."""
    if isinstance(op, MatVec):
        return Counter({"matvec": 1, f"row of {op.acc_bits}": program[op.out].size}) + _products(
            program[op.matrix], op.acc_bits, program[op.vector]
        )
    if isinstance(op, TreeWalk):
        return _tree_counts(program, op)
    if isinstance(op, PrototypeScore):
        return _prototype_counts(program, op)
    if isinstance(op, (GatedUpdate, LeakyUpdate)):
        return Counter({f"{type(op).__name__} {op.nonlinearity}": program[op.out].size})
    if isinstance(op, PushColumn):
        return Counter({"PushColumn": 1, "pushed value": np.count_nonzero(program[op.matrix].values) // program.steps})
    if isinstance(op, (Add, Rescale, Settle)):
        return Counter({type(op).__name__: program[op.out].size})
    return Counter({"ArgMax": program[op.reads[0]].size})


def _products(matrix: Tensor, acc_bits: int, vector: Tensor, share: float = 1.0) -> Counts:
    """Multiply-accumulates of all rows of a matrix, or of a share of them."""
    kind = f"{matrix.type.container}x{vector.type.container} to {acc_bits}"
    columns = matrix.shape[-1]
    rows = matrix.size // columns
    counts: Counts = Counter({f"{matrix.storage} row {kind}": share * rows})  # type: ignore[dict-item]
    if matrix.storage == "dense":
        counts[f"dense {kind}"] = share * matrix.size  # type: ignore[assignment]
        return counts
    bits = np.packbits(matrix.values.reshape(rows, columns) != 0, axis=1)
    full = int(np.count_nonzero(bits))
    values = int(np.count_nonzero(matrix.values))
    counts[f"bitmap byte {kind}"] = share * full  # type: ignore[assignment]
    counts[f"bitmap empty byte {kind}"] = share * (bits.size - full)  # type: ignore[assignment]
    counts[f"bitmap value {kind}"] = share * values  # type: ignore[assignment]
    return counts


def _tree_counts(program: Program, op: TreeWalk) -> Counts:
    nodes, outputs, width = program[op.weights].shape
    visited = op.depth + 1
    counts: Counts = Counter({"tree": 1, f"tree output of {op.acc_bits}": visited * outputs, "tree node": visited})
    for name in (op.weights, op.gates):
        counts += _products(program[name], op.acc_bits, program[op.vector], visited / nodes)
    if op.branches is not None:
        inner = program[op.branches].shape[0]
        counts += _products(program[op.branches], op.acc_bits, program[op.vector], op.depth / inner)
    return counts


def _prototype_counts(program: Program, op: PrototypeScore) -> Counts:
    """Inputs lie near prototypes, so that the prototypes themselves serve as typical inputs."""
    prototypes = program[op.prototypes].values
    count, _ = prototypes.shape
    elements, near = _visited(prototypes, 2 * program[op.vector].type.frac)
    return Counter({
        "prototype": count,
        "distance": round(elements * count),
        "near prototype": round(near * count),
        "label": round(near * count * program[op.out].size),
    })  # fmt: skip


def _visited(prototypes: Ints, frac: int) -> tuple[float, float]:
    """Mean number of elements a distance visits before it is too far, and share of prototypes near enough to count."""
    squares = (prototypes[:, None, :] - prototypes[None]) ** 2
    running = squares.cumsum(axis=2)
    elements = np.minimum((running <= 0xFFFF).sum(axis=2) + 1, prototypes.shape[1])
    return float(elements.mean()), float((np.minimum(running[..., -1], 0xFFFF) < 16 << frac).mean())


# ---- parts that take flash -----------------------------------------------------------------------------------------


def code_counts(program: Program) -> Counts:
    """Pieces of code in the sketch: kernels count once, calls each time."""
    counts: Counts = Counter({f"Arduino core and serial loop ({stack_kind(program)})": 1})
    for op in program.ops():
        counts[f"call {_call_kind(program, op)}"] += 1
    for function in _kernel_functions(program):
        counts[f"kernel {function}"] = 1
    return counts


def stack_kind(program: Program) -> str:
    """What decides the frame of the serial loop."""
    return f"{'sequence' if program.steps is not None else 'sample'} {program.task}"


def _call_kind(program: Program, op: Op) -> str:
    if isinstance(op, MatVec):
        return f"matvec {program[op.matrix].storage} to {op.acc_bits}"
    if isinstance(op, TreeWalk):
        return f"tree {program[op.weights].storage} {program[op.gates].storage} to {op.acc_bits}"
    if isinstance(op, (GatedUpdate, LeakyUpdate)):
        return f"{type(op).__name__} {op.nonlinearity}"
    return type(op).__name__


def _kernel_functions(program: Program) -> set[str]:
    """Kernels out of line that the program links."""
    found: set[str] = set()
    for op in program.ops():
        if isinstance(op, MatVec):
            found.add(_dot(program[op.matrix], program[op.vector], op.acc_bits))
        if isinstance(op, TreeWalk):
            names = (op.weights, op.gates, op.branches)
            found |= {_dot(program[name], program[op.vector], op.acc_bits) for name in names if name is not None}
        if isinstance(op, ArgMax) and program[op.source].size > 1:
            found.add("argmax")
    return found


def _dot(matrix: Tensor, vector: Tensor, acc_bits: int) -> str:
    return f"{matrix.storage} {matrix.type.container}x{vector.type.container} to {acc_bits}"


def table(values: dict[str, Any]) -> str:
    """Text of ``prices.json``."""
    return json.dumps(values, indent=2, sort_keys=True) + "\n"
