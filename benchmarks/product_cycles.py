"""Cycles of a product on a simulated Arduino Uno, in each form that a matrix can take, beside plain loops.

    python benchmarks/product_cycles.py > benchmarks/results/product_cycles.md

Whole exported programs are run (one product of 16 rows, then the scores); what a further product costs is the
difference between two widths, so that nothing else is counted.
"""

from __future__ import annotations

import avr_kernels
import numpy as np

from edgealgos.codegen.build import tools
from edgealgos.codegen.ops import ArgMax, MatVec
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.choose_forms import forms
from edgealgos.codegen.program import Program, Space, Tensor
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.qtype import QType
from edgealgos.codegen.targets.boards import get_board
from tests.support import sample_programs as programs
from tools import measure_costs as measure

ROWS = 16
NARROW, WIDE = 64, 128


def product(columns: int, density: float, largest: int) -> Program:
    """Integer program of one product; weights and inputs up to `largest` decide how wide its sums are."""
    rng = np.random.default_rng(0)
    encoding = choose_encoding(rng.integers(-largest, largest + 1, (50, columns)).astype(float))
    weights = rng.integers(1, largest + 1, (ROWS, columns)) * rng.choice([-1, 1], (ROWS, columns))
    weights = weights * (rng.random((ROWS, columns)) < density)
    tensors = (
        Tensor("x", (columns,), Space.INPUT, encoding.qtype),
        programs.constant("W", weights, QType(8, 0)),
        Tensor("scores", (ROWS,), Space.OUTPUT),
        programs.scratch("label", 1),
    )
    body = (MatVec("scores", "W", "x"), ArgMax("label", "scores"))
    return to_integer(Program(tensors, {"predict": body}, encoding, "classifier", tuple(range(ROWS))))


def stored(program: Program, storage: str) -> Program:
    """The program with its matrix in a table of that storage, or as straight-line code."""
    op = program.functions["predict"][0]
    if storage == "straight-line":
        *_, last = forms(program, op, ("W",))
        return program.replacing(*last.values())
    return program.replacing(programs.replace(program["W"], storage=storage))


def cycles_per_product(storage: str, density: float, largest: int) -> tuple[float, float, int]:
    """Cycles and bytes of flash that a further weight takes, and the width of the sums."""
    spent, flash, weights = [], [], []
    for columns in (NARROW, WIDE):
        program = stored(product(columns, density, largest), storage)
        found = measure.measured_program(program, get_board("uno"), np.random.default_rng(1), rows=3)
        spent.append(found.cycles)
        flash.append(found.flash)
        weights.append(np.count_nonzero(program["W"].values))
    more = weights[1] - weights[0]
    acc_bits = program.functions["predict"][0].acc_bits
    return (spent[1] - spent[0]) / more, (flash[1] - flash[0]) / more, 16 if acc_bits == 16 else 24


FORMS = (
    ("dense, four rows together", "blocks", 1.0),
    ("dense, loop over columns", "columns", 1.0),
    ("dense, straight-line", "straight-line", 1.0),
    ("bitmap, 60 % of the weights", "bitmap", 0.6),
    ("bitmap, 30 %", "bitmap", 0.3),
    ("indexed, 30 %", "indexed", 0.3),
    ("indexed, 10 %", "indexed", 0.1),
    ("straight-line, 60 %", "straight-line", 0.6),
    ("straight-line, 30 %", "straight-line", 0.3),
    ("straight-line, 20 % (as trained with `max_cycles`)", "straight-line", 0.2),
    ("straight-line, 10 %", "straight-line", 0.1),
)


def main() -> None:
    """Measure and print."""
    plain = avr_kernels.measure()
    print("    python benchmarks/product_cycles.py > benchmarks/results/product_cycles.md\n")
    print("# Cycles of a multiply-accumulate on a simulated Arduino Uno\n")
    print(
        f"{tools.AVR_GXX.version()}, flags of the Arduino IDE, weights and inputs int8, {ROWS} rows. Of sparse matrices"
    )
    print("the cycles are those of a weight that is not zero, its share of the zeros included.\n")
    for title, kernel, low, high, count in (
        ("dense loop of avr-gcc", "plain_dot16", 64, 256, 192),
        ("indexed loop of avr-gcc", "plain_indexed16", 3, 5, 32),
    ):
        index = avr_kernels.NAMES.index(kernel)
        print(f"- {title}: {(plain[index, high] - plain[index, low]) / count:.1f} cycles")
    print("\n| form of the matrix | cycles, 16-bit sums | bytes | cycles, 24-bit sums | bytes |")
    print("|---|---|---|---|---|")
    for title, storage, density in FORMS:
        cells = []
        for largest, width in ((20, 16), (127, 24)):
            cycles, size, bits = cycles_per_product(storage, density, largest)
            cells.append(f"{cycles:.1f} | {size:.1f}" if bits == width else " | ")
        print(f"| {title} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
