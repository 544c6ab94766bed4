"""Measures prices on the simulated board and writes ``targets/avr/costs.json``: ``python -m tools.measure_costs``.

Builds and runs random programs of every family, and finds by non-negative least squares what each part costs. With
``--op Clip`` it measures what programs with that op have no price of yet, with ``--missing`` products that no program
has shown so far; the other prices stay as they are.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from tqdm import tqdm

from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.cost import model as prices
from edgealgos.codegen.emit.cpp.files import write_sketch
from edgealgos.codegen.program import Program, Space
from edgealgos.codegen.program.memory import plan_memory
from edgealgos.codegen.simulate.sketch import run_rows
from edgealgos.codegen.targets.boards import Board, get_board
from tests.support import bare_products, feature_programs, sample_programs

_RIDGE = 5e-3
_RARE = 0.03

OF_OP: dict[str, Callable[[int], Program]] = {
    **dict.fromkeys(("Decimate", "SlideWindow", "WindowStatistics", "Standardize"), feature_programs.motion),
    **dict.fromkeys(("Frame", "PowerSpectrum", "LogBands", "NormalizeBands"), feature_programs.sound),
    **dict.fromkeys(("CountStep", "StartWindow", "KeepConfident"), sample_programs.random_windows),
}
"""What makes a program with an op from a seed, sizes and all; random programs for ops that are not here."""

COSTS = Path(__file__).parents[1] / "edgealgos" / "codegen" / "targets" / "avr" / "costs.json"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One program and what it took: flash bytes, static RAM, deepest stack, mean cycles of a prediction."""

    program: Program
    flash: int
    static_ram: int
    stack: int
    cycles: float


def measured(
    program: Program, rng: np.random.Generator, optimize: str = "size", input_buffer: bool = True, rows: int = 25
) -> Measurement:
    """Build and run one program."""
    compiled = sample_programs.compiled(program, optimize=optimize, input_buffer=input_buffer)
    return measured_program(compiled.program, compiled.board, rng, rows)


def measured_program(program: Program, board: Board, rng: np.random.Generator, rows: int = 25) -> Measurement:
    """Build and run one integer program."""
    compiled = CompiledModel(program, board)
    q = sample_programs.typical_inputs(rng, compiled.program, rows)
    with tempfile.TemporaryDirectory() as folder:
        write_sketch(compiled, Path(folder) / "model", "model")
        firmware = build_sketch(Path(folder) / "model", compiled.board)
        result = run_rows(firmware, q.reshape(-1, compiled.program.input.size), compiled.watched)
    cycles = compiled.sample_cycles(result.cycles_by_function, q).mean()
    return Measurement(compiled.program, result.flash_bytes, result.static_ram, result.stack_peak, float(cycles))


def measured_kind(kind: str, optimize: str, rows: int = 25) -> Measurement:
    """Build and run a program of one of the kinds that tests know."""
    return measured(sample_programs.EVERY_KIND[kind](), np.random.default_rng(0), optimize, rows=rows)


def measured_seed(seed: int, rows: int = 25) -> Measurement:
    """Build and run a random program, optimised in one of the ways there are."""
    program = sample_programs.random_program(seed)
    streams = program.steps is None and seed % 7 == 0
    return measured(program, np.random.default_rng(seed), ("size", "speed")[seed % 2], not streams, rows)


def fit(
    counts: list[prices.Counts], totals: NDArray[np.float64], left: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """Prices of the parts such that counts times prices come nearest to what is `left`, in parts of the totals.

    All of the totals are left unless prices of other parts are known.
    """
    left = totals if left is None else left
    parts = sorted({part for row in counts for part in row})
    matrix = np.array([[row.get(part, 0) for part in parts] for row in counts], dtype=float)
    shares = matrix / totals[:, None]
    largest = shares.max(axis=0, initial=1e-12)
    largest = np.maximum(
        largest, _RARE * largest.max()
    )  # what is rare everywhere must not mend what is wrong elsewhere
    # Parts that always come together cannot be told apart: a small penalty shares the price among them, and leaves to
    # the serial loop what comes along with each of them.
    penalty = _RIDGE * np.sqrt(len(totals)) * np.diag([float(not part.startswith(prices.LOOP)) for part in parts])
    solution, _ = nnls(np.vstack([shares / largest, penalty]), np.append(left / totals, np.zeros(len(parts))))
    return {part: round(float(price), 2) for part, price in zip(parts, solution / largest, strict=True)}


def fit_all(found: list[Measurement]) -> dict[str, dict[str, float]]:
    """Prices of flash, RAM and cycles."""
    code = np.array([m.flash - _tables(m.program) for m in found], dtype=float)
    timed = [m for m in found if not _stops_early(m.program)]  # of which only the longest time is predicted
    return {
        "flash": fit([prices.code_counts(m.program) for m in found], code),
        "cycles": fit([prices.cycle_counts(m.program) for m in timed], np.array([_priced_cycles(m) for m in timed])),
        "ram": {"core": float(np.median([m.static_ram - _tensors(m.program) for m in found]))} | _stacks(found),
    }


def _tables(program: Program) -> int:
    return sum(item.amount for item in prices.table_items(program))


def _stops_early(program: Program) -> bool:
    return any(op.stops_early for op in program.ops())


def _priced_cycles(m: Measurement) -> float:
    """Cycles of a prediction without those of straight-line code, which are known."""
    return m.cycles - sum(times * cycles for times, cycles in prices.straight_line_cycles(m.program))


def _tensors(program: Program) -> int:
    kept = sum(t.ram_bytes for t in program.tensors if t.space in (Space.STATE, Space.OUTPUT, Space.INPUT))
    return kept + plan_memory(program).arena_bytes


def _stacks(found: list[Measurement]) -> dict[str, float]:
    """Stack of the serial loop by kind, and of the parts of a prediction where that is deeper."""
    kinds = [prices.stack_kind(m.program) for m in found]
    loops = {kind: min(m.stack for m, k in zip(found, kinds, strict=True) if k == kind) for kind in sorted(set(kinds))}
    counts = [prices.stack_counts(m.program) for m in found]
    arrays = np.array([row.pop("local byte", 0) for row in counts], dtype=float)  # a byte is a byte
    stacks = np.array([m.stack for m in found], dtype=float)
    deeper = stacks > [loops[kind] for kind in kinds]
    frames: dict[str, float] = {part: 0.0 for row in counts for part in row}
    for _ in range(5):  # of the others it is only known that a prediction is not deeper: asked where that is broken
        frames |= fit([row for row, use in zip(counts, deeper, strict=True) if use], (stacks - arrays)[deeper])
        predicted = arrays + [sum(frames[part] * amount for part, amount in row.items()) for row in counts]
        deeper |= predicted > stacks
    frames["local byte"] = 1.0
    return {f"serial loop ({kind})": float(stack) for kind, stack in loops.items()} | frames


def fit_new(found: list[Measurement], known: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Prices of parts that are not known yet, those that are held fixed."""

    def fitted(counts: list[prices.Counts], totals: list[float], what: str) -> dict[str, float]:
        table = known[what]
        new = [Counter({p: n for p, n in row.items() if p not in table and n}) for row in counts]
        left = [t - sum(table.get(p, 0.0) * n for p, n in row.items()) for row, t in zip(counts, totals, strict=True)]
        used = [i for i, row in enumerate(new) if row]
        whole, rest = (np.array([values[i] for i in used], dtype=float) for values in (totals, left))
        return fit([new[i] for i in used], whole, rest) if used else {}

    code = [m.flash - _tables(m.program) for m in found]
    timed = [m for m in found if not _stops_early(m.program)]
    kinds = [prices.stack_kind(m.program) for m in found]
    least = {kind: min(m.stack for m, k in zip(found, kinds, strict=True) if k == kind) for kind in kinds}
    loops = [max(known["ram"][f"serial loop ({kind})"], least[kind]) for kind in kinds]
    deeper = [m for m, loop in zip(found, loops, strict=True) if m.stack > loop]
    shallow = {part: 0.0 for m in found for part in prices.stack_counts(m.program) if part not in known["ram"]}
    return {
        "flash": fitted([prices.code_counts(m.program) for m in found], code, "flash"),
        "cycles": fitted([prices.cycle_counts(m.program) for m in timed], [_priced_cycles(m) for m in timed], "cycles"),
        "ram": shallow | fitted([prices.stack_counts(m.program) for m in deeper], [m.stack for m in deeper], "ram"),
    }


def errors(found: list[Measurement], report: Callable[[Program], Any]) -> NDArray[np.float64]:
    """Relative errors of predicted flash, RAM and cycles, one row a program."""
    rows = []
    for m in found:
        r = report(m.program)
        rows.append([r.flash_bytes / m.flash - 1, r.ram_bytes / (m.static_ram + m.stack) - 1, r.cycles / m.cycles - 1])
    return np.array(rows)


def measure_all(count: int = 420) -> None:
    """Measure, fit, check on programs that were not fitted; write prices that are fitted to all."""
    board = get_board("uno")
    kinds = [(kind, optimize) for kind in sample_programs.EVERY_KIND for optimize in ("size", "speed")]
    jobs: list[Callable[[], Measurement]] = [partial(measured_kind, *kind) for kind in kinds]
    jobs += [partial(measured_seed, seed) for seed in range(count)]
    found = _run(jobs)
    fitted, checked = found[: -count // 10], found[-count // 10 :]
    _write(fit_all(fitted))
    checked = [m for m in checked if not _stops_early(m.program)]
    wrong = errors(checked, lambda program: CompiledModel(program, board).report)
    _write(fit_all(found))
    for name, column in zip(("flash", "RAM", "cycles"), np.abs(wrong).T, strict=True):
        print(f"{name:6} error on {len(checked)} other programs: mean {column.mean():.1%}, worst {column.max():.1%}")


def measure_op(name: str, again: bool, make: Callable[[int], Program] | None = None, count: int = 10) -> None:
    """Prices of what programs with an op have none of yet, or anew of the parts that it alone has; others are fixed.

    Where programs are given by `make`, the prices are printed for the op's record instead of written.
    """
    brings_along = make is not None
    make = make or OF_OP.get(name, sample_programs.random_program)
    programs = (sample_programs.compiled(make(seed)).program for seed in itertools.count())
    chosen = itertools.islice((p for p in itertools.islice(programs, 1000) if _has(p, name)), count)
    fresh = _measure_new(list(chosen), name if again else "")
    if brings_along:
        print(f"    measured = {{\n        {prices.COSTS!r}: {fresh!r}\n    }}  # in the record of {name}")
    else:
        _write(fresh)


def measure_missing(count: int = 4) -> None:
    """Prices of products that random programs did not show, all others held fixed."""
    known = prices.prices()
    wanted = []
    for kind in bare_products.kinds():
        programs = [bare_products.program(kind, seed) for seed in range(count)]
        if any(
            part not in known[what] for p in programs for what, parts in prices.all_parts(p).items() for part in parts
        ):
            wanted += programs
    _write(_measure_new(wanted))


def _measure_new(programs: list[Program], of_op: str = "") -> dict[str, dict[str, float]]:
    """Measure programs; prices of parts that have none, or that are those of one op."""
    known = {what: dict(table) for what, table in prices.prices().items()}
    for what, parts in _own_parts(programs, of_op).items():
        for part in parts:
            known[what].pop(part, None)
    for p in programs:  # to be built at all, they need a report
        for what, parts in prices.all_parts(p).items():
            prices.prices()[what].update({part: 0.0 for part in parts - set(known[what])})
    board = get_board("uno")
    found = _run([partial(measured_program, p, board, np.random.default_rng(i), 4) for i, p in enumerate(programs)])
    fresh = fit_new(found, known)
    prices.forget()
    for what, table in fresh.items():
        print("\n".join(f"{what:6} {value:9,.2f}  {part}" for part, value in sorted(table.items())))
    return fresh


def _own_parts(programs: list[Program], name: str) -> dict[str, set[str]]:
    """Parts that ops of that name have and no other op of the programs."""
    own: dict[str, set[str]] = {}
    others: dict[str, set[str]] = {}
    for program in programs:
        for op in program.ops():
            for what, parts in prices.parts(program, op).items():
                (own if type(op).__name__ == name else others).setdefault(what, set()).update(parts)
    return {what: parts - others.get(what, set()) for what, parts in own.items()}


def _has(program: Program, name: str) -> bool:
    return any(type(op).__name__ == name for op in program.ops())


def _run(jobs: list[Callable[[], Measurement]]) -> list[Measurement]:
    return [job() for job in tqdm(jobs, desc="building and running", unit="program")]


def _write(fresh: dict[str, dict[str, float]]) -> None:
    """Write prices; parts that have no new one keep theirs."""
    known = prices.prices()
    COSTS.write_text(prices.table({what: known[what] | table for what, table in fresh.items()}), encoding="utf-8")
    prices.forget()


def _found(function: str | None) -> Callable[[int], Program] | None:
    if function is None:
        return None
    module, _, name = function.partition(":")
    made: Callable[[int], Program] = getattr(importlib.import_module(module), name)
    return made


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--op", help="only what programs with this op have no price of yet")
    parser.add_argument(
        "--program", metavar="MODULE:FUNCTION", help="with --op: what makes a float program with it of a seed"
    )
    parser.add_argument("--again", action="store_true", help="with --op: all parts that this op alone has")
    parser.add_argument("--missing", action="store_true", help="only kinds of products that have no price yet")
    asked = parser.parse_args()
    if asked.op:
        measure_op(asked.op, asked.again, _found(asked.program))
    elif asked.missing:
        measure_missing()
    else:
        measure_all()


if __name__ == "__main__":
    main()
