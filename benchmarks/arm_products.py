"""Instructions of a product on ARM processors under qemu: of a whole prediction, and of long rows alone.

    python benchmarks/arm_products.py > benchmarks/results/arm_products.md

Whole exported programs are run. What a product of long rows costs is the difference between two widths, so that nothing
else is counted; the instructions of a whole prediction are divided by the weights on its path that are not zero.
"""

from __future__ import annotations

import numpy as np
import product_cycles

from edgealgos.codegen.build import tools
from edgealgos.codegen.ops import TreeWalk
from edgealgos.codegen.program import Program
from edgealgos.codegen.targets.boards import Board, get_board
from tests.support import sample_programs as programs
from tools import measure_costs as measure

BOARDS = ("cortex-m0", "cortex-m4", "pizero")
LARGEST = (20, 127)  # of weights and inputs: sums of 16 and of 32 bits
TITLES = {"dense": "row by row", "blocks": "four rows together", "tiles": "four rows and columns together",
          "bitmap": "bitmap, 30 % of the weights"}  # fmt: skip


def instructions_per_product(board: Board, storage: str, density: float, largest: int) -> float:
    """Instructions that a further weight takes."""
    spent, weights = [], []
    for columns in (product_cycles.NARROW, product_cycles.WIDE):
        program = product_cycles.stored(product_cycles.product(columns, density, largest), storage)
        spent.append(measure.measured_program(program, board, np.random.default_rng(1), rows=3).cycles)
        weights.append(np.count_nonzero(program["W"].values))
    return float((spent[1] - spent[0]) / (weights[1] - weights[0]))


def weights_on_a_path(program: Program) -> float:
    """Weights of a Bonsai that a prediction multiplies with and that are not zero, typically."""
    tree = next(op for op in program.ops() if isinstance(op, TreeWalk))
    nodes = [np.count_nonzero(program[tree.weights].values[k]) + np.count_nonzero(program[tree.gates].values[k])
             for k in range(len(program[tree.weights].values))]  # fmt: skip
    branches = tree.depth * program[tree.vector].size
    return np.count_nonzero(program["Z"].values) + float(np.dot(tree.node_shares(program), nodes)) + branches


def main() -> None:
    """Measure and print."""
    print("    python benchmarks/arm_products.py > benchmarks/results/arm_products.md\n")
    print("# Instructions of a multiply-accumulate on ARM processors\n")
    print(f"Counted by {tools.QEMU_ARM.version()}. Weights and inputs are int8. Of a bitmap and of the Bonsai")
    print("the instructions are those of a weight that is not zero, its share of the zeros included.\n")
    print("| board | product | 16-bit sums | 32-bit sums |\n|---|---|---|---|")
    for name in BOARDS:
        board = get_board(name)
        for storage in dict.fromkeys(("dense", board.architecture.fastest_storage, "bitmap")):
            density = 0.3 if storage == "bitmap" else 1.0
            found = [f"{instructions_per_product(board, storage, density, most):.2f}" for most in LARGEST]
            print(f"| `{name}` | {TITLES[storage]} | {' | '.join(found)} |")
    bonsai = programs.bonsai(features=64, width=42, outputs=10, density=0.72, node_density=0.5)
    print("\n| board | `optimize` | instructions of a prediction | of a product | flash |\n|---|---|---|---|---|")
    for name in BOARDS:
        for optimize in ("speed", "size"):
            program = measure.prepared(bonsai, optimize, get_board(name))
            found = measure.measured_program(program, get_board(name), np.random.default_rng(0))
            each = found.cycles / weights_on_a_path(program)
            print(f"| `{name}` | {optimize} | {found.cycles:,.0f} | {each:.2f} | {found.flash:,} |")
    weights = sum(np.count_nonzero(program[matrix].values) for matrix in ("Z", "W", "V", "theta"))
    print(f"\nA Bonsai of {weights:,} weights that are not zero, {weights_on_a_path(program):,.0f} of them on a path.")


if __name__ == "__main__":
    main()
