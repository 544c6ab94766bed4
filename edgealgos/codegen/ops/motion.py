"""Ops of a motion sensor: samples to frames, a sliding window of frames, statistics of that. Knows programs.

Integers, bit for bit those of ``kernels/motion.h``, in float programs too: raw samples are integers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..program.op import (
    FREE,
    Constant,
    Counts,
    Cpp,
    Op,
    Pieces,
    Read,
    Shapes,
    Types,
    Update,
    Values,
    cannot_overflow,
    counting,
)
from ..program.qtype import Ints, QType

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["Decimate", "SlideWindow", "WindowStatistics"]

NARROW = QType(8, 0)


@dataclass(frozen=True)
class Decimate(Op):
    """Of every `count` samples a frame: ``out = sat8((sum of vector + centre) >> shift)``; waits for the last of them.

    `sums` (axes) and `phase` (1) are state.
    """

    vector: Read
    sums: Update
    phase: Update
    centre: Constant
    shift: Constant
    count: int

    kernels = ("motion",)
    largest = counting(out=255)
    bound = cannot_overflow("at most 256 samples of 16 bits are summed in 32, and the rest saturates")

    def shapes(self, program: Program) -> Shapes:
        return dict.fromkeys(("out", "vector", "sums", "centre", "shift"), program[self.out].shape) | {"phase": (1,)}

    def real(self, program: Program, v: Values) -> Ints | None:
        sums = integers(v, self.sums) + integers(v, self.vector)
        phase = integers(v, self.phase) + 1
        full = bool(phase.size) and int(phase[0, 0]) == self.count
        v[self.sums], v[self.phase] = (np.zeros_like(sums), np.zeros_like(phase)) if full else (sums, phase)
        if not full:
            return None
        return NARROW.saturate(np.right_shift(sums + integers(v, self.centre), integers(v, self.shift)))

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        size = program[self.out].size
        return Counter({"Decimate sample": size, "Decimate frame": size / self.count})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("Decimate", frames=frozenset({"Decimate"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        state = f"{self.sums}, {self.phase}, {self.centre}, {self.shift}"
        count, axes = cpp.constant("kSamples", self.count), cpp.constant("kAxes", program[self.out].size)
        return f"if (!edgealgos::decimate<{count}>({self.vector}, {state}, {self.out}, {axes})) return;"


@dataclass(frozen=True)
class SlideWindow(Op):
    """`out`, a window (frames, axes), takes `frame` in for its oldest one, at `position`.

    State that follows, where it is wanted: `sums` and `squares` (axes) of the window, and `counts` (axes, bins), a
    histogram in which the zeros of a window that is not full yet are left out.
    """

    out: Update
    frame: Read
    position: Update
    sums: Update | None
    squares: Update | None
    counts: Update | None

    kernels = ("motion",)
    largest = counting(frame=255)
    bound = cannot_overflow("at most 255 bytes are summed in 16 bits, and their squares in 32")

    def shapes(self, program: Program) -> Shapes:
        _, width = self.axes(program, self.out, 2)
        bins = () if self.counts is None else self.axes(program, self.counts, 2)[1:]
        follow = dict.fromkeys(("frame", "sums", "squares"), (width,))
        return follow | {"out": FREE, "position": (1,), "counts": (width, *bins)}

    def real(self, program: Program, v: Values) -> Ints:
        """The newest frame takes the place of the oldest; sums and counts follow."""
        window, position, come = integers(v, self.out), integers(v, self.position), integers(v, self.frame)
        if not len(come):
            return window
        oldest = int(position[0, 0])
        gone = window[:, oldest].copy()
        window[:, oldest] = come
        v[self.position] = (position + 1) % window.shape[1]
        if self.sums is not None:
            v[self.sums] = integers(v, self.sums) + come - gone
        if self.squares is not None:
            v[self.squares] = integers(v, self.squares) + come * come - gone * gone
        if self.counts is not None:
            v[self.counts] = _counted(integers(v, self.counts), come, gone)
        return window

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        """Frames come with one push in so many: their price is spread over all of them."""
        share = program[self.out].shape[1] / next(op.count for op in program.ops() if isinstance(op, Decimate))
        follow = {"sums": self.sums, "squares": self.squares, "counts": self.counts}
        wanted = {f"SlideWindow {kind}": share for kind, name in follow.items() if name is not None}
        return Counter({"SlideWindow": share, **wanted})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("SlideWindow", frames=frozenset({"SlideWindow"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        frames, width = program[self.out].shape
        bins = 0 if self.counts is None else _bin_bits(program, self.counts)
        wanted = ((self.sums, "int16_t"), (self.squares, "int32_t"), (self.counts, "int8_t"))
        state = ", ".join(name or f"static_cast<{kind} *>(nullptr)" for name, kind in wanted)
        sizes = f"{cpp.constant('kFrames', frames)}, {cpp.constant('kBinBits', bins)}"
        axes = cpp.constant("kAxes", width)
        return f"edgealgos::slide_window<{sizes}>({self.frame}, {self.out}, {self.position}, {state}, {axes});"


@dataclass(frozen=True)
class WindowStatistics(Op):
    """`out` is what :data:`STATISTICS` say of a window, kind after kind."""

    window: Read
    position: Read
    sums: Read | None
    squares: Read | None
    counts: Read | None
    statistics: tuple[str, ...]
    threshold: int
    segments: int

    kernels = ("motion",)
    largest = counting()
    bound = cannot_overflow("sums of a window of at most 255 bytes have 16 bits, and energies are shifted into them")

    def shapes(self, program: Program) -> Shapes:
        _, width = self.axes(program, self.window, 2)
        size = sum(sizes(width, self._bins(program), self.segments)[kind] for kind in self.statistics)
        follow = dict.fromkeys(("sums", "squares"), (width,))
        return follow | {"out": (size,), "window": FREE, "position": (1,), "counts": (width, self._bins(program))}

    def _bins(self, program: Program) -> int:
        return program[self.counts].shape[1] if self.counts is not None else 1

    def real(self, program: Program, v: Values) -> Ints:
        """The statistics of the window, one kind after the other."""
        return np.concatenate([_STATISTICS[kind](program, self, v) for kind in self.statistics], axis=1)

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        frames, width = program[self.window].shape
        scanned = ("mean", "runs", "crossings")
        bins = program[self.counts].shape[1] if self.counts is not None else 0
        of_kind = {kind: frames * width for kind in scanned}
        of_kind |= {"histogram": width * bins, "spread": width, "energy": width}
        return Counter({f"statistic {kind}": of_kind[kind] for kind in self.statistics})

    def pieces(self, program: Program) -> Pieces:
        inline = {f"kernel {kind}": 1 for kind in self.statistics}
        return Pieces("WindowStatistics", inline, frames=frozenset({"WindowStatistics"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        frames, width = program[self.window].shape
        inside = f"{self.window}, {self.position}[0]"
        bins = _bin_bits(program, self.counts) if self.counts is not None else 0
        arguments = {
            "histogram": (("kFrames", "kBinBits"), f"{self.counts}"),
            "mean": (("kFrames", "kSegments"), inside),
            "spread": (("kFrames",), f"{self.sums}, {self.squares}"),
            "energy": (("kShift",), f"{self.squares}"),
            "crossings": (("kFrames", "kThreshold"), inside),
            "runs": (("kFrames", "kThreshold"), inside),
        }
        known = {"kFrames": frames, "kBinBits": bins, "kSegments": self.segments, "kThreshold": self.threshold}
        known["kShift"] = energy_shift(frames)
        axes = cpp.constant("kAxes", width)
        lines, start = [], 0
        for kind in self.statistics:
            names, read = arguments[kind]
            call = f"edgealgos::window_{kind}<{', '.join(cpp.constant(name, known[name]) for name in names)}>"
            lines.append(f"{call}({read}, {cpp.ref(self.out)} + {start}, {axes});")
            start += sizes(width, 1 << bins, self.segments)[kind]
        return "\n".join([*lines, "edgealgos::barrier();"])


def _bin_bits(program: Program, counts: str) -> int:
    return program[counts].shape[1].bit_length() - 1


def _counted(counts: Ints, come: Ints, gone: Ints) -> Ints:
    rows, axes = np.indices(come.shape)
    bins = counts.shape[2]
    counts[rows, axes, _bin(gone, bins)] -= 1
    counts[rows, axes, _bin(come, bins)] += 1
    return counts


def _bin(value: Ints, bins: int) -> Ints:
    return (value + 128) // (256 // bins)


def _histogram(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """How many frames fall into each bin; a window that is not full yet is full of zeros."""
    assert op.counts is not None
    counts = integers(v, op.counts)
    counts = counts + np.where(np.arange(counts.shape[2]) == counts.shape[2] // 2, program[op.window].shape[0], 0)
    return counts.reshape(len(counts), -1)


def _mean(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """Sums of equal parts of the window, the oldest first; what is left of the division are the oldest frames."""
    window = _in_order(op, v)
    length = window.shape[1] // op.segments
    parts = window[:, window.shape[1] - length * op.segments :].reshape(len(window), op.segments, length, -1)
    sums: Ints = parts.sum(axis=2)
    return sums.reshape(len(sums), -1)


def _spread(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """Standard deviation times the number of frames, rounded down."""
    assert op.sums is not None
    assert op.squares is not None
    sums = integers(v, op.sums)
    return _root(program[op.window].shape[0] * integers(v, op.squares) - sums * sums)


def _root(square: Ints) -> Ints:
    """Largest integer whose square is not above; float64 is exact enough to be off by one at most."""
    root = np.floor(np.sqrt(square.astype(np.float64))).astype(np.int64)
    root -= root * root > square
    root += (root + 1) * (root + 1) <= square
    return root


def _energy(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """Sum of squares, shifted into 16 bits."""
    assert op.squares is not None
    return integers(v, op.squares) >> energy_shift(program[op.window].shape[0])


def energy_shift(frames: int) -> int:
    """Least shift that brings a sum of so many squares of bytes into 16 bits."""
    return max(0, (frames << 14).bit_length() - 15)


def _crossings(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """How often the signal goes from one side of the band between the thresholds to the other."""
    window = _in_order(op, v)
    side: Ints = np.zeros((len(window), window.shape[2]), np.int64)
    crossings: Ints = side.copy()
    for frame in window.swapaxes(0, 1):
        new = np.where(frame >= op.threshold, 1, np.where(frame <= -op.threshold, -1, side))
        crossings += side * new < 0
        side = new
    return crossings


def _runs(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """Length and first frame of the longest run above the threshold, and of that below: four values an axis."""
    window = _in_order(op, v)
    above, below = _longest(window >= op.threshold), _longest(window <= -op.threshold)
    return np.concatenate([*above, *below], axis=1)


def _longest(inside: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Length and start of the first longest run along the second axis; 0 and 0 where there is none."""
    length = np.zeros((len(inside), inside.shape[2]), np.int64)
    longest, start = length.copy(), length.copy()
    for t, frame in enumerate(inside.swapaxes(0, 1)):
        length = np.where(frame, length + 1, 0)
        longer = length > longest
        longest, start = np.where(longer, length, longest), np.where(longer, t + 1 - length, start)
    return longest, start


def _in_order(op: WindowStatistics, v: Values) -> Ints:
    """Frames of the window, the oldest first."""
    position = integers(v, op.position)
    window: Ints = np.roll(integers(v, op.window), -int(position[0, 0]) if len(position) else 0, axis=1)
    return window


def integers(v: Values, name: str) -> Ints:
    """A value as integers; in a float program it may be held as real numbers."""
    return v[name].astype(np.int64, copy=False)


_STATISTICS = {
    "histogram": _histogram,
    "runs": _runs,
    "mean": _mean,
    "spread": _spread,
    "energy": _energy,
    "crossings": _crossings,
}
STATISTICS = tuple(_STATISTICS)


def sizes(axes: int, bins: int, segments: int) -> dict[str, int]:
    """How many features each kind of statistic makes."""
    each = {"histogram": bins, "runs": 4, "mean": segments, "spread": 1, "energy": 1, "crossings": 1}
    return {kind: axes * count for kind, count in each.items()}
