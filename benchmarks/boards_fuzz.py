"""Random programs of all families on every simulated board: whether each answers, row by row, as the interpreter does.

    python benchmarks/boards_fuzz.py > benchmarks/results/boards_fuzz.md

Two programs in five are of rarer families: GRU, nets over pictures, kernel machines, neighbours. Each goes to `--each`
boards in turn, so that every board gets its share of all families; half of the programs are made for speed, half for
size, and rows go over the whole calibrated range, its ends included. Every other classifier answers only where it is
as likely to be right as half of its rows are, by one of the links there are: kernels of links are compared as well.
What a small board has no room for is refused before it is built, and counted.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from edgealgos.codegen.cost.limits import check_fits
from edgealgos.codegen.program import Program
from edgealgos.codegen.program.link import LOGISTIC, SHARES, SOFTMAX, Link
from edgealgos.codegen.program.scores import probabilities
from edgealgos.codegen.rejection import rejecting
from edgealgos.codegen.targets.boards import boards, get_board
from edgealgos.errors import BuildError, DoesNotFitError
from tests.support import sample_convnets, sample_instances
from tests.support import sample_programs as programs
from tests.support.equivalence import raw

ROWS = 20
SPREAD = {SOFTMAX: 4.0, LOGISTIC: 4.0, SHARES: 0.4}  # of what links make their functions of
FAMILIES = {"TreeWalk": "Bonsai", "PrototypeScore": "ProtoNN", "GatedUpdate": "FastGRNN", "LeakyUpdate": "FastRNN",
            "Forest": "trees", "GRUUpdate": "GRU", "KernelSums": "kernel machines", "Neighbours": "neighbours",
            "KeepRows": "nets over pictures", "HoldRow": "nets over pictures"}  # fmt: skip
RARE: tuple[Callable[[int], Program], ...] = (
    programs.gru, sample_convnets.large_convnet, sample_convnets.residual_convnet, sample_convnets.one_kind_alone,
    sample_instances.any_machine, sample_instances.any_neighbours,
)  # fmt: skip


def any_program(seed: int) -> Program:
    """A random program, or one of a rarer family."""
    return programs.random_program(seed) if seed % 5 < 3 else RARE[seed % len(RARE)](seed)


def if_likely(program: Program, seed: int) -> Program:
    """The program with a random link, which answers where it says that a class is as likely as in half of the rows."""
    rng = np.random.default_rng(seed)
    told = programs.compiled(program, "host")
    scores = told.scores(raw(told, programs.any_inputs(rng, told.program, 100)))
    kind, frac = str(rng.choice(list(SPREAD))), told.program.output.type.frac
    scale = SPREAD[kind] / max(float(np.ldexp(scores, -frac).std()), 2.0**-frac)
    link = Link(kind, scale, 0.5 if kind == SHARES else float(rng.normal()) * (rng.random() < 0.5))
    likely = float(np.median(probabilities(scores, link, frac).max(axis=1))) / 256
    return rejecting(replace(program, link=link), min(max(likely, 1 / 256), 255 / 256), -1)


def rows_that_differ(seed: int, board: str) -> tuple[str, int]:
    """Family of a random program, and rows of it that a board answers otherwise; DoesNotFitError without room."""
    optimize = ("size", "speed")[seed % 2]
    program = any_program(seed)
    if program.task == "classifier" and seed // 2 % 2:
        program = if_likely(program, seed)
    compiled = programs.compiled(program, board, optimize)
    check_fits(compiled.report)
    X = raw(compiled, programs.any_inputs(np.random.default_rng(seed), compiled.program, ROWS))
    result = compiled.simulate(X)
    same = (result.scores == compiled.scores(X)).reshape(len(X), -1).all(axis=1) & (
        result.labels == compiled.predict(X)
    )
    kinds = [FAMILIES[type(op).__name__] for op in compiled.program.ops() if type(op).__name__ in FAMILIES]
    return (kinds or ["dense layers"])[0], int(np.count_nonzero(~same))


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
    for seed, board in tqdm([(seed, next(names)) for seed in seeds for _ in range(asked.each)], unit="program"):
        try:
            family, differ = rows_that_differ(seed, board)
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
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
