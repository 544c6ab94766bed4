"""Measures what ops take of the stack where each is a function: ``python -m tools.measure_calls --board cortex-m0``.

Compiles random programs of every family and reads frames from the object files; only what lies around a prediction is
simulated, once for each kind of program. Writes the table of the board; ``tools.measure_costs --check`` compares.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
from tqdm import tqdm

from edgealgos.codegen.cost.ram import stack_kind, variable_items
from edgealgos.codegen.cost.tables import measured_costs
from edgealgos.codegen.program import Program
from edgealgos.codegen.targets.boards import Board, get_board
from tests.support import sample_programs
from tests.support.any_program import smallest_with_link, with_link
from tools.call_graphs import CallGraph, call_graph
from tools.cost_tables import replace_frames
from tools.fit_calls import frames_of_calls, seen
from tools.measure_costs import NETS, WAYS, WITH_OPS, measured_program, prepared

_STACK = 250  # bytes, about: errors are weighed in parts of all RAM
MARGIN = 8  # bytes: one in twenty other programs took so much more in its functions together
_UNSEEN = 8.0  # of what lies in place and was in no program
_SMALLEST = (
    lambda: sample_programs.linear(task="classifier"),
    lambda: sample_programs.linear(outputs=1, task="regressor"),
    lambda: sample_programs.fastgrnn(),
    lambda: sample_programs.fastgrnn(outputs=1, task="regressor"),
)


def programs(board: Board, count: int) -> Iterator[Program]:
    """Programs of every kind, `count` random ones, and a tenth as many of each of the rarer families."""
    for make in sample_programs.EVERY_KIND.values():
        yield from (prepared(make(), way, board) for way in WAYS)
    makes: dict[Callable[[int], Program], int] = dict.fromkeys((*WITH_OPS, *NETS), -(-count // 20))
    makes |= {sample_programs.random_program: count, sample_programs.small_program: count // 6}
    makes |= {partial(with_link, sample_programs.random_program): count // 4, smallest_with_link: count // 4}
    for make, seeds in makes.items():
        yield from (prepared(make(seed), WAYS[seed % 2], board) for seed in range(seeds))


def around(board: Board) -> dict[str, float]:
    """What lies around a prediction, of each kind of program: the simulated stack less that of the call graph."""
    found = {}
    for make in _SMALLEST:
        program = prepared(make(), WAYS[0], board)
        stack = measured_program(program, board, np.random.default_rng(0), 4).stack
        deepest = max(s.frame + max(s.below.values()) for s in seen(program, call_graph(program, board)))
        found[f"around ({stack_kind(program)})"] = float(stack - deepest) + MARGIN
    return found


def for_others(known: Mapping[str, float], frames: Mapping[str, float]) -> dict[str, float]:
    """What ops and readers that no program had are taken to need of their caller: as much as any that one had."""
    given = {part: cost for part, cost in frames.items() if part.startswith("arguments of ") and " over " not in part}
    of_readers = [cost for part, cost in given.items() if "a reader of" in part]
    most_of_reader = max(of_readers, default=0.0)
    most = max((cost for part, cost in given.items() if "a reader of" not in part), default=0.0)
    found = {}
    for part in known:
        name = part.removeprefix("frame ")
        if part.startswith("frame ") and " over " not in name:
            found |= {f"arguments of a reader of {name}": most_of_reader, f"arguments of {name}": most}
        elif part.startswith("Forest "):
            found[f"{part} in place"] = _UNSEEN
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--board", default="cortex-m0", help="whose table is measured (default: cortex-m0)")
    parser.add_argument("--count", type=int, default=80, help="random programs (default: 80)")
    asked = parser.parse_args()
    board = get_board(asked.board)
    table = board.costs("measure its frames").table
    found: list[tuple[Program, CallGraph]] = [
        (program, call_graph(program, board)) for program in tqdm(list(programs(board, asked.count)), unit="program")
    ]
    variables = [sum(item.amount for item in variable_items(p, board.architecture.alignment)) for p, _ in found]
    frames = frames_of_calls(found, [_STACK + taken for taken in variables])
    replace_frames(for_others(measured_costs(table)["ram"], frames) | frames | around(board), table)


if __name__ == "__main__":
    main()
