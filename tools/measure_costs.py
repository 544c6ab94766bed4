"""Measures prices on the simulated board and writes ``targets/avr/costs.json``: ``python -m tools.measure_costs``.

Builds and runs random programs of every family, and finds by non-negative least squares what each part costs.
"""

from __future__ import annotations

import tempfile
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
from edgealgos.codegen.cost.report import flash_tables
from edgealgos.codegen.emit.cpp.files import write_sketch
from edgealgos.codegen.program import Program, Space
from edgealgos.codegen.program.memory import plan_memory
from edgealgos.codegen.simulate.sketch import run_rows
from edgealgos.codegen.targets.boards import Board, get_board
from tests.support import sample_programs

_RIDGE = 5e-3
_RARE = 0.03

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


def fit(counts: list[prices.Counts], totals: NDArray[np.float64]) -> dict[str, float]:
    """Prices of the parts such that counts times prices come nearest to the totals, in relative terms."""
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
    solution, _ = nnls(np.vstack([shares / largest, penalty]), np.append(np.ones(len(totals)), np.zeros(len(parts))))
    return {part: round(float(price), 2) for part, price in zip(parts, solution / largest, strict=True)}


def fit_all(found: list[Measurement]) -> dict[str, dict[str, float]]:
    """Prices of flash, RAM and cycles."""
    code = np.array([m.flash - sum(flash_tables(m.program).values()) for m in found], dtype=float)
    timed = [m for m in found if not _stops_early(m.program)]  # of which only the longest time is predicted
    return {
        "flash": fit([prices.code_counts(m.program) for m in found], code),
        "cycles": fit([prices.cycle_counts(m.program) for m in timed], np.array([_priced_cycles(m) for m in timed])),
        "ram": {"core": float(np.median([m.static_ram - _tensors(m.program) for m in found]))} | _stacks(found),
    }


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


def errors(found: list[Measurement], report: Callable[[Program], Any]) -> NDArray[np.float64]:
    """Relative errors of predicted flash, RAM and cycles, one row a program."""
    rows = []
    for m in found:
        r = report(m.program)
        rows.append([r.flash_bytes / m.flash - 1, r.ram_bytes / (m.static_ram + m.stack) - 1, r.cycles / m.cycles - 1])
    return np.array(rows)


def main(count: int = 420) -> None:
    """Measure, fit, check on programs that were not fitted; write prices that are fitted to all."""
    board = get_board("uno")
    kinds = [(kind, optimize) for kind in sample_programs.EVERY_KIND for optimize in ("size", "speed")]
    jobs: list[Callable[[], Measurement]] = [partial(measured_kind, *kind) for kind in kinds]
    jobs += [partial(measured_seed, seed) for seed in range(count)]
    found = [job() for job in tqdm(jobs, desc="building and running", unit="program")]
    fitted, checked = found[: -count // 10], found[-count // 10 :]
    _write(fitted)
    checked = [m for m in checked if not _stops_early(m.program)]
    wrong = errors(checked, lambda program: CompiledModel(program, board).report)
    _write(found)
    for name, column in zip(("flash", "RAM", "cycles"), np.abs(wrong).T, strict=True):
        print(f"{name:6} error on {len(checked)} other programs: mean {column.mean():.1%}, worst {column.max():.1%}")


def _write(found: list[Measurement]) -> None:
    """Fit and write prices; parts that none of the programs has keep theirs."""
    known = prices.prices()
    fresh = {kind: known[kind] | fitted for kind, fitted in fit_all(found).items()}
    (Path(__file__).parents[1] / "edgealgos/codegen/targets/avr/costs.json").write_text(
        prices.table(fresh), encoding="utf-8"
    )
    prices.prices.cache_clear()


if __name__ == "__main__":
    main()
