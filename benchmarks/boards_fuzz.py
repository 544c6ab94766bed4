"""Random programs of all families on every simulated board: whether each answers, row by row, as the interpreter does.

    python benchmarks/boards_fuzz.py > benchmarks/results/boards_fuzz.md

Two programs in five are of rarer families: GRU, nets over pictures, kernel machines, neighbours. Each goes to `--each`
boards in turn, so that every board gets its share of all families; half of the programs are made for speed, half for
size, and rows go over the whole calibrated range, its ends included. Every other classifier answers only where it is
as likely to be right as half of its rows are, by one of the links there are: kernels of links are compared as well.
What a small board has no room for is refused before it is built, and counted. What was predicted is told in parts of
what was measured: flash, RAM (under an operating system: of variables), and cycles or instructions of programs that do
not stop early.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter, defaultdict

import numpy as np
from tqdm import tqdm

from edgealgos.codegen.compiled import CompiledModel, Simulation
from edgealgos.codegen.cost.limits import check_fits
from edgealgos.codegen.targets.boards import boards, get_board
from edgealgos.errors import BuildError, DoesNotFitError
from tests.support import sample_programs as programs
from tests.support.any_program import any_program
from tests.support.equivalence import raw

ROWS = 20
PREDICTED = ("flash", "RAM", "cycles or instructions")
FAMILIES = {"TreeWalk": "Bonsai", "PrototypeScore": "ProtoNN", "GatedUpdate": "FastGRNN", "LeakyUpdate": "FastRNN",
            "Forest": "trees", "GRUUpdate": "GRU", "KernelSums": "kernel machines", "Neighbours": "neighbours",
            "KeepRows": "nets over pictures", "HoldRow": "nets over pictures"}  # fmt: skip


def rows_that_differ(seed: int, board: str) -> tuple[str, int, list[float]]:
    """Family of a random program, rows of it that a board answers otherwise, and by how much predictions are wrong.

    Raises
    ------
    DoesNotFitError
        If the board has no room.
    """
    optimize = ("size", "speed")[seed % 2]
    compiled = programs.compiled(any_program(seed), board, optimize)
    check_fits(compiled.report)
    X = raw(compiled, programs.any_inputs(np.random.default_rng(seed), compiled.program, ROWS))
    result = compiled.simulate(X)
    same = (result.scores == compiled.scores(X)).reshape(len(X), -1).all(axis=1) & (
        result.labels == compiled.predict(X)
    )
    kinds = [FAMILIES[type(op).__name__] for op in compiled.program.ops() if type(op).__name__ in FAMILIES]
    return (kinds or ["dense layers"])[0], int(np.count_nonzero(~same)), _errors(compiled, result)


def _errors(compiled: CompiledModel, result: Simulation) -> list[float]:
    """Predicted over measured, less one: flash, RAM, time; nan where nothing is predicted."""
    report, board = compiled.report, compiled.board
    if not report.cycle_items:
        return [np.nan] * len(PREDICTED)
    spent = result.cycles if board.counts_cycles else result.instructions
    ram = report.static_ram_bytes if board.framework.hosted else report.ram_bytes
    taken = result.static_ram if board.framework.hosted else result.ram_peak
    time = np.nan if report.stops_early else report.cycles / spent.mean()
    return [report.flash_bytes / result.flash_bytes - 1, ram / max(taken, 1) - 1, time - 1]


def _range(errors: list[list[float]], kind: int) -> str:
    """From the lowest to the highest, without those that nothing was predicted of."""
    found = np.array([row[kind] for row in errors if not np.isnan(row[kind])])
    return f"{found.min():+.1%} to {found.max():+.1%}" if found.size else "none"


def main() -> int:
    """Run and print; the status says whether every row was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=120, help="random programs (default: 120)")
    parser.add_argument("--first", type=int, default=2_000_000, help="seed of the first (default: 2000000)")
    parser.add_argument("--each", type=int, default=4, help="boards that each program goes to (default: 4)")
    asked = parser.parse_args()
    simulated = [board.name for board in boards() if board.simulators]
    mixed = np.random.default_rng(0).permutation(simulated).tolist()  # neighbours are alike
    begin = asked.first * asked.each % len(mixed)  # pieces go on where the one before ended
    names = itertools.cycle([*mixed[begin:], *mixed[:begin]])
    seeds = range(asked.first, asked.first + asked.programs)
    rows, wrong, refused, too_large, families = (Counter[str]() for _ in range(5))
    errors: defaultdict[str, list[list[float]]] = defaultdict(list)
    for seed, board in tqdm([(seed, next(names)) for seed in seeds for _ in range(asked.each)], unit="program"):
        try:
            family, differ, wrongly = rows_that_differ(seed, board)
        except DoesNotFitError:
            refused[board] += 1
            continue
        except BuildError as error:
            if "will not fit" not in str(error):
                raise
            too_large[board] += 1
            continue
        families[family] += 1
        rows[board] += ROWS
        wrong[board] += differ
        if costs := get_board(board).cost_model:
            errors[costs.table].append(wrongly)
    words = " ".join(["python benchmarks/boards_fuzz.py", *sys.argv[1:]])
    print(f"    {words} > benchmarks/results/boards_fuzz.md\n")
    print("# Random programs on every simulated board\n")
    each = f"each on {asked.each} of {len(simulated)} boards"
    print(f"{asked.programs} programs, seeds {seeds[0]} to {seeds[-1]}, {each}:")
    print(f"{', '.join(f'{n} {family}' for family, n in families.most_common())}. {sum(rows.values()):,} rows on "
          f"{len(rows)} boards, {sum(wrong.values())} differ. {sum(refused.values())} were refused for want of room, "
          f"and {sum(too_large.values())} had no room beside what feeds rows to the simulator.\n")  # fmt: skip
    print(
        "| board | simulated by | rows | rows that differ | refused | no room to simulate |\n|---|---|---|---|---|---|"
    )
    for name in simulated:
        board = get_board(name)
        by = f"{board.simulator()} {board.machine}".strip()
        print(f"| `{name}` | {by} | {rows[name]} | {wrong[name]} | {refused[name]} | {too_large[name]} |")
    print(f"\n| boards with the costs of | programs | {' | '.join(PREDICTED)} |\n|{'---|' * (2 + len(PREDICTED))}")
    for table, found in sorted(errors.items()):
        ranges = " | ".join(_range(found, kind) for kind in range(len(PREDICTED)))
        print(f"| `{table}` | {len(found)} | {ranges} |")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
