"""Measures costs on the simulated board and writes ``targets/avr/costs.json``: ``python -m tools.measure_costs``.

Builds and runs random programs of every family. Costs of cycles and flash come nearest to what was measured; those of
RAM bound it from above, since a stack that meets the variables overwrites them without a word. With
``--op Clip`` it measures what programs with that op have no cost of yet (``--board``: whose table), with ``--missing``
products that no program has shown so far, with ``--frames`` the stack alone. With ``--check SEED`` it fits nothing and
compares predictions.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.cost import model, tables
from edgealgos.codegen.cost.ram import variable_items
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.choose_forms import changed_together, forms, unroll
from edgealgos.codegen.passes.count_visits import count_visits
from edgealgos.codegen.passes.stream_input import can_stream
from edgealgos.codegen.program import Program
from edgealgos.codegen.storage import STORAGES
from edgealgos.codegen.targets.boards import Board, get_board
from edgealgos.errors import BuildError, SimulationError
from tests.support import bare_products, feature_programs, sample_convnets, sample_instances, sample_programs
from tests.support.any_program import any_program, smallest_with_link, with_link
from tools.cost_tables import write
from tools.fit_costs import fit_again, fit_all, fit_layers, fit_new, stops_early
from tools.fit_frames import stacks_of
from tools.fit_parts import Measurement

OF_OP: dict[str, Callable[[int], Program]] = {
    **dict.fromkeys(("Decimate", "SlideWindow", "WindowStatistics", "Standardize"), feature_programs.motion),
    **dict.fromkeys(("Frame", "PowerSpectrum", "LogBands", "NormalizeBands"), feature_programs.sound),
    **dict.fromkeys(
        ("KeepRows", "Convolve", "Depthwise", "Pointwise", "MaxPool", "PoolRow", "SumRow", "AwaitRows"),
        sample_convnets.large_convnet,
    ),
    **dict.fromkeys(("HoldRow", "AddRow"), sample_convnets.residual_convnet),
    "SumShares": sample_instances.committee,
    "Neighbours": sample_instances.any_neighbours,
    "SureArgMax": smallest_with_link,
    **dict.fromkeys(("CountStep", "StartWindow", "KeepConfident"), sample_programs.random_windows),
}
"""What makes a program with an op from a seed, sizes and all; random programs for ops that are not here."""

WITH_OPS = (
    feature_programs.motion,
    feature_programs.sound,
    sample_convnets.large_convnet,
    sample_convnets.residual_convnet,
    sample_instances.any_machine,
    sample_instances.any_neighbours,
    sample_instances.committee,
    sample_instances.lengths,
    sample_instances.normal,
    sample_instances.votes_of_pairs,
    sample_programs.gru,
    smallest_with_link,
)
"""What makes programs with the ops that random programs do not have."""

WAYS = ("size", "speed")  # to optimise
_TOLD = 1 << 32  # seed of the rows that trees are told of
NETS = (
    sample_convnets.large_convnet, sample_convnets.convnet, sample_convnets.residual_convnet,
    sample_convnets.one_kind_alone, sample_convnets.net_over_time,
)  # fmt: skip


def measured(
    program: Program, rng: np.random.Generator, optimize: str = "size", input_buffer: bool = True, rows: int = 25,
    board: str = "uno",
) -> Measurement:  # fmt: skip
    """Build and run one program."""
    compiled = sample_programs.compiled(program, board, optimize, input_buffer)
    return measured_program(compiled.program, compiled.board, rng, rows)


def measured_program(program: Program, board: Board, rng: np.random.Generator, rows: int = 25) -> Measurement:
    """Build and run one integer program."""
    compiled = CompiledModel(program, board)
    result = compiled.simulate(_raw(program, rng, rows))
    spent = result.cycles if board.counts_cycles else result.instructions
    return Measurement(program, result.flash_bytes, result.static_ram, result.stack_peak, float(spent.mean()))


def _raw(program: Program, rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Raw rows of the kind that the inputs are calibrated on."""
    q, encoding = sample_programs.typical_inputs(rng, program, rows), program.encoding
    raw: NDArray[np.float64] = q / encoding.scale.astype(float) + encoding.offset.astype(float)
    return raw


def measured_kind(kind: str, optimize: str, board: Board, rows: int = 25) -> Measurement:
    """Build and run a program of one of the kinds that tests know."""
    program = prepared(sample_programs.EVERY_KIND[kind](), optimize, board)
    return measured_program(program, board, np.random.default_rng(0), rows)


def measured_seed(
    seed: int, board: Board, rows: int = 25, make: Callable[[int], Program] = sample_programs.random_program
) -> Measurement:
    """Build and run a random program, optimised in one of the ways there are."""
    program = make(seed)
    streams = seed % 7 == 0 and program.steps is None and can_stream(to_integer(program))
    ready = prepared(program, WAYS[seed % 2], board, not streams)
    return measured_program(ready, board, np.random.default_rng(seed), rows)


def prepared(program: Program, optimize: str, board: Board, input_buffer: bool = True) -> Program:
    """The integer program; for speed as the board's costs choose, or with all matrices in the fastest storage.

    Trees are told which ways rows go, as they are when a user compiles: other rows than those that are measured.
    """
    others = np.random.default_rng(_TOLD)
    integer = to_integer(count_visits(program, _raw(program, others, 100)), input_buffer=input_buffer)
    if optimize == "size":
        return integer
    if board.cost_model is not None:
        return unroll(integer, board)
    return _fastest(integer, board)


def _fastest(integer: Program, board: Board) -> Program:
    """The program with all matrices in the fastest storage."""
    for names, op in changed_together(integer).items():
        faster: dict[str, Any] = next(forms(integer, op, names, board.architecture), {})
        integer = integer.replacing(*faster.values())
    return integer


def errors(found: list[Measurement], report: Callable[[Program], Any]) -> NDArray[np.float64]:
    """Relative errors of predicted flash, RAM and cycles, one row a program."""
    rows = []
    for m in found:
        r = report(m.program)
        ram = r.ram_bytes / (m.static_ram + m.stack) if m.stack else r.static_ram_bytes / max(m.static_ram, 1)
        rows.append([r.flash_bytes / m.flash - 1, ram - 1, r.cycles / m.cycles - 1])
    return np.array(rows)


def measure_all(name: str, count: int) -> None:
    """Measure, fit, check on programs that were not fitted; write costs that are fitted to all."""
    board = get_board(name)
    costs, own = board.costs("measure them"), board.name == "uno"
    board = board if own else replace(board, cost_model=None)  # costs that are still to be found choose nothing
    both = [(kind, optimize) for kind in sample_programs.EVERY_KIND for optimize in WAYS]
    jobs: list[Callable[[], Measurement]] = [partial(measured_kind, *kind, board) for kind in both]
    if not own:  # a table that is new has the cost of every product and every op
        programs = [bare_products.program(kind, 0) for kind in bare_products.kinds(board.architecture.fastest_storage)]
        programs += [to_integer(make(seed)) for make in WITH_OPS for seed in range(6)]
        jobs += [partial(measured_program, p, board, np.random.default_rng(0), 4) for p in programs]
    jobs += [partial(measured_seed, seed, board) for seed in range(count)]
    found = _run(jobs)
    fitted, checked = found[: -count // 10], found[-count // 10 :]
    write(fit_all(fitted, get_board(name)), costs.table)
    _tell_errors(checked, name)
    write(fit_all(found, get_board(name)), costs.table)


def measure_again(name: str, count: int) -> None:
    """Cycles and flash of what many programs have, moved towards what they take; others are held."""
    board = get_board(name)
    storage = board.architecture.fastest_storage
    both = [(kind, optimize) for kind in sample_programs.EVERY_KIND for optimize in WAYS]
    linked = partial(with_link, sample_programs.random_program)
    makes = dict.fromkeys((sample_programs.small_program, sample_programs.random_program, linked), count)
    makes |= dict.fromkeys((*WITH_OPS, *NETS), count // 16)
    jobs: list[Callable[[], Measurement | None]] = [partial(measured_kind, *kind, board) for kind in both]
    jobs += [partial(measured_net, make, seed, board) for make, seeds in makes.items() for seed in range(seeds)]
    products = [bare_products.program(kind, seed) for kind in bare_products.kinds(storage) for seed in (0, 3)]
    jobs += [partial(measured_program, p, board, np.random.default_rng(0), 4) for p in products]
    write(fit_again(_run(jobs), board), board.costs("fit them").table)


def check(name: str, first: int, count: int) -> None:
    """Compare predictions with what programs of all families, of other seeds, take."""
    seeds = range(first, first + count)
    _tell_errors(_run([partial(measured_net, any_program, seed, get_board(name)) for seed in seeds]), name)


def _tell_errors(found: list[Measurement], name: str) -> None:
    checked = [m for m in found if not stops_early(m.program)]
    wrong = errors(checked, lambda program: CompiledModel(program, get_board(name)).report)
    for what, column in zip(("flash", "RAM", "cycles"), wrong.T, strict=True):
        print(f"{what:6} error on {len(checked)} other programs: mean {np.abs(column).mean():.1%}, "
              f"from {column.min():+.1%} to {column.max():+.1%}")  # fmt: skip


def measure_op(names: tuple[str, ...], again: bool, count: int, name: str = "uno") -> None:
    """Costs of what programs with these ops have none of yet, or anew of the parts that they alone have.

    Others are fixed, and so are those of the products with a matrix.
    """
    board = get_board(name)
    make = OF_OP.get(names[0], sample_programs.random_program)
    integers = ((to_integer(make(seed)), WAYS[seed // 2 % 2]) for seed in range(1000))
    wanted = ((p, way) for p, way in integers if any(_has(p, name) for name in names) and _fits(p, board))
    chosen = [_optimized(*found, board) for found in itertools.islice(wanted, count)]
    tables.forget()
    own = _own_parts(chosen, *names) if again else {}
    anew = {what: {p for p in parts if not _of_storage(p)} for what, parts in own.items()}
    write(_measure_new(chosen, anew, board=board), board.costs("fit them").table)


def _optimized(integer: Program, way: str, board: Board) -> Program:
    """The program with forms chosen as if what has no cost yet had none at all."""
    if way == "size":
        return integer
    if board.name != "uno":
        return _fastest(integer, board)
    _at_no_cost([integer], tables.measured_costs())
    return unroll(integer, board)


def _at_no_cost(programs: list[Program], known: dict[str, dict[str, float]]) -> None:
    """Parts that are not known cost nothing, until costs are forgotten: to be built, programs need a report."""
    for p in programs:
        for what, parts in model.all_parts(p).items():
            tables.measured_costs()[what].update(dict.fromkeys(parts - known[what].keys(), 0.0))


def _fits(program: Program, board: Board) -> bool:
    """Whether variables leave room for a stack, whatever that takes."""
    taken = sum(item.amount for item in variable_items(program, board.architecture.alignment))
    return taken < board.ram_bytes - min(512, board.ram_bytes // 2)


def _of_storage(part: str) -> bool:
    """Whether a part is a matrix', whatever the op that multiplies with it."""
    return not STORAGES.keys().isdisjoint(part.split()) or "straight-line code" in part


def measure_record(name: str, make: Callable[[int, bool], Program], count: int = 10) -> None:
    """Prints the costs that an op can bring along in its record.

    ``make(seed, True)`` is a float program with the op, ``make(seed, False)`` the same without it.
    """
    chosen = [sample_programs.compiled(make(seed, True)).program for seed in range(count)]
    without = [sample_programs.compiled(make(seed, False)).program for seed in range(count)]
    fresh = _measure_new(chosen, _own_parts(chosen, name), without)
    print(f"    measured = {{\n        {tables.COSTS!r}: {fresh!r}\n    }}  # in the record of {name}")


def measure_missing(again: str = "") -> None:
    """Costs of products that random programs did not show; cycles anew of those that `again` is part of."""
    known = tables.measured_costs()
    anew = {part for part in known["cycles"] if again and again in part}
    wanted = []
    for kind in bare_products.kinds():
        programs = [bare_products.program(kind, seed) for seed in range(8 if again else 4)]
        parts = {what: set().union(*(model.all_parts(p)[what] for p in programs)) for what in known}
        if parts["cycles"] & anew or any(parts[what] - known[what].keys() for what in known):
            wanted += programs
    write(_measure_new(wanted, {"cycles": anew}))


def measure_frames(name: str, count: int) -> None:
    """Frames of the stack alone: of programs of all kinds, and such that withhold answers that are not sure."""
    board = get_board(name)
    if not board.costs("measure its frames").inlined:
        raise SystemExit(f"where ops are functions, frames are read: python -m tools.measure_calls --board {name}")
    both = [(kind, optimize) for kind in sample_programs.EVERY_KIND for optimize in WAYS]
    jobs: list[Callable[[], Measurement | None]] = [partial(measured_kind, *kind, board) for kind in both]
    usual = {sample_programs.random_program: 16 * count, sample_programs.small_program: 4 * count}
    makes = usual | dict.fromkeys(WITH_OPS, count // 2)
    jobs += [partial(measured_net, make, seed, board) for make, seeds in makes.items() for seed in range(seeds)]
    jobs += [partial(measured_net, partial(with_link, make), seed, board) for make in usual for seed in range(count)]
    found = [m for m in _run(jobs) if not any(op.over_rows for op in m.program.ops())]
    write({"ram": stacks_of(found, board)}, board.costs("fit them").table)


def measure_layers(name: str, count: int) -> None:
    """Costs of layers over pictures from random nets, all others held fixed; errors for as many other nets."""
    board = get_board(name)
    built = board if board.name == "uno" else replace(board, cost_model=None)  # costs to be found choose nothing
    write(fit_layers(_nets(built, 0, count), board), board.costs("fit them").table)
    _tell_errors(_nets(board, count, count), name)


def _nets(board: Board, first: int, count: int) -> list[Measurement]:
    """What nets of these seeds take, so many of each kind."""
    return _run([partial(measured_net, make, seed, board) for make in NETS for seed in range(first, first + count)])


def measured_net(make: Callable[[int], Program], seed: int, board: Board) -> Measurement | None:
    """Build and run a random net; None for one that does not fit."""
    program = prepared(make(seed), WAYS[seed % 2], board)
    with contextlib.suppress(BuildError, SimulationError):
        return measured_program(program, board, np.random.default_rng(seed), 5)
    return None


def _measure_new(
    programs: list[Program], anew: Mapping[str, set[str]] | None = None, without: list[Program] | None = None,
    board: Board | None = None,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Measure programs; costs of parts that have none yet, and of those that are wanted `anew`."""
    anew, board = anew or {}, board or get_board("uno")
    known = {
        what: {part: cost for part, cost in table.items() if part not in anew.get(what, ())}
        for what, table in tables.measured_costs(board.costs("fit them").table).items()
    }
    if board.name == "uno":  # where others lack a cost, they predict nothing
        _at_no_cost(programs, known)
    found, base = _measured(programs, board), None if without is None else _measured(without, board)
    fresh = fit_new(found, known, board, base)
    tables.forget()
    for what, table in fresh.items():
        print("\n".join(f"{what:6} {value:9,.2f}  {part}" for part, value in sorted(table.items())))
    return fresh


def _measured(programs: list[Program], board: Board) -> list[Measurement]:
    return _run([partial(measured_program, p, board, np.random.default_rng(i), 4) for i, p in enumerate(programs)])


def _own_parts(programs: list[Program], *names: str) -> dict[str, set[str]]:
    """Parts that ops of these names have and no other op of the programs."""
    own: dict[str, set[str]] = {}
    others: dict[str, set[str]] = {}
    for program in programs:
        for op in program.ops():
            for what, parts in model.parts(program, op).items():
                (own if type(op).__name__ in names else others).setdefault(what, set()).update(parts)
    return {what: parts - others.get(what, set()) for what, parts in own.items()}


def _has(program: Program, name: str) -> bool:
    return any(type(op).__name__ == name for op in program.ops())


def _run(jobs: Sequence[Callable[[], Measurement | None]]) -> list[Measurement]:
    made = (job() for job in tqdm(jobs, desc="building and running", unit="program"))
    return [m for m in made if m is not None]


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--op", help="only what programs with this op (or several: A,B) have no cost of yet")
    parser.add_argument(
        "--program",
        metavar="MODULE:FUNCTION",
        help="with --op: what makes a float program of a seed, with the op or without it; prints the op's record",
    )
    parser.add_argument("--again", action="store_true", help="from the table on; with --op: its own parts")
    parser.add_argument("--missing", action="store_true", help="only kinds of products that have no cost yet")
    parser.add_argument("--product", metavar="PART", help="cycles of products anew, by a part of their names")
    parser.add_argument("--frames", action="store_true", help="only frames of the stack, from --count seeds of a kind")
    parser.add_argument("--layers", action="store_true", help="only layers over pictures, from --count nets of a kind")
    parser.add_argument("--board", default="uno", help="whose table is measured (default: uno)")
    parser.add_argument("--count", type=int, help="random programs (default: 420; with --op: 24, with --layers: 60)")
    parser.add_argument(
        "--check",
        type=int,
        metavar="SEED",
        help="fit nothing: compare with programs (--layers: nets) from this seed on",
    )
    asked = parser.parse_args()
    if asked.check is not None and asked.layers:
        _tell_errors(_nets(get_board(asked.board), asked.check, asked.count or 60), asked.board)
    elif asked.check is not None:
        check(asked.board, asked.check, asked.count or 420)
    elif asked.op and asked.program:
        module, _, function = asked.program.partition(":")
        measure_record(asked.op, getattr(importlib.import_module(module), function))
    elif asked.op:
        measure_op(tuple(asked.op.split(",")), asked.again, asked.count or 24, asked.board)
    elif asked.missing or asked.product:
        measure_missing(asked.product or "")
    elif asked.again:
        measure_again(asked.board, asked.count or 260)
    elif asked.frames:
        measure_frames(asked.board, asked.count or 60)
    elif asked.layers:
        measure_layers(asked.board, asked.count or 60)
    else:
        measure_all(asked.board, asked.count or 420)


if __name__ == "__main__":
    main()
