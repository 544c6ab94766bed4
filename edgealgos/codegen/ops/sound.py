"""Ops of sound: frames in block floating point, power spectrum, logarithms of bands. Knows programs.

Integers, bit for bit those of ``kernels/spectrum.h``, in float programs too; vectorised over samples.
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
    Consumed,
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
from ..program.qtype import Ints
from ..program.tables import LOG2

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["Frame", "LogBands", "NormalizeBands", "PowerSpectrum"]

Words = NDArray[np.int32]
LOW, HIGH = -(2**15), 2**15 - 1


@dataclass(frozen=True)
class Frame(Op):
    """The last ``2 * (len(window) - 1)`` samples of a stream, once they are there, in block floating point.

    Each sample less ``emphasis / 256`` of the one before, all shifted up by as many bits as they have room (at most
    `most`), times the window; zeros up to the size of `out` less 2; then the shift, and a zero. `history` holds the
    last raw sample, the hops so far, and the samples that the next frame begins with. Of the symmetric `window` the
    first half is stored, and its middle.
    """

    source: Read
    history: Update
    window: Constant
    emphasis: int
    most: int

    kernels = ("spectrum",)
    largest = counting()
    bound = cannot_overflow("emphasised samples saturate, and a mantissa times the window is shifted down by 16")

    def _length(self, program: Program) -> int:
        return 2 * program[self.window].size - 2

    def shapes(self, program: Program) -> Shapes:
        (hop,) = self.axes(program, self.source, 1)
        kept = max(self._length(program) - hop, 0)
        return {"out": FREE, "source": (hop,), "history": (kept + 2,), "window": FREE}

    def real(self, program: Program, v: Values) -> Ints | None:
        """The newest samples as mantissas and exponent; None until there are enough."""
        hop, history, window = (v[name].astype(np.int64) for name in (self.source, self.history, self.window))
        before = np.concatenate([history[:, :1], hop[:, :-1]], axis=1)
        fresh = (hop - (before * self.emphasis + 128 >> 8)).clip(LOW, HIGH)
        samples = np.concatenate([history[:, 2:], fresh], axis=1)
        needed = -(-samples.shape[1] // hop.shape[1])
        hops = np.minimum(history[:, 1:2] + 1, needed)
        v[self.history] = np.concatenate([hop[:, -1:], hops, samples[:, hop.shape[1] :]], axis=1)
        if (hops < needed).any():
            return None
        magnitude = np.bitwise_or.reduce(samples ^ (samples >> 15), axis=1)
        shift = np.minimum(15 - bit_length(magnitude), self.most)[:, None]
        whole = np.concatenate([window, window[-2:0:-1]])
        mantissas = (samples << shift) * whole >> 16
        out = np.zeros((len(hop), program[self.out].size), np.int64)
        out[:, : whole.size], out[:, -2:-1] = mantissas, shift
        return out

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        """Sound is not sparse: every frame takes the same time."""
        return Counter({"Frame sample": self._length(program), "Frame fresh sample": program[self.source].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("Frame", frames=frozenset({"Frame"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        hop, kept, length = program[self.source].size, program[self.history].size - 2, self._length(program)
        limits = f"{cpp.constant('kEmphasis', self.emphasis)}, {cpp.constant('kMost', self.most)}"
        call = f"edgealgos::frame<{limits}, {cpp.constant('kHops', -(-length // hop))}>"
        points = cpp.constant("kPoints", program[self.out].size - 2)
        sizes = f"{cpp.constant('kHop', hop)}, {cpp.constant('kKept', kept)}, {points}"
        return f"if (!{call}({self.source}, {self.history}, {self.window}, {self.out}, {sizes})) return;"


@dataclass(frozen=True)
class PowerSpectrum(Op):
    """``|X_k|^2 + floors[e]`` for k from 0 to N / 2 - 1 of the N samples of a frame with exponent e, and e behind it.

    ``X_k = 2 / N * sum_n x_n exp(-2 pi j n k / N)``; `twiddles` holds cosine and sine of the angles ``2 pi k / N`` for
    a quarter of a turn.
    """

    source: Consumed
    twiddles: Constant
    floors: Constant

    kernels = ("spectrum",)
    largest = counting()
    bound = cannot_overflow("each stage of butterflies halves, and floors leave room for the largest power")

    def shapes(self, program: Program) -> Shapes:
        (size,) = self.axes(program, self.out, 1)
        return {"out": (size,), "source": (2 * size,), "twiddles": (size // 2, 2), "floors": FREE}

    def real(self, program: Program, v: Values) -> Ints:
        """Power of each bin, in the frame's units, and the exponent."""
        source, twiddles = v[self.source], v[self.twiddles].astype(np.int32)
        re, im = fourier(source[:, :-2:2].astype(np.int32), source[:, 1:-2:2].astype(np.int32), twiddles)
        exponent = source[:, -2].astype(np.int64)
        power = np.empty(re.shape, np.int64)
        power[:, 0] = _squared(re[:, 0] + im[:, 0], 0)
        middle = re.shape[1] // 2
        power[:, middle] = _squared(re[:, middle], im[:, middle])
        near = slice(1, middle)  # bins k, and their mirror images in reverse order
        a, b, c, d = re[:, near], im[:, near], re[:, :middle:-1], im[:, :middle:-1]
        even_re, even_im = (a + c) >> 1, (b - d) >> 1
        odd_re, odd_im = _turned(b + d, c - a, twiddles[near])
        power[:, near] = _squared(even_re + odd_re, even_im + odd_im)
        power[:, :middle:-1] = _squared(even_re - odd_re, even_im - odd_im)
        power += v[self.floors].astype(np.int64)[exponent][:, None]
        return np.concatenate([power, exponent[:, None]], axis=1)

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        points = program[self.out].size - 1
        return Counter({"butterfly": points * (points.bit_length() - 1) // 2, "PowerSpectrum bin": points})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("PowerSpectrum", frames=frozenset({"PowerSpectrum"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        bits = cpp.constant("kPointBits", (program[self.out].size - 1).bit_length() - 1)
        return f"edgealgos::power_spectrum<{bits}>({self.source}, {self.twiddles}, {self.floors});"


@dataclass(frozen=True)
class LogBands(Op):
    """``256 log2`` of the energy of a power spectrum in overlapping triangular bands, in squared units of samples.

    Band b rises from ``edges[b]`` to ``edges[b + 1]`` and falls to ``edges[b + 2]``; a bin counts ``weights / 128``
    of it where a band rises, and the rest in the band that falls there.
    """

    source: Read
    edges: Constant
    weights: Constant

    kernels = ("spectrum",)
    largest = counting(out=255)
    bound = cannot_overflow("energies of bands are summed in 32 bits, for which the halved spectrum leaves room")

    def shapes(self, program: Program) -> Shapes:
        (bands,) = self.axes(program, self.out, 1)
        edges = program[self.edges]
        bins = FREE if edges.data is None else (int(edges.data[-1] - edges.data[0]),)
        return {"out": (bands,), "source": FREE, "edges": (bands + 2,), "weights": bins}

    def real(self, program: Program, v: Values) -> Ints:
        """Logarithms of the bands' energy in squared samples, 256 a factor of two."""
        points = program[self.source].size - 1
        edges, weights = v[self.edges].astype(np.int64), v[self.weights].astype(np.int64)
        power = v[self.source][:, edges[0] : edges[-1]]
        part = np.repeat(np.eye(edges.size - 1), np.diff(edges), axis=0)  # of each bin, exact in float64
        rising = ((power * weights >> 7).astype(np.float64) @ part).astype(np.int64)
        whole = (power.astype(np.float64) @ part).astype(np.int64)
        energy = rising[:, :-1] + whole[:, 1:] - rising[:, 1:]
        exponents: Ints = v[self.source][:, points:].astype(np.int64)
        out: Ints = log2_of(energy) + exponent_offset(points) - (exponents << 9)
        return out

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        return Counter({"LogBands bin": program[self.weights].size, "LogBands band": program[self.out].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("LogBands", frames=frozenset({"LogBands"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        points = program[self.source].size - 1
        call = f"edgealgos::log_bands<{cpp.constant('kExponent', exponent_offset(points))}>"
        tables = f"{self.source}, {self.edges}, {self.weights}"
        sizes = f"{cpp.constant('kBands', program[self.out].size)}, {cpp.constant('kPoints', points)}"
        return f"{call}({tables}, {cpp.ref(self.out)}, {sizes});"


@dataclass(frozen=True)
class NormalizeBands(Op):
    """``out = sat(source - share / 256 * level)``: per-channel energy normalisation of logarithms.

    The level of a band follows its logarithm with a time constant of ``2**slowness`` frames and begins with the first
    of them. `levels` holds them times ``2**slowness``, and last whether there was a frame.
    """

    source: Read
    levels: Update
    share: int
    slowness: int

    kernels = ("spectrum",)
    largest = counting(out=255)
    bound = cannot_overflow("levels are logarithms of 16 bits shifted up by at most 12, and the result saturates")

    def shapes(self, program: Program) -> Shapes:
        (bands,) = self.axes(program, self.out, 1)
        return {"out": (bands,), "source": (bands,), "levels": (bands + 1,)}

    def real(self, program: Program, v: Values) -> Ints:
        """The logarithms less a share of the levels that they have had lately."""
        bands = v[self.source].astype(np.int64)
        levels = v[self.levels].astype(np.int64)
        old = levels[:, :-1]
        followed = np.where(levels[:, -1:] == 0, bands << self.slowness, old + bands - (old >> self.slowness))
        v[self.levels] = np.concatenate([followed, np.ones_like(levels[:, -1:])], axis=1)
        return program[self.out].type.saturate(bands - ((self.share * (followed >> self.slowness) + 128) >> 8))

    integer = real

    def types(self, program: Program) -> Types:
        return {}

    def cost(self, program: Program) -> Counts:
        return Counter({"NormalizeBands band": program[self.out].size})

    def pieces(self, program: Program) -> Pieces:
        return Pieces("NormalizeBands", frames=frozenset({"NormalizeBands"}))

    def call(self, program: Program, cpp: Cpp) -> str:
        numbers = f"{cpp.constant('kShare', self.share)}, {cpp.constant('kSlowness', self.slowness)}"
        bands = cpp.constant("kBands", program[self.out].size)
        return f"edgealgos::normalize_bands<{numbers}>({self.source}, {self.levels}, {cpp.ref(self.out)}, {bands});"


def bit_length(values: Ints) -> Ints:
    """Bits of integers from 0 to 2**31."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def fourier(re: Words, im: Words, twiddles: Words) -> tuple[Words, Words]:
    """``1/M sum_n z_n exp(-2 pi j n k / M)`` of M complex points, halved and rounded down in each stage."""
    count, points = re.shape
    order = _reversed_bits(points)
    re, im = re[:, order], im[:, order]
    half = 1
    while half < points:
        re, im = re.reshape(count, -1, 2, half), im.reshape(count, -1, 2, half)
        t_re, t_im = _twiddled(re[:, :, 1], im[:, :, 1], twiddles, half)
        h_re, h_im = re[:, :, 0] >> 1, im[:, :, 0] >> 1
        re = np.stack([h_re + t_re, h_re - t_re], axis=2)
        im = np.stack([h_im + t_im, h_im - t_im], axis=2)
        half *= 2
    return re.reshape(count, points), im.reshape(count, points)


def _twiddled(re: Words, im: Words, twiddles: Words, half: int) -> tuple[Words, Words]:
    """Half of each point, turned back by its share of half a turn; of the second half a quarter turn less, times -j."""
    quarter = max(half // 2, 1)
    angles = twiddles[:: len(twiddles) // quarter]
    t_re, t_im = (
        np.concatenate([whole[..., :1] >> 1, part[..., 1:]], axis=-1)
        for whole, part in zip((re, im), _turned(re[..., :quarter], im[..., :quarter], angles), strict=True)
    )
    if half == 1:
        return t_re, t_im
    late_re, late_im = _turned(re[..., quarter:], im[..., quarter:], angles)
    late_re = np.concatenate([re[..., quarter : quarter + 1] >> 1, late_re[..., 1:]], axis=-1)
    late_im = np.concatenate([im[..., quarter : quarter + 1] >> 1, late_im[..., 1:]], axis=-1)
    return np.concatenate([t_re, late_im], axis=-1), np.concatenate([t_im, -late_re], axis=-1)


def _turned(re: Words, im: Words, angles: Words) -> tuple[Words, Words]:
    """Half of ``(re + j im) (c - j s)``, both parts rounded down."""
    c, s = angles[:, 0], angles[:, 1]
    return (re * c + im * s) >> 16, (im * c - re * s) >> 16


def _squared(re: Words, im: Words | int) -> Ints:
    return np.square(re, dtype=np.int64) + np.square(im, dtype=np.int64)


def _reversed_bits(points: int) -> NDArray[np.intp]:
    order = np.zeros(1, np.intp)
    while order.size < points:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def log2_of(values: Ints) -> Ints:
    """``256 log2`` of integers below 2**32; of 0 as of 1."""
    values = np.maximum(values, 1)
    whole = bit_length(values) - 1
    out: Ints = (whole << 8) + LOG2[(values << 31 - whole >> 25) & 63]
    return out


def exponent_offset(points: int) -> int:
    """``256 log2`` of what a power in squared samples is to one of a spectrum that was halved in every stage."""
    return 512 * points.bit_length()
