"""What a program costs on its board, from counts of its parts and the measured cost of each part.

Knows programs and boards, and asks each op for its parts.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import reduce
from math import ceil

from edgealgos.errors import UnmeasuredCostError

from ..program.decimals import decimal_scales
from ..program.link import SHARES
from ..program.op import Counts, Op
from ..program.program import Program
from ..program.tensor import Space
from ..storage.needs import table_bytes
from ..storage.record import tensor_bytes
from ..targets.avr.forms import form_of, in_one, is_code, label_told, not_stored
from ..targets.board import CostModel
from ..targets.boards import Board, get_board
from ..targets.frameworks import ARDUINO
from .calls import ROWS, Call, Frame, calls
from .items import Kind, ReportItem
from .ram import core_of_kind, label_pointers, loop_kind, stack_kind, variable_items
from .tables import COSTS, measured_costs
from .texts import text_items

UNKNOWN_STACK = 256  # an allowance, where there is no cost model
LOOP = ARDUINO.around  # under this name tables have what is around a model, whatever it is
_CODE, _WITH_CODE, _OVER_ROWS = "straight-line code", " with code", " of rows"
_ENDS = (_WITH_CODE, " of code")
_ROUNDING = 1e-6  # of sums of costs, which are no byte
StraightLine = dict[str, tuple[int, float]]  # of constants that are code: bytes, and cycles of a call


def costs_of(program: Program, board: Board) -> CostModel | None:
    """The cost model of a board, if it has costs of all that the program is made of.

    The Uno's must have: what is missing there is an error when it is looked up. Tables of other boards are measured
    after it, and a program with an op that they do not know yet has its tables and variables predicted alone.
    """
    costs = board.cost_model
    if costs is None or costs.table == COSTS:
        return costs
    known, parts_of = measured_costs(costs.table), all_parts(program, board)
    return costs if all(parts <= known[what].keys() for what, parts in parts_of.items()) else None


def needs(program: Program, board: Board) -> tuple[int, int]:
    """Cycles of a prediction, and flash that the built sketch takes at most."""
    straight = straight_line(program)
    flash = [*table_items(program, straight), *code_items(program, board)]
    return sum(item.amount for item in cycle_items(program, board, straight)), flash_at_most(flash, board)


def ram_needed(program: Program, board: Board) -> int:
    """RAM of the built sketch: variables and the deepest stack."""
    items = [*variable_items(program, board.architecture.alignment), *stack_items(program, board)]
    return sum(item.amount for item in items)


def flash_at_most(items: Collection[ReportItem], board: Board) -> int:
    """Flash that a build of these items takes at most: tables are counted to the byte, code is predicted."""
    total = sum(item.amount for item in items)
    if board.cost_model is None:
        return total
    in_doubt = sum(_IN_DOUBT.get(item.kind, 0.0) * item.amount for item in items)
    return total + max(_LEAST_DOUBT, ceil(board.cost_model.flash_margin * in_doubt))


_LEAST_DOUBT = 96
# By how much of the margin.
_IN_DOUBT = dict.fromkeys((Kind.CORE, Kind.CALL, Kind.KERNEL), 1.0) | {Kind.STRAIGHT_LINE_CODE: 0.4}


def table_items(program: Program, straight: StraightLine) -> list[ReportItem]:
    """Flash of the tables; scalars are operands of instructions and part of the code."""
    absent = not_stored(program)
    tables = [t for t in program.tensors if t.space is Space.FLASH and t.shape != () and t.name not in absent]
    left = [t.table for t in tables]
    items = [ReportItem(Kind.TABLE, f"table {t.name}", tensor_bytes(t), t.name) for t in left if t is not None]
    items += [ReportItem(Kind.LOOK_UP_TABLE, f"table {name}", size) for name, size in table_bytes(program).items()]
    return items + [
        ReportItem(Kind.STRAIGHT_LINE_CODE, f"straight-line code of {name}", size, name)
        for name, (size, _) in straight.items()
    ]


def code_items(program: Program, board: Board) -> list[ReportItem]:
    """Flash of code: the Arduino core with the serial loop, and the kernels that the program calls."""
    costs = costs_of(program, board)
    if costs is None:
        return []
    cost = _Costs(program, costs.table, "flash")
    amounts = code_counts(program, board)
    found = [ReportItem(Kind.CORE, board.framework.around, round(cost.of(LOOP)) + costs.core_flash)]
    lines = application_counts(program, board)
    found += [ReportItem(Kind.CORE, part, round(amount * cost.of(part))) for part, amount in lines.items()]
    found += text_items(program) if board.core_is_here else []
    owners = {part: (kind, op) for part, _, kind, op in _code(program, costs.inlined)}
    return found + [
        ReportItem(kind, part, round(amounts[part] * cost.of(part)), op=op) for part, (kind, op) in owners.items()
    ]


def stack_items(program: Program, board: Board) -> list[ReportItem]:
    """RAM that no tensor takes: the Arduino core's variables and the deepest stack."""
    costs = costs_of(program, board)
    if costs is None:
        return [ReportItem(Kind.STACK, "stack", UNKNOWN_STACK)]
    cost = _Costs(program, costs.table, "ram")
    around, core = board.framework.around, round(cost.of(core_of_kind(program))) + costs.core_ram
    core += label_pointers(program, board)
    return [
        ReportItem(Kind.CORE, around, core),
        ReportItem(Kind.STACK, "stack", UNKNOWN_STACK if board.framework.hosted else _stack(program, board, costs)),
    ]


def _stack(program: Program, board: Board, costs: CostModel) -> int:
    """The deepest stack: of a prediction, or of the loop that answers."""
    cost = _Costs(program, costs.table, "ram")
    if costs.inlined:
        frames = max(cost.all_of(row) for row in stack_counts(program))
    else:
        known = measured_costs(costs.table)["ram"]
        frames = max(_depth(call, cost, known) for call in calls(program))
    lines = sum(cost.of(part) for part in application_counts(program, board))
    return ceil(max(frames, cost.of(f"serial loop ({loop_kind(program)})")) + lines - _ROUNDING) + costs.core_stack


def _depth(call: Call, cost: _Costs, known: Mapping[str, float]) -> float:
    """What there is below a prediction while an op runs."""

    def taken(frame: Frame) -> float:
        name = next((name for name in frame.names if name in known), None)
        return frame.local_bytes + (cost.all_of(frame.parts) if name is None else known[name])

    return cost.all_of(call.around) + sum(map(taken, call.frames))


def cycle_items(program: Program, board: Board, straight: StraightLine) -> list[ReportItem]:
    """Clock cycles of one prediction by op, sequence models: of a whole sequence."""
    costs = costs_of(program, board)
    if costs is None:
        return []
    cost = _Costs(program, costs.table, "cycles")
    items = []
    for function, op, times in _timed_ops(program):
        spent = sum(round(amount * cost.of(part)) for part, amount in op_counts(program, op).items() if amount)
        spent += round(sum(straight[name][1] for name in op.reads if name in straight))
        kind = type(op).__name__
        label = f"{function}: {kind} {op.out}" if program.steps is not None else f"{kind} {op.out}"
        items.append(ReportItem(Kind.OP, label, times * spent, op.out, kind, function))
    return items


class _Costs:
    """Looks up what parts cost; one that was never measured is an error, never free."""

    def __init__(self, program: Program, file: str, what: str) -> None:
        self._program, self._file, self._what = program, file, what
        self._table = measured_costs(file)[what]

    def of(self, part: str) -> float:
        """Cycles or bytes of one such part."""
        if part in self._table:
            return self._table[part]
        owners = [op for op in self._program.ops() if part in parts(self._program, op)[self._what]]
        for op in owners:
            if (own := op.measured.get(self._file, {}).get(self._what, {}).get(part)) is not None:
                return own
        raise UnmeasuredCostError(self._what, part, sorted({type(op).__name__ for op in owners}), self._file)

    def all_of(self, counts: Counts) -> float:
        """Cycles or bytes of all that is counted."""
        return sum(amount * self.of(part) for part, amount in counts.items() if amount)


def parts(program: Program, op: Op) -> dict[str, set[str]]:
    """Names of the parts of one op, as the tables of costs have them."""
    if in_one(program, op):
        call = f"call {type(op).__name__} of code"
        return {"cycles": {*op_counts(program, op)}, "flash": {call}, "ram": {f"frame {type(op).__name__} of code"}}
    pieces = op.pieces(program)
    return {
        "cycles": {part for part, amount in op_counts(program, op).items() if amount},
        "flash": {f"call {pieces.call}", *pieces.inline, *(f"kernel {name}" for name in pieces.kernels)},
        "ram": {f"frame {name}{end}" for name in pieces.frames for end in ("", _WITH_CODE, _OVER_ROWS)}
        | set(_options(program, op)),
    }


def all_parts(program: Program, board: Board | None = None) -> dict[str, set[str]]:
    """Names of all parts of a program, on the Uno or on another board with a cost model."""
    board = board or get_board("uno")
    stack = reduce(operator.or_, stack_counts(program, _inlined(board)))
    counted = {"cycles": cycle_counts(program), "flash": code_counts(program, board), "ram": stack}
    return {what: {part for part, amount in counts.items() if amount} for what, counts in counted.items()}


def straight_line(program: Program) -> StraightLine:
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
    if (form := form_of(op)) and form.in_one(program, op):
        return form.counts(program, op) + Counter({f"call {type(op).__name__} of code": 1})
    told = label_told(program, op) and not op.least_share  # how likely it is remains to be found
    return Counter() if told else op.cost(program)


def code_counts(program: Program, board: Board) -> Counts:
    """Pieces of code in the sketch: kernels count once, calls each time."""
    counts: Counts = Counter({LOOP: 1}) + application_counts(program, board)
    for part, amount, _, _ in _code(program, _inlined(board)):
        counts[part] += amount
    return counts


def _inlined(board: Board) -> bool:
    """Whether the ops of a program are one function there; so they are taken to be where nothing was measured."""
    return board.cost_model is None or board.cost_model.inlined


def application_counts(program: Program, board: Board) -> Counts:
    """What the sketch that speaks has beside the serial loop: reading lines, and numbers as people type them.

    Under an operating system what nobody calls counts as well: shares of classes, by links other than the usual one.
    """
    if not board.core_is_here:
        kind, several = program.link.kind, program.link.is_logistic(program.output.size)
        told = board.framework.hosted and program.task == "classifier" and (kind == SHARES or several)
        return Counter([f"probability of {kind}"] * told)
    counts: Counts = Counter([f"serial lines ({stack_kind(program)})"])
    counts |= Counter(["logistic functions of scores"] * program.link.is_logistic(program.output.size))
    scales = decimal_scales(program.encoding)
    if scales is not None and not program.encoding.uniform:
        counts |= Counter({"decimal numbers by feature": 1, "scale of decimal numbers": len(scales)})
    elif scales is not None and not scales[0].whole:
        counts["decimal numbers"] = 1
    return counts


def _code(program: Program, inlined: bool) -> Iterator[tuple[str, int, Kind, str]]:
    """Pieces of code but for the serial loop: name, how many, of which kind and of which kind of op.

    Where ops are functions of their own, what the compiler makes of one differs with its operands, a reader of rows is
    there once for all matrices of a kind, and kernels share functions.
    """
    seen: set[tuple[object, ...]] = set()
    kernels: dict[str, str] = {}
    for op in program.ops():
        kind = type(op).__name__
        if in_one(program, op):
            yield f"call {kind} of code", 1, Kind.CALL, kind
            continue
        pieces = op.pieces(program)
        if not label_told(program, op):
            kernels |= dict.fromkeys(pieces.kernels, kind)
        if (instance := _instance(program, op)) in seen:
            yield "further call", 1, Kind.CALL, kind
            continue
        seen.add(instance)
        yield f"call {pieces.call}", 1, Kind.CALL, kind
        inline = pieces.inline if inlined else _as_function(program, op, pieces.inline)
        yield from ((part, amount, Kind.CALL, kind) for part, amount in inline.items())
    if not inlined:
        kernels = {start: kind for name, kind in kernels.items() for start in _beginnings(name)}
    yield from ((f"kernel {name}", 1, Kind.KERNEL, kernels[name]) for name in sorted(kernels))


def _as_function(program: Program, op: Op, inline: Mapping[str, int]) -> Counts:
    """What there is of an op that is a function: its readers once, its options, what its operands make of it."""
    kind = type(op).__name__
    counts: Counts = Counter({part: 1 if part.startswith(ROWS) else amount for part, amount in inline.items()})
    counts["further rows"] = sum(inline.values()) - sum(counts.values())
    counts[f"{kind} of {program[op.out].type.container} bits"] = 1
    return counts + Counter({f"{kind} with a bias": int("bias" in op.operands)})


def _beginnings(kernel: str) -> Iterator[str]:
    """A kernel, what it shares with those of other sums, and with those of other types: "dense 8x8 to 16"."""
    words = kernel.split()
    yield from (" ".join(words[:length]) for length in {1, 2, len(words)} if length <= len(words))


def _instance(program: Program, op: Op) -> tuple[object, ...]:
    """What the compiler makes one function of: a kernel with the types of its operands, and the constants it reads."""
    operands = [program[name] for name in op.operands.values()]
    return type(op), *(t.name if t.space is Space.FLASH else t.qtype for t in operands)


def stack_counts(program: Program, inlined: bool = True) -> list[Counts]:
    """Parts of the stack below a prediction (that of the serial loop, when it prints, may be deeper).

    Where ops are inlined, those of a function lie in its frame together; else each of them is a function that calls
    one kernel after the other. The deepest counts.
    """
    if inlined:
        return [row for name, body in program.functions.items() for row in _frames(program, name, body)]
    return [call.parts for call in calls(program)]


def _frames(program: Program, function: str, body: Sequence[Op]) -> Iterator[Counts]:
    """Frames of one function: its own, in which all ops lie together, and below it one reader or code at a time."""
    name = f"prediction ({stack_kind(program)})" if function == "predict" else function
    around: Counts = Counter(part for op in body if (part := op.pieces(program).around))
    own = [_in_frame(program, op) for op in body if not op.over_rows]
    coded = any(part.startswith("frame") and part.endswith(_ENDS) for row in own for part in row)
    ending = _OVER_ROWS if len(own) < len(body) else _WITH_CODE * coded
    together = reduce(operator.or_, own, around + Counter({name + ending: 1}))
    yield from (together | row for op in body for row in _below(program, op) or [Counter()])


def _over_rows(program: Program, op: Op) -> Counts:
    """What an op takes whose function calls kernels over rows, one after the other, with the readers below them."""
    if in_one(program, op):
        return _in_frame(program, op)
    pieces = op.pieces(program)
    named: Counts = Counter(f"frame {frame}{_OVER_ROWS}" for frame in pieces.frames)
    return named | Counter({"local byte": pieces.local_bytes})


def _in_frame(program: Program, op: Op) -> Counts:
    """What an op takes of the frame that it lies in: arrays, and registers, which differ with its sums and options."""
    kind = type(op).__name__
    if (form := form_of(op)) and form.in_one(program, op):
        return Counter({f"frame {kind} of code": 1, "byte of code": form.local_bytes(program, op)})
    pieces = op.pieces(program)
    own: Counts = Counter({f"frame {kind}{_WITH_CODE * (_CODE in pieces.frames)}": 1})
    return own | Counter(dict.fromkeys(_options(program, op), 1)) | Counter({"local byte": pieces.local_bytes})


def _options(program: Program, op: Op) -> list[str]:
    """Of which width an op's sums are, and what it has of all that it may have."""
    pieces, kind = op.pieces(program), type(op).__name__
    return [part for part in pieces.inline if part.startswith(f"{kind} ")] + [pieces.call] * bool(op.products(program))


def _below(program: Program, op: Op) -> list[Counts]:
    """What an op calls: kernels over rows, readers of rows, and code, whose registers are counted."""
    if op.over_rows:
        return [_over_rows(program, op)]
    code: Counts = Counter({f"frame {_CODE}": 1, "register of code": _saved_bytes(program, op)})
    if in_one(program, op):
        return [code]
    pieces = op.pieces(program)
    readers = sorted(pieces.frames - {type(op).__name__, _CODE})
    return [Counter({f"frame {reader}": 1}) for reader in readers] + [code] * (_CODE in pieces.frames)


def _saved_bytes(program: Program, op: Op) -> int:
    """Registers that the largest function of an op's code saves on the stack."""
    form, names = form_of(op), [name for name in op.constants if is_code(program[name])]
    return max((code.saved for name in names if form for code in form.chosen(program, op, name)), default=0)
