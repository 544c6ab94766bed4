"""What a program costs on its board, from counts of its parts and the measured price of each part.

Knows programs and boards. The prices lie in ``targets/avr/costs.json``; ``python -m tools.measure_costs`` measures them
anew on the simulated board (Arduino core 1.8, avr-gcc, the IDE's default flags).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from ..passes.pack_weights import BLOCK_ROWS
from ..program.ir import (
    Add,
    ArgMax,
    CountStep,
    Decimate,
    Frame,
    GatedUpdate,
    KeepConfident,
    LeakyUpdate,
    LogBands,
    MatVec,
    NormalizeBands,
    Op,
    PowerSpectrum,
    Program,
    PrototypeScore,
    PushColumn,
    Rescale,
    Settle,
    SlideWindow,
    Space,
    Standardize,
    StartWindow,
    Tensor,
    TreeWalk,
    WindowStatistics,
)
from ..program.qtype import Ints
from ..targets.avr import forms as unrolled
from ..targets.boards import Board

Counts = Counter[str]
LOOP = "Arduino core and serial loop"
_TREE_ROWS = 8  # of a node that are made before outputs are made of them


@cache
def prices(file: str = "avr/costs.json") -> dict[str, dict[str, float]]:
    """Measured prices: flash bytes, cycles and stack bytes of a part."""
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
        for name in op.reads:
            if unrolled.is_code(program[name]):
                codes = unrolled.chosen_parts(program, op, name)
                shares = node_shares(program, op) if isinstance(op, TreeWalk) else [1.0] * len(codes)
                spent = sum(share * code.cycles for share, code in zip(shares, codes, strict=False))
                found[name] = sum(code.size for code in codes), spent
    return found


def node_shares(program: Program, op: TreeWalk) -> list[float]:
    """How often a prediction visits each node of a tree, typically.

    One of each level; training keeps weights where rows go, so that the nodes of a level share the visits as their
    weights (node k lies on level log2(k + 1)).
    """
    nodes = len(program[op.weights].values)
    kept = [1 + sum(np.count_nonzero(program[n].values[k]) for n in (op.weights, op.gates)) for k in range(nodes)]
    first = [2 ** ((k + 1).bit_length() - 1) - 1 for k in range(nodes)]
    return [kept[k] / sum(kept[first[k] : 2 * first[k] + 1]) for k in range(nodes)]


def straight_line_cycles(program: Program) -> Iterator[tuple[int, float]]:
    """How often a prediction runs each straight-line constant, and its cycles."""
    straight = straight_line(program)
    for _, op, times in _timed_ops(program):
        yield from ((times, straight[name][1]) for name in op.reads if name in straight)


def _priced(counts: Counts, table: dict[str, float]) -> dict[str, int]:
    return {part: round(amount * table.get(part, 0.0)) for part, amount in counts.items() if amount}


def _timed_ops(program: Program) -> Iterator[tuple[str, Op, int]]:
    """Every op with how often one prediction runs it; that it may stop early is not counted on."""
    for function, body in program.functions.items():
        times = (program.steps or 1) if function == "push" else 1
        for op in body:
            yield function, op, times
            if isinstance(op, StartWindow):  # what comes later waits until then
                times = max((program.steps or 1) - op.first, 0)


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
    if unrolled.in_one(program, op):  # the rest is counted with the code
        return Counter({f"call {type(op).__name__} of code": 1})
    if unrolled.label_told(program, op):
        return Counter()
    if isinstance(op, MatVec):
        out, matrix = program[op.out], program[op.matrix]
        shift = matrix.type.frac + program[op.vector].type.frac - out.type.frac
        counts: Counts = Counter({"matvec": 1, f"row of {op.acc_bits}": out.size})
        counts[f"shifted bit of {op.acc_bits}"] = out.size * _shifted_bits(shift, out.type.bits, op.acc_bits)
        return counts + _products(matrix, op.acc_bits, program[op.vector])
    if isinstance(op, TreeWalk):
        return _tree_counts(program, op)
    if isinstance(op, PrototypeScore):
        return _prototype_counts(program, op)
    if isinstance(op, (GatedUpdate, LeakyUpdate)):
        kind = f"{type(op).__name__} {op.nonlinearity}"
        return Counter({f"call {kind}": 1, kind: program[op.out].size})
    if isinstance(op, PushColumn):
        assert program.steps is not None
        matrix = program[op.matrix]
        values = np.count_nonzero(matrix.values) / program.steps if matrix.storage == "bitmap" else matrix.shape[1]
        kind = f"{matrix.storage} {matrix.type.container} to {program[op.out].type.bits}"
        return Counter({"PushColumn": 1, f"row to push {kind}": matrix.shape[1], f"pushed value {kind}": values})
    if isinstance(op, Standardize):
        shifted = int(program[op.shift].values.sum())
        return Counter({"Standardize": program[op.out].size, "shifted bit of Standardize": shifted})
    if isinstance(op, (Decimate, SlideWindow, WindowStatistics)):
        return _motion_counts(program, op)
    if isinstance(op, (Frame, PowerSpectrum, LogBands)):
        return _sound_counts(program, op)
    if isinstance(op, StartWindow):
        return Counter({"call StartWindow": 1})
    if isinstance(op, (CountStep, KeepConfident)):
        compared = (op.kept,) if isinstance(op, CountStep) else (op.out, op.source)
        scores = sum(program[name].size for name in compared if name is not None)
        return Counter({f"call {type(op).__name__}": 1, "score of a margin": scores})
    if isinstance(op, NormalizeBands):
        return Counter({"NormalizeBands band": program[op.out].size})
    if isinstance(op, (Add, Rescale, Settle)):
        return Counter({f"call {type(op).__name__}": 1, type(op).__name__: program[op.out].size})
    return Counter({"call ArgMax": 1, "ArgMax": program[op.reads[0]].size})


def _motion_counts(program: Program, op: Decimate | SlideWindow | WindowStatistics) -> Counts:
    """Frames come with one push in so many: their price is spread over all of them."""
    if isinstance(op, Decimate):
        axes = program[op.out].size
        return Counter({"Decimate sample": axes, "Decimate frame": axes / op.count})
    if isinstance(op, SlideWindow):
        share = program[op.out].shape[1] / next(o.count for o in program.ops() if isinstance(o, Decimate))
        follow = {"sums": op.sums, "squares": op.squares, "counts": op.counts}
        wanted = {f"SlideWindow {kind}": share for kind, name in follow.items() if name is not None}
        return Counter({"SlideWindow": share, **wanted})
    frames, axes = program[op.window].shape
    scanned = ("mean", "runs", "crossings")
    bins = program[op.counts].shape[1] if op.counts is not None else 0
    sizes = {kind: frames * axes for kind in scanned} | {"histogram": axes * bins, "spread": axes, "energy": axes}
    return Counter({f"statistic {kind}": sizes[kind] for kind in op.statistics})


def _sound_counts(program: Program, op: Frame | PowerSpectrum | LogBands) -> Counts:
    """Sound is not sparse: every frame takes the same time."""
    if isinstance(op, Frame):
        return Counter({"Frame sample": 2 * program[op.window].size - 2, "Frame fresh sample": program[op.source].size})
    if isinstance(op, PowerSpectrum):
        points = program[op.out].size - 1
        return Counter({"butterfly": points * (points.bit_length() - 1) // 2, "PowerSpectrum bin": points})
    return Counter({"LogBands bin": program[op.weights].size, "LogBands band": program[op.out].size})


def _shifted_bits(shift: int, bits: int, acc_bits: int) -> int:
    """Single bits by which a sum is shifted: whole bytes are free, and a byte may be nearer on the left."""
    if shift <= 0 or bits > 16:
        return -shift
    rest = shift % 8
    if acc_bits == 16 or shift + bits <= 16:  # a word
        return 8 - shift if bits == 8 and 5 <= shift <= 8 else rest
    return 8 - rest if rest >= 4 else rest


def _products(matrix: Tensor, acc_bits: int, vector: Tensor, share: float = 1.0, where: str = "") -> Counts:
    """Multiply-accumulates of all rows of a matrix, or of a share of them; `where` has a row a price of its own."""
    left = unrolled.rest(matrix)
    if left is None:
        return Counter()
    kind = f"{matrix.type.container}x{vector.type.container} to {acc_bits}"
    if matrix.storage.startswith("nibble"):  # one kernel for all sums
        kind = "8x8"
    columns = matrix.shape[-1]
    rows = matrix.size // columns
    counts: Counter[str] = Counter()
    if matrix.storage == "blocks":
        together = matrix.shape[-2] // BLOCK_ROWS * BLOCK_ROWS * (rows // matrix.shape[-2])
        counts[f"block {kind}{where}"] = together // BLOCK_ROWS
        counts[f"block value {kind}"] = together * columns
        counts[f"dense row {kind}{where}"] = rows - together
        counts[f"dense value {kind}"] = (rows - together) * columns
    else:
        counts[f"{matrix.storage} row {kind}{where}"] = rows
        counts |= _row_parts(matrix, kind, rows, columns)
    return Counter({part: share * amount for part, amount in counts.items()})


def _row_parts(matrix: Tensor, kind: str, rows: int, columns: int) -> Counts:
    """What the rows of one storage are made of."""
    if matrix.storage == "indexed":
        return Counter({f"indexed value {kind}": int(np.count_nonzero(matrix.values))})
    if "bitmap" not in matrix.storage:
        return Counter({f"{matrix.storage} value {kind}": rows * columns})
    nonzero = matrix.values.reshape(rows, columns) != 0
    bits = np.packbits(nonzero, axis=1)
    full = int(np.count_nonzero(bits))
    return Counter({
        f"{matrix.storage} mask {kind}": bits.size,
        f"{matrix.storage} mask not zero {kind}": full,
        f"{matrix.storage} value {kind}": int(np.count_nonzero(nonzero)),
    })  # fmt: skip


def _tree_counts(program: Program, op: TreeWalk) -> Counts:
    outputs = program[op.out].size
    visited = op.depth + 1
    counts: Counts = Counter({"tree": 1, f"tree output of {op.acc_bits}": visited * outputs, "tree node": visited})
    assert op.w_type is not None
    z = program[op.vector].type.frac
    bits = _shifted_bits(program[op.weights].type.frac + z - op.w_type.frac, 16, op.acc_bits)
    bits += _shifted_bits(program[op.gates].type.frac + z - 7, 8, op.acc_bits)
    counts[f"shifted bit of {op.acc_bits}"] = visited * outputs * bits
    for name in (op.weights, op.gates):
        tensor = program[name]
        for node, share in list(enumerate(node_shares(program, op)))[tensor.unrolled :]:
            matrix = replace(tensor, shape=(1, *tensor.shape[1:]), data=tensor.values[node : node + 1], unrolled=0)
            counts += _products(matrix, op.acc_bits, program[op.vector], share, " of a tree")
    if op.branches is not None:
        inner = program[op.branches].shape[0]
        counts += _products(program[op.branches], op.acc_bits, program[op.vector], op.depth / inner)
    return counts


def _prototype_counts(program: Program, op: PrototypeScore) -> Counts:
    """Inputs lie near prototypes, so that the prototypes themselves serve as typical inputs."""
    prototypes = program[op.prototypes].values
    count, _ = prototypes.shape
    elements, near = _visited(prototypes, 2 * program[op.vector].type.frac)
    counts: Counts = Counter({
        "prototypes": 1,
        "prototype": count,
        "distance": 0 if unrolled.is_code(program[op.prototypes]) else round(elements * count),
        "distance row": 0 if unrolled.is_code(program[op.prototypes]) else count,
        "near prototype": round(near * count),
        f"label row of {op.acc_bits}": program[op.out].size,
    })  # fmt: skip
    return counts + _products(program[op.labels], op.acc_bits, program[op.prototypes], where=" of labels")


def _visited(prototypes: Ints, frac: int) -> tuple[float, float]:
    """Mean number of elements a distance visits before it is too far, and share of prototypes near enough to count."""
    squares = (prototypes[:, None, :] - prototypes[None]) ** 2
    running = squares.cumsum(axis=2)
    width = prototypes.shape[1]
    limit = min(16 << frac, 1 << 16)
    looks = np.arange(width % 4, width, 4)  # whether it is too far is asked before each four elements
    looks = looks[looks > 0]
    rest = 4 * (running[..., looks - 1] >= limit).sum(axis=2)
    return width - float(rest.mean()), float((running[..., -1] < limit).mean())


# ---- parts that take flash -----------------------------------------------------------------------------------------


def code_counts(program: Program) -> Counts:
    """Pieces of code in the sketch: kernels count once, calls each time."""
    counts: Counts = Counter({LOOP: 1})
    seen = set()
    for op in program.ops():
        if unrolled.in_one(program, op):
            counts[f"call {type(op).__name__} of code"] += 1
            continue
        if (kernel := _instance(program, op)) in seen:
            counts["further call"] += 1
            continue
        seen.add(kernel)
        counts[f"call {_call_kind(op)}"] += 1
        if isinstance(op, WindowStatistics):
            counts.update(f"kernel {kind}" for kind in op.statistics)
        for matrix, vector, acc_bits in factors(program, op):
            if unrolled.rest(matrix) is None:
                continue
            counts[f"rows of {_dot(matrix, vector, acc_bits)}"] += 1
    for function in sorted(_kernel_functions(program)):
        counts[f"kernel {function}"] = 1
    return counts


def _instance(program: Program, op: Op) -> tuple[object, ...]:
    """What the compiler makes one function of: a kernel with the types of its operands, and the constants it reads."""
    operands = [program[name] for name in (op.out, *op.reads)]
    return type(op), *(t.name if t.space is Space.FLASH else t.qtype for t in operands)


def stack_kind(program: Program) -> str:
    """What decides the frame of the serial loop."""
    return f"{'sequence' if program.steps is not None else 'sample'} {program.task}"


def stack_counts(program: Program) -> Counts:
    """Parts of the stack below a prediction (that of the serial loop, when it prints, may be deeper)."""
    counts: Counts = Counter({f"prediction ({stack_kind(program)})": 1})
    for op in program.ops():
        if unrolled.in_one(program, op):
            counts["frame straight-line code"] = 1
            continue
        counts[f"frame {type(op).__name__}"] = 1
        counts["local byte"] = max(counts["local byte"], _local_bytes(program, op))
        for matrix, vector, acc_bits in factors(program, op):
            counts[f"frame {_form(matrix, vector, acc_bits)}"] = 1
    return counts


def _form(matrix: Tensor, vector: Tensor, acc_bits: int) -> str:
    left = unrolled.rest(matrix)
    return "straight-line code" if left is None else _dot(left, vector, acc_bits)


def _local_bytes(program: Program, op: Op) -> int:
    """Bytes of the arrays on the stack: sums that wait for what is made of them, distances."""
    rows = [_rows_at_once(matrix) for matrix, _, _ in factors(program, op)]
    if isinstance(op, TreeWalk):
        return 2 * max(_TREE_ROWS, *rows[:2]) * op.acc_bits // 8
    distances = 2 * program[op.prototypes].shape[0] if isinstance(op, PrototypeScore) else 0
    return distances + max(rows, default=0) * getattr(op, "acc_bits", 0) // 8


def _rows_at_once(matrix: Tensor) -> int:
    if matrix.unrolled:
        return max(map(len, unrolled.chunks(matrix.values)))
    return 2 * BLOCK_ROWS if matrix.storage == "blocks" else 0


def _call_kind(op: Op) -> str:
    if isinstance(op, (MatVec, TreeWalk, PrototypeScore)):
        return f"{type(op).__name__} to {op.acc_bits}"
    if isinstance(op, (GatedUpdate, LeakyUpdate)):
        return f"{type(op).__name__} {op.nonlinearity}"
    return type(op).__name__


def _kernel_functions(program: Program) -> set[str]:
    """Kernels out of line that the program links."""
    found: set[str] = set()
    for op in program.ops():
        if isinstance(op, PrototypeScore) and not unrolled.is_code(program[op.prototypes]):
            found.add("distance")
        for matrix, vector, acc_bits in factors(program, op):
            if unrolled.rest(matrix) is None:
                continue
            found.add(_dot(matrix, vector, acc_bits))
            if matrix.storage == "blocks" and matrix.shape[-2] % BLOCK_ROWS:
                found.add(f"dense 8x8 to {acc_bits}")
        if isinstance(op, KeepConfident):
            found.add("margin")
        if isinstance(op, ArgMax) and program[op.source].size > 1 and not unrolled.label_told(program, op):
            found.add("argmax")
    return found


def factors(program: Program, op: Op) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Matrices of an op with the vector they are multiplied with and the width of the sum."""
    if isinstance(op, MatVec):
        yield program[op.matrix], program[op.vector], op.acc_bits
    elif isinstance(op, TreeWalk):
        for name in (op.weights, op.gates, op.branches):
            if name is not None:
                yield program[name], program[op.vector], op.acc_bits
    elif isinstance(op, PrototypeScore):
        yield program[op.labels], program[op.prototypes], op.acc_bits


def _dot(matrix: Tensor, vector: Tensor, acc_bits: int) -> str:
    return f"{matrix.storage} {matrix.type.container}x{vector.type.container} to {acc_bits}"


def table(values: dict[str, Any]) -> str:
    """Text of ``targets/avr/costs.json``."""
    return json.dumps(values, indent=2, sort_keys=True) + "\n"
