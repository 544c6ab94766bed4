"""What the ops of sound mean, bit for bit: frames in block floating point, power spectrum, logarithms of bands.

Vectorised over samples with NumPy; knows programs, nothing of C++ or boards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.ir import Frame, LogBands, NormalizeBands, Op, PowerSpectrum, Program
from ..program.qtype import Ints
from ..program.tables import LOG2

Words = NDArray[np.int32]
Values = dict[str, NDArray[Any]]
LOW, HIGH = -(2**15), 2**15 - 1


def frame(program: Program, op: Frame, v: Values) -> Ints | None:
    """The newest samples as mantissas and exponent; None until there are enough."""
    hop, history, window = v[op.source].astype(np.int64), v[op.history].astype(np.int64), v[op.window].astype(np.int64)
    before = np.concatenate([history[:, :1], hop[:, :-1]], axis=1)
    fresh = (hop - (before * op.emphasis + 128 >> 8)).clip(LOW, HIGH)
    samples = np.concatenate([history[:, 2:], fresh], axis=1)
    needed = -(-samples.shape[1] // hop.shape[1])
    hops = np.minimum(history[:, 1:2] + 1, needed)
    v[op.history] = np.concatenate([hop[:, -1:], hops, samples[:, hop.shape[1] :]], axis=1)
    if (hops < needed).any():
        return None
    magnitude = np.bitwise_or.reduce(samples ^ (samples >> 15), axis=1)
    shift = np.minimum(15 - bit_length(magnitude), op.most)[:, None]
    whole = np.concatenate([window, window[-2:0:-1]])
    mantissas = (samples << shift) * whole >> 16
    out = np.zeros((len(hop), program[op.out].size), np.int64)
    out[:, : whole.size], out[:, -2:-1] = mantissas, shift
    return out


def bit_length(values: Ints) -> Ints:
    """Bits of integers from 0 to 2**31."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def power_spectrum(program: Program, op: PowerSpectrum, v: Values) -> Ints:
    """Power of each bin, in the frame's units, and the exponent."""
    source, turns = v[op.source], v[op.turns].astype(np.int32)
    re, im = fourier(source[:, :-2:2].astype(np.int32), source[:, 1:-2:2].astype(np.int32), turns)
    exponent = source[:, -2].astype(np.int64)
    power = np.empty(re.shape, np.int64)
    power[:, 0] = _squared(re[:, 0] + im[:, 0], 0)
    middle = re.shape[1] // 2
    power[:, middle] = _squared(re[:, middle], im[:, middle])
    near = slice(1, middle)  # bins k, and their mirror images in reverse order
    a, b, c, d = re[:, near], im[:, near], re[:, :middle:-1], im[:, :middle:-1]
    even_re, even_im = (a + c) >> 1, (b - d) >> 1
    odd_re, odd_im = _turned(b + d, c - a, turns[near])
    power[:, near] = _squared(even_re + odd_re, even_im + odd_im)
    power[:, :middle:-1] = _squared(even_re - odd_re, even_im - odd_im)
    power += v[op.floors].astype(np.int64)[exponent][:, None]
    return np.concatenate([power, exponent[:, None]], axis=1)


def fourier(re: Words, im: Words, turns: Words) -> tuple[Words, Words]:
    """``1/M sum_n z_n exp(-2 pi j n k / M)`` of M complex points, halved and rounded down in each stage."""
    count, points = re.shape
    order = _reversed_bits(points)
    re, im = re[:, order], im[:, order]
    half = 1
    while half < points:
        re, im = re.reshape(count, -1, 2, half), im.reshape(count, -1, 2, half)
        t_re, t_im = _twiddled(re[:, :, 1], im[:, :, 1], turns, half)
        h_re, h_im = re[:, :, 0] >> 1, im[:, :, 0] >> 1
        re = np.stack([h_re + t_re, h_re - t_re], axis=2)
        im = np.stack([h_im + t_im, h_im - t_im], axis=2)
        half *= 2
    return re.reshape(count, points), im.reshape(count, points)


def _twiddled(re: Words, im: Words, turns: Words, half: int) -> tuple[Words, Words]:
    """Half of each point, turned back by its share of half a turn; of the second half a quarter turn less, times -j."""
    quarter = max(half // 2, 1)
    angles = turns[:: len(turns) // quarter]
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


def log_bands(program: Program, op: LogBands, v: Values) -> Ints:
    """Logarithms of the bands' energy in squared samples, 256 a factor of two."""
    points = program[op.source].size - 1
    edges, weights = v[op.edges].astype(np.int64), v[op.weights].astype(np.int64)
    power = v[op.source][:, edges[0] : edges[-1]]
    part = np.repeat(np.eye(edges.size - 1), np.diff(edges), axis=0)  # of each bin, exact in float64
    rising = ((power * weights >> 7).astype(np.float64) @ part).astype(np.int64)
    whole = (power.astype(np.float64) @ part).astype(np.int64)
    energy = rising[:, :-1] + whole[:, 1:] - rising[:, 1:]
    exponents: Ints = v[op.source][:, points:].astype(np.int64)
    out: Ints = log2_of(energy) + exponent_offset(points) - (exponents << 9)
    return out


def normalize_bands(program: Program, op: NormalizeBands, v: Values) -> Ints:
    """The logarithms less a share of the levels that they have had lately."""
    bands = v[op.source].astype(np.int64)
    levels = v[op.levels].astype(np.int64)
    old = levels[:, :-1]
    followed = np.where(levels[:, -1:] == 0, bands << op.slowness, old + bands - (old >> op.slowness))
    v[op.levels] = np.concatenate([followed, np.ones_like(levels[:, -1:])], axis=1)
    return program[op.out].type.saturate(bands - ((op.share * (followed >> op.slowness) + 128) >> 8))


def log2_of(values: Ints) -> Ints:
    """``256 log2`` of integers below 2**32; of 0 as of 1."""
    values = np.maximum(values, 1)
    whole = bit_length(values) - 1
    out: Ints = (whole << 8) + LOG2[(values << 31 - whole >> 25) & 63]
    return out


def exponent_offset(points: int) -> int:
    """``256 log2`` of what a power in squared samples is to one of a spectrum that was halved in every stage."""
    return 512 * points.bit_length()


KERNELS: dict[type[Op], Callable[[Program, Any, Values], NDArray[Any] | None]] = {
    Frame: frame,
    PowerSpectrum: power_spectrum,
    LogBands: log_bands,
    NormalizeBands: normalize_bands,
}
