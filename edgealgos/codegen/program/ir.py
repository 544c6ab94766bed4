"""The program: typed tensors, coarse ops and functions; what every pass, the interpreter and the emitter read.

Knows number types, nothing of estimators, boards or C++.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoding import InputEncoding
from .qtype import QType


class Space(Enum):
    """Where a tensor lives on the device."""

    INPUT = "input"  # the caller's buffer
    FLASH = "flash"  # constants
    STATE = "state"  # survives from push to push
    SCRATCH = "scratch"  # lives inside one function; planned into the arena
    OUTPUT = "output"  # scores: read by the caller after a prediction


@dataclass(frozen=True, eq=False, slots=True)
class Tensor:
    """A named array.

    Parameters
    ----------
    name : str
        C identifier.
    shape : tuple of int
        Dimensions; empty for a scalar.
    space : Space
        Where it lives.
    qtype : QType or None
        Its integer type. In a float program it is the type that training chose (a wish of the passes), or None.
    data : array or None
        Values of a FLASH tensor: reals in a float program, raw integers in an integer program.
    storage : str
        How flash holds it: a key of :func:`~.qtype.storage_bytes`; decided by the packing pass.
    packed : str or None
        Storage that the model's bytes are counted in, where speed has chosen another; decided by :mod:`~.optimize`.
    unrolled : int
        How many matrices of it AVR flash holds as operands of straight-line code: of a tree's nodes the first ones, of
        other tensors 1 for the whole; decided by :mod:`~.optimize`.
    doc : str
        One phrase for the report and the generated comment.
    """

    name: str
    shape: tuple[int, ...]
    space: Space
    qtype: QType | None = None
    data: NDArray[Any] | None = None
    storage: str = "dense"
    doc: str = ""
    packed: str | None = None
    unrolled: int = 0

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def type(self) -> QType:
        """The integer type; ValueError where there is none yet."""
        if self.qtype is None:
            raise ValueError(f"tensor {self.name!r} has no integer type; calibrate it or train it")
        return self.qtype

    @property
    def values(self) -> NDArray[Any]:
        """The data of a constant; ValueError for other tensors."""
        if self.data is None:
            raise ValueError(f"tensor {self.name!r} lives in {self.space.value} and has no data")
        return self.data


@dataclass(frozen=True, slots=True)
class Op:
    """A kernel call. Every field ending in a tensor's name is a string; `out` is what it writes."""

    out: str

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that the op reads."""
        names = (getattr(self, f.name) for f in fields(self) if f.name in _OPERANDS)
        return tuple(n for n in names if n is not None)


@dataclass(frozen=True, slots=True)
class MatVec(Op):
    """``out = matrix @ vector + bias``."""

    matrix: str
    vector: str
    bias: str | None = None
    acc_bits: int = 32


@dataclass(frozen=True, slots=True)
class TreeWalk(Op):
    """Bonsai scores along one root-to-leaf path: ``sum_k (W_k z) * hard_tanh(V_k z) + bias``.

    ``weights`` and ``gates`` have shape (nodes, outputs, projection_dim), ``branches`` (inner nodes, projection_dim).
    Kumar, Goyal, Varma, ICML 2017, eq. 1; node k has the children 2k+1 (``branches[k] @ z > 0``) and 2k+2.
    """

    vector: str
    weights: str
    gates: str
    branches: str | None
    bias: str | None
    depth: int
    w_type: QType | None = None
    acc_bits: int = 32


@dataclass(frozen=True, slots=True)
class PrototypeScore(Op):
    """ProtoNN scores ``sum_j labels[:, j] * 2**-|vector - prototypes_j|^2 + bias`` (gamma and log2 e are folded in).

    ``prototypes`` (m, projection_dim), ``labels`` (outputs, m). Gupta et al., ICML 2017, eq. of section 3.
    """

    vector: str
    prototypes: str
    labels: str
    bias: str | None
    acc_bits: int = 32


@dataclass(frozen=True, slots=True)
class Add(Op):
    """``out = a + b``, saturating; all three of one type."""

    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Rescale(Op):
    """``out`` is `source` in another type."""

    source: str


@dataclass(frozen=True, slots=True)
class PushColumn(Op):
    """``out += vector[0] * next row of matrix``: a projection that grows feature by feature.

    The matrix is stored column by column, shape (features, projection_dim); `position` says where the next one lies.
    """

    matrix: str
    vector: str
    position: str


@dataclass(frozen=True, slots=True)
class Settle(Op):
    """``out = source + bias`` in another type; the two have one scale, that of an accumulator."""

    source: str
    bias: str | None = None


@dataclass(frozen=True, slots=True)
class GatedUpdate(Op):
    """FastGRNN: ``h = (zeta (1 - s) + nu) tanh(p + b_h) + s h`` with ``s = sigmoid(p + b_z)``; `out` is the state.

    Kusupati et al., NeurIPS 2018, section 3.2. `nonlinearity` is ``"hard_tanh"`` or ``"tanh"``.
    """

    preactivation: str
    gate_bias: str
    candidate_bias: str
    zeta: str
    nu: str
    nonlinearity: str


@dataclass(frozen=True, slots=True)
class LeakyUpdate(Op):
    """FastRNN: ``h = alpha tanh(p + b_h) + beta h``; `out` is the state (Kusupati et al., section 3.1)."""

    preactivation: str
    candidate_bias: str
    alpha: str
    beta: str
    nonlinearity: str


@dataclass(frozen=True, slots=True)
class Standardize(Op):
    """``out_j = clip((source_j * multiplier_j + addend_j) >> shift_j, low, high)``: features into a model's inputs.

    What :class:`~.encoding.InputEncoding` does to raw features, in integers: source and multiplier have 16 bits, the
    addend has 32, a half for rounding included.
    """

    source: str
    multiplier: str
    addend: str
    shift: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Decimate(Op):
    """Of every `count` samples a frame: ``out = sat8((sum of vector + centre) >> shift)``; waits for the last of them.

    `sums` (axes) and `phase` (1) are state.
    """

    vector: str
    sums: str
    phase: str
    centre: str
    shift: str
    count: int


@dataclass(frozen=True, slots=True)
class SlideWindow(Op):
    """`out`, a window (frames, axes), takes `frame` in for its oldest one, at `position`.

    State that follows, where it is wanted: `sums` and `squares` (axes) of the window, and `counts` (axes, bins), a
    histogram in which the zeros of a window that is not full yet are left out.
    """

    frame: str
    position: str
    sums: str | None
    squares: str | None
    counts: str | None


@dataclass(frozen=True, slots=True)
class WindowStatistics(Op):
    """`out` is what :data:`~.motion.STATISTICS` say of a window, kind after kind."""

    window: str
    position: str
    sums: str | None
    squares: str | None
    counts: str | None
    statistics: tuple[str, ...]
    threshold: int
    segments: int


@dataclass(frozen=True, slots=True)
class Frame(Op):
    """The last ``2 * (len(window) - 1)`` samples of a stream, once they are there, in block floating point.

    Each sample less ``emphasis / 256`` of the one before, all shifted up by as many bits as they have room (at most
    `most`), times the window; zeros up to the size of `out` less 2; then the shift, and a zero. `history` holds the
    last raw sample, the hops so far, and the samples that the next frame begins with. Of the symmetric `window` the
    first half is stored, and its middle.
    """

    source: str
    history: str
    window: str
    emphasis: int
    most: int


@dataclass(frozen=True, slots=True)
class PowerSpectrum(Op):
    """``|X_k|^2 + floors[e]`` for k from 0 to N / 2 - 1 of the N samples of a frame with exponent e, and e behind it.

    ``X_k = 2 / N * sum_n x_n exp(-2 pi j n k / N)``; `turns` holds cosine and sine of the angles ``2 pi k / N`` for a
    quarter of a turn.
    """

    source: str
    turns: str
    floors: str


@dataclass(frozen=True, slots=True)
class LogBands(Op):
    """``256 log2`` of the energy of a power spectrum in overlapping triangular bands, in squared units of samples.

    Band b rises from ``edges[b]`` to ``edges[b + 1]`` and falls to ``edges[b + 2]``; a bin counts ``weights / 128``
    of it where a band rises, and the rest in the band that falls there.
    """

    source: str
    edges: str
    weights: str


@dataclass(frozen=True, slots=True)
class NormalizeBands(Op):
    """``out = sat(source - share / 256 * level)``: per-channel energy normalisation of logarithms.

    The level of a band follows its logarithm with a time constant of ``2**slowness`` frames and begins with the first
    of them. `levels` holds them times ``2**slowness``, and last whether there was a frame.
    """

    source: str
    levels: str
    share: int
    slowness: int


@dataclass(frozen=True, slots=True)
class CountStep(Op):
    """``out`` counts the pushes since ``reset``: 1, 2, ..., 2 `period`, and on from `period` + 1 again.

    With a `limit` it waits for ``reset`` once the margin of `kept` is above that: the answer stands. (The
    interpreter counts on; :class:`KeepConfident` sees to it that the answer does not change.)
    """

    period: int
    kept: str | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class StartWindow(Op):
    """Clears the state `out` where a window of `period` steps starts, every `period` steps from the step `first` on.

    Waits before that, so what comes later in its function must not start earlier.
    """

    clock: str
    first: int
    period: int


@dataclass(frozen=True, slots=True)
class KeepConfident(Op):
    """``out = source`` where that has the larger margin: at the end of a window, or above the `limit` at any step.

    The margin of scores is the best less the second best; of a single score its magnitude. Once that of `out` is
    above the limit, `out` stays. Windows are those of :class:`StartWindow`.
    """

    source: str
    clock: str
    first: int
    period: int
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class ArgMax(Op):
    """Index of the largest element (the first one when equal); of a single score: 1 where it is positive."""

    source: str


_OPERANDS = frozenset({
    "levels", "matrix", "vector", "bias", "weights", "gates", "branches", "prototypes", "labels", "a", "b", "source",
    "position", "multiplier", "addend", "shift", "preactivation", "gate_bias", "candidate_bias", "zeta", "nu", "alpha",
    "beta", "sums", "phase", "centre", "frame", "squares", "counts", "window", "history", "turns", "floors", "edges",
    "clock", "kept", "limit",
})  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """A model as the device runs it.

    Parameters
    ----------
    tensors : tuple of Tensor
        In the order of their declaration; exactly one INPUT (one sample or one time step) and one OUTPUT (the scores).
    functions : mapping of str to tuple of Op
        ``predict`` always; sequence models also ``push`` (one time step). ``reset`` clears STATE and needs no ops.
        An op that waits for more (a window that is not full yet) ends its function for this time.
    encoding : InputEncoding
        Raw features to device inputs.
    task : str
        ``"classifier"``, ``"regressor"``, or ``"features"`` of a feature extractor alone, whose output are features.
    labels : tuple
        Class labels in the order of the scores; empty for a regressor.
    steps : int or None
        Time steps of a whole sequence, or None for a model without state.
    family : str
        Name of the model family, for people.
    preprocessing : frozenset of str
        Tensors of the feature extractor in front of the model; they are no part of the model's bytes.
    max_cycles : int or None
        Cycles of a prediction on an Uno that training has promised.
    warnings : tuple of str
        What its user should know, a sentence each.
    """

    tensors: tuple[Tensor, ...]
    functions: Mapping[str, tuple[Op, ...]]
    encoding: InputEncoding
    task: str
    labels: tuple[Any, ...] = ()
    steps: int | None = None
    family: str = "model"
    preprocessing: frozenset[str] = frozenset()
    max_cycles: int | None = None
    warnings: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Tensor:
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise KeyError(name)

    @property
    def input(self) -> Tensor:
        """The INPUT tensor."""
        return next(t for t in self.tensors if t.space is Space.INPUT)

    @property
    def output(self) -> Tensor:
        """The scores."""
        return next(t for t in self.tensors if t.space is Space.OUTPUT)

    def ops(self) -> Iterator[Op]:
        """All ops, in the order of the functions."""
        for body in self.functions.values():
            yield from body

    def replacing(self, *changed: Tensor, **others: Any) -> Program:
        """Copy with tensors of the same names replaced, and other fields set."""
        by_name = {t.name: t for t in changed}
        return replace(self, tensors=tuple(by_name.get(t.name, t) for t in self.tensors), **others)


def kernel_headroom(program: Program, op: PrototypeScore) -> int:
    """Bits by which the sum of labels times kernels is shifted up before the common exponent shifts it down."""
    return program[op.out].type.frac - program[op.labels].type.frac - 7


def same_program(a: Program, b: Program) -> bool:
    """Whether two programs are equal: tensors with their data, ops, encoding and labels."""

    def tensor_key(t: Tensor) -> tuple[Any, ...]:
        return t.name, t.shape, t.space, t.qtype, t.storage, t.packed, t.unrolled

    return (
        [tensor_key(t) for t in a.tensors] == [tensor_key(t) for t in b.tensors]
        and all(_same_data(s.data, t.data) for s, t in zip(a.tensors, b.tensors, strict=True))
        and dict(a.functions) == dict(b.functions)
        and (a.task, a.labels, a.steps, a.family) == (b.task, b.labels, b.steps, b.family)
        and a.preprocessing == b.preprocessing
        and np.array_equal(a.encoding.offset, b.encoding.offset)
        and np.array_equal(a.encoding.scale, b.encoding.scale)
        and (a.encoding.low, a.encoding.high, a.encoding.qtype) == (b.encoding.low, b.encoding.high, b.encoding.qtype)
    )


def _same_data(a: NDArray[Any] | None, b: NDArray[Any] | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and np.array_equal(a, b)
