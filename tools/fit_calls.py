"""What ops take of the stack where each is a function, from call graphs: never less than any program that was seen."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgealgos.codegen.cost.calls import SHARING, arguments, caller, frames, in_place
from edgealgos.codegen.cost.model import Counts
from edgealgos.codegen.emit.cpp.calls import statement
from edgealgos.codegen.program import Op, Program
from tools.call_graphs import CallGraph
from tools.fit_frames import frames_of

SPREAD = 4  # bytes that a function's own frame may take more than in what was seen
IN_PLACE = 12  # the same where kernels of ops lie in it
SHARED = 24.0  # bytes: how much of a reader is a function of its own hangs on how many ops call it
_SEEN = ((2, 16.0), (4, 8.0))  # so many times or more; bytes that an op that was seen less often may take more
_KERNEL = re.compile(r"edgealgos::(\w+)[<(]")
_MANGLED = re.compile(r"_ZN(?:K?)9edgealgos(\d+)(\w+)")


@dataclass(frozen=True, slots=True)
class Seen:
    """One function of a program: what it is made of, its own frame, and what each op takes below it."""

    program: Program
    name: str
    frame: int
    below: dict[int, int]  # by place of the op


def seen(program: Program, graph: CallGraph) -> Iterator[Seen]:
    """The functions that make up a prediction."""
    for name, body in program.functions.items():
        symbol = _symbol(program, name, graph)
        names = [*graph[symbol].calls, *graph[symbol].at_end]
        below = dict(_depths(program, body, names, graph))
        yield Seen(program, name, graph[symbol].frame, below)


def _symbol(program: Program, name: str, graph: CallGraph) -> str:
    takes = "P" if name == "push" or "push" not in program.functions else "v"
    pattern = re.compile(rf"_ZN5model(4push|7predict|11predict_raw)E{takes}")
    wanted = {"push": "4push"}.get(name, "predict")
    return next(s for s in graph if (found := pattern.match(s)) and wanted in found[1])


def _depths(program: Program, body: tuple[Op, ...], names: list[str], graph: CallGraph) -> Iterator[tuple[int, int]]:
    """What each op takes below: of the functions that it alone calls; of those of several ops the deepest."""
    called = {_kernel(n) for n in names}
    kernels = [frozenset(_KERNEL.findall(statement(program, op))) & called for op in body]
    own = [[n for n in names if _kernel(n) in kernel] for kernel in kernels]
    others = [n for n in names if not any(_kernel(n) in kernel for kernel in kernels)]
    for place, op in enumerate(body):
        alike = [i for i, kernel in enumerate(kernels) if kernel == kernels[place]]
        mine = own[place]
        if len(mine) == len(alike):  # they come in order
            mine = [mine[alike.index(place)]]
        if op.in_place:
            mine = mine + others
        yield place, max(map(graph.depth, mine), default=0)


def _kernel(symbol: str) -> str:
    found = _MANGLED.match(symbol)
    return found[2][: int(found[1])] if found else symbol


def frames_of_calls(found: Sequence[tuple[Program, CallGraph]], ram: Sequence[float]) -> dict[str, float]:
    """Frames of callers, and of ops below them, alone and with their readers.

    Parameters
    ----------
    found : sequence of (Program, CallGraph)
        Programs, and what compilers made of them.
    ram : sequence of float
        Bytes of RAM of each, near enough to weigh errors.
    """
    functions = [s for program, graph in found for s in seen(program, graph)]
    whole = np.array([ram[i] for i, (program, _) in enumerate(found) for _ in program.functions])
    return _frames_of_callers(functions, whole) | _frames_of_ops(functions, whole)


def _frames_of_callers(functions: Sequence[Seen], whole: NDArray[np.float64]) -> dict[str, float]:
    """Functions by their ops, arguments by op with its readers, and what those are made of."""
    counts, known = [], {}
    for s in functions:
        own, given = caller(s.program, s.name), arguments(s.program, s.name)
        known |= {name: frame.parts for frame in (own, *given) for name in frame.names}
        whole_of = in_place(s.program, s.name) + Counter(own.names)
        counts.append([whole_of + (Counter(frame.names) or frame.parts) for frame in given])
    found = _above(counts, [s.frame for s in functions], whole)
    parts = _above([[row] for row in known.values()], [found[name] for name in known], np.ones(len(known)))
    parts = {part: max(cost, found.get(part, 0.0)) for part, cost in parts.items()}
    inside = {name for s in functions if in_place(s.program, s.name) for name in caller(s.program, s.name).names}
    own = {name for s in functions for frame in [caller(s.program, s.name)] for name in (*frame.names, *frame.parts)}
    times = Counter(name for s in functions for frame in arguments(s.program, s.name) for name in frame.names)
    more = {name: _more(name, n) for name, n in times.items()} | dict.fromkeys(own, SPREAD)
    more |= dict.fromkeys(inside, IN_PLACE)
    return {part: cost + more.get(part, 0) for part, cost in (found | parts).items()}


def _frames_of_ops(functions: Sequence[Seen], whole: NDArray[np.float64]) -> dict[str, float]:
    taken: dict[str, list[float]] = defaultdict(list)
    rows, depths, weights = [], [], []
    for s, ram in zip(functions, whole, strict=True):
        for place, op in enumerate(s.program.functions[s.name]):
            below = frames(s.program, op)
            left = max(s.below[place] - below[0].local_bytes, 0)
            for name in below[0].names:
                taken[name].append(left)
            rows.append([frame.parts for frame in below])
            depths.append(left)
            weights.append(ram)
    together = {name: max(values) + _more(name, len(values)) for name, values in sorted(taken.items())}
    return _above(rows, depths, np.array(weights)) | together


def _above(counts: list[list[Counts]], totals: Sequence[float], whole: NDArray[np.float64]) -> dict[str, float]:
    """Costs that are nowhere below; what is the same in many programs is one."""
    same: dict[tuple[object, ...], int] = {}
    for i, rows in enumerate(counts):
        same.setdefault((totals[i], *(tuple(sorted(row.items())) for row in rows)), i)
    own = list(same.values())
    found, total = [counts[i] for i in own], np.array(totals, dtype=float)[own]
    return frames_of(found, total, np.ones(len(own), bool), whole[own])


def _more(name: str, times: int) -> float:
    """Bytes that an op may take more than in what was seen, so many times."""
    return next((more for seldom, more in _SEEN if times < seldom), 0.0) + SHARED * (SHARING in name)
