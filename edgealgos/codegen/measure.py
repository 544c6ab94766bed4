"""Measures prices on the simulated board and writes ``prices.json``: ``python -m edgealgos.codegen.measure``.

Builds and runs random programs of every family, and finds by non-negative least squares what each part costs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from tqdm import tqdm

from . import prices, sample_programs
from .compile import CompiledModel
from .export import write_sketch
from .ir import Program, Space
from .plan import plan_memory, ram_bytes
from .report import flash_tables
from .simulate import run_rows
from .toolchain import build_sketch


@dataclass(frozen=True, slots=True)
class Measurement:
    """One program and what it took: flash bytes, static RAM, deepest stack, mean cycles of a prediction."""

    program: Program
    flash: int
    static_ram: int
    stack: int
    cycles: float


def measure(seed: int, rows: int = 25) -> Measurement:
    """Build and run one random program."""
    compiled = sample_programs.compiled(sample_programs.random_program(seed))
    q = sample_programs.typical_inputs(np.random.default_rng(seed), compiled.program, rows)
    with tempfile.TemporaryDirectory() as folder:
        write_sketch(compiled, Path(folder) / "model", "model")
        firmware = build_sketch(Path(folder) / "model", compiled.board)
        result = run_rows(firmware, q.reshape(-1, compiled.program.input.size), compiled.watched)
    cycles = compiled.sample_cycles(result.cycles_by_function, q).mean()
    return Measurement(compiled.program, result.flash_bytes, result.static_ram, result.stack_peak, float(cycles))


def fit(counts: list[prices.Counts], totals: NDArray[np.float64]) -> dict[str, float]:
    """Prices of the parts such that counts times prices come nearest to the totals, in relative terms."""
    parts = sorted({part for row in counts for part in row})
    matrix = np.array([[row.get(part, 0) for part in parts] for row in counts], dtype=float)
    solution, _ = nnls(matrix / totals[:, None], np.ones(len(totals)))
    return {part: round(float(price), 2) for part, price in zip(parts, solution, strict=True)}


def fit_all(measured: list[Measurement]) -> dict[str, dict[str, float]]:
    """Prices of flash, RAM and cycles."""
    code = np.array([m.flash - sum(flash_tables(m.program).values()) for m in measured], dtype=float)
    return {
        "flash": fit([prices.code_counts(m.program) for m in measured], code),
        "cycles": fit([prices.cycle_counts(m.program) for m in measured], np.array([m.cycles for m in measured])),
        "ram": {"core": float(np.median([m.static_ram - _tensors(m.program) for m in measured])), **_stacks(measured)},
    }


def _tensors(program: Program) -> int:
    kept = sum(ram_bytes(t) for t in program.tensors if t.space in (Space.STATE, Space.OUTPUT, Space.INPUT))
    return kept + plan_memory(program).arena_bytes


def _stacks(measured: list[Measurement]) -> dict[str, float]:
    kinds = {prices.stack_kind(m.program) for m in measured}
    return {k: float(max(m.stack for m in measured if prices.stack_kind(m.program) == k)) for k in sorted(kinds)}


def errors(measured: list[Measurement], report: Callable[[Program], Any]) -> NDArray[np.float64]:
    """Relative errors of predicted flash, RAM and cycles, one row a program."""
    rows = []
    for m in measured:
        r = report(m.program)
        rows.append([r.flash_bytes / m.flash - 1, r.ram_bytes / (m.static_ram + m.stack) - 1, r.cycles / m.cycles - 1])
    return np.array(rows)


def main(count: int = 160) -> None:
    """Measure, fit, check on programs that were not fitted, write."""
    measured = [measure(seed) for seed in tqdm(range(count), desc="building and running", unit="program")]
    fitted, checked = measured[: count * 3 // 4], measured[count * 3 // 4 :]
    target = Path(__file__).with_name("prices.json")
    target.write_text(prices.table(fit_all(fitted)), encoding="utf-8")
    prices.prices.cache_clear()
    found = errors(checked, lambda program: CompiledModel(program, sample_programs.get_board("uno")).report)
    for name, column in zip(("flash", "RAM", "cycles"), np.abs(found).T, strict=True):
        print(f"{name:6} error on {len(checked)} other programs: mean {column.mean():.1%}, worst {column.max():.1%}")


if __name__ == "__main__":
    main()
