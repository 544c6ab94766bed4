"""Writes a chain of layers over a picture as the ops of ``push``, and reads it; knows ops, no training."""

from __future__ import annotations

from collections.abc import Iterable

from ..program.geometry import LayerShape, Picture, Stage, halvings_of, rows_between
from ..program.op import Op
from ..program.program import Program
from ..program.qtype import QType
from ..program.tensor import Space, Tensor
from .conv import Convolve, Depthwise, Pointwise
from .elementwise import Rescale
from .pools import MaxPool, PoolRow, SumRow
from .rows import AddRow, AwaitRows, HoldRow, KeepRows


class Chain:
    """Tensors and ops of layers, one behind the other, from the input's rows on.

    Parameters
    ----------
    picture : (int, int, int)
        Rows, positions and channels of the input.
    source : str
        Name of the input.

    Attributes
    ----------
    tensors : list of Tensor
    push : list of Op
    picture : (int, int, int)
        What the last layer makes.
    """

    def __init__(self, picture: Picture, source: str = "x") -> None:
        self.tensors: list[Tensor] = []
        self.push: list[Op] = []
        self.picture, self.source, self._input = picture, source, source

    def add(self, name: str, layer: LayerShape, matrix: Tensor | None, bias: Tensor | None, out: QType | None) -> None:
        """One more layer; its results have the type `out` (None: to be chosen from rows)."""
        if layer.before != self.picture:
            raise ValueError(f"{name} takes a picture of {layer.before}, but there is one of {self.picture}")
        constants = [tensor for tensor in (matrix, bias) if tensor is not None]
        _, positions, channels = layer.after
        shape, doc = (positions * channels,), f"a row of {positions} x {channels}"
        if layer.apart:
            self.tensors += [
                Tensor(name, shape, Space.STATE, out, doc=f"{doc}: the largest so far"),
                Tensor(f"{name}_position", (1,), Space.STATE, doc="rows so far"),
            ]
            (kernel, columns), stride = layer.kernel, layer.stride[1]
            height, _, _ = self.picture
            self.push.append(PoolRow(name, self.source, f"{name}_position", kernel, height, channels, columns, stride))
        else:
            awaited = self.source if layer.awaits and self.source != self._input else None
            ring = self.source if layer.streams else self._kept(name, layer, awaited is not None)
            self.tensors += [*constants, Tensor(name, shape, Space.SCRATCH, out, doc=doc)]
            self.push.append(_op(name, layer, ring, awaited, *(tensor.name for tensor in constants)))
            if awaited is not None:
                self.push.append(HoldRow(ring, awaited, f"{name}_position"))
        self.picture, self.source = layer.after, name

    def hold(self, name: str, branch: Iterable[LayerShape]) -> None:
        """Keep rows of the picture as :meth:`add_held` adds them to what a branch makes, the layers that follow."""
        _, positions, channels = self.picture
        shape, ring, places = (rows_between(branch), positions * channels), f"{name}_held", f"{name}_places"
        self.tensors += [
            Tensor(ring, shape, Space.STATE, doc="rows that are added later"),
            Tensor(places, (2,), Space.STATE, doc="where the next row is put, and taken out"),
        ]
        self.push.append(HoldRow(ring, self.source, places))

    def add_held(self, name: str, held: str, out: QType | None) -> None:
        """Add the picture that was held under that name."""
        size = self.picture[1] * self.picture[2]
        self.tensors.append(Tensor(name, (size,), Space.SCRATCH, out, doc="a row with what was held"))
        self.push.append(AddRow(name, self.source, f"{held}_held", f"{held}_places"))
        self.source = name

    def _kept(self, name: str, layer: LayerShape, awaited: bool) -> str:
        """The rows that the kernel needs, in a ring; of a row that may stay where it is, those before it."""
        ring, place = f"{name}_rows", f"{name}_position"
        (above, below), kernel, height = layer.zeros(0), layer.kernel[0], self.picture[0]
        rows = kernel - awaited
        self.tensors += [
            Tensor(ring, (rows, *self.picture[1:]), Space.STATE, doc=f"the last {rows} rows"),
            Tensor(place, (2,), Space.STATE, doc="place of the oldest, rows so far"),
        ]
        op = AwaitRows if awaited else KeepRows
        self.push.append(op(ring, self.source, place, kernel, height, layer.stride[0], above, below))
        return ring

    def average(self, name: str, qtype: QType | None) -> list[Op]:
        """Ops of ``predict`` that make `name`, the average of a picture, times a factor below 4."""
        rows, positions, channels = self.picture
        sums, halvings = f"{name}_sums", halvings_of(rows * positions)
        self.tensors += [
            Tensor(sums, (channels,), Space.STATE, doc="of every channel over the picture"),
            Tensor(name, (channels,), Space.SCRATCH, qtype, doc="average of every channel"),
        ]
        self.push.append(SumRow(sums, self.source, rows * positions, halvings))
        return [Rescale(name, sums)]


def _op(name: str, layer: LayerShape, source: str, row: str | None, matrix: str = "", bias: str = "") -> Op:
    columns, stride, left = layer.kernel[1], layer.stride[1], layer.zeros(1)[0]
    if layer.kind == "maxpool":
        return MaxPool(name, source, columns, stride)
    if layer.kind == "pointwise":
        return Pointwise(name, source, matrix, bias, layer.rectify)
    kind = Depthwise if layer.kind == "depthwise" else Convolve
    return kind(name, source, f"{name}_position", matrix, bias, columns, stride, left, layer.rectify, row=row)


def stages_of(program: Program) -> tuple[Stage, ...]:
    """The layers that a program's rows run through; none where rows are no picture's, or run through anything else."""
    push = program.functions.get("push", ())
    if program.steps is None or not all(isinstance(op, _OVER_PICTURES) for op in push):
        return ()
    kept = {op.out: op for op in push if isinstance(op, KeepRows)}
    held = {op.out: op.source for op in push if isinstance(op, HoldRow)}
    heights = {program.input.name: program.steps}
    stages: list[Stage] = []
    for op in push:
        if isinstance(op, AddRow):
            made = stages[-1].layer.after
            stages.append(Stage(LayerShape("add", made, made[2], rectify=False), op.source, op.out, held[op.ring]))
        elif not isinstance(op, KeepRows | HoldRow | SumRow):
            source, layer = _layer(program, op, kept, heights)
            stages.append(Stage(layer, source, op.out))
        if stages:
            heights[stages[-1].out] = stages[-1].layer.after[0]
    return tuple(stages)


_OVER_PICTURES = (AddRow, Convolve, Depthwise, HoldRow, KeepRows, MaxPool, Pointwise, PoolRow, SumRow)


def _layer(program: Program, op: Op, kept: dict[str, KeepRows], heights: dict[str, int]) -> tuple[str, LayerShape]:
    """A layer, and the tensor that it takes rows from."""
    size = program[op.out].size
    if isinstance(op, Pointwise):
        outputs, channels = program[op.matrix].shape
        before = heights[op.source], size // outputs, channels
        return op.source, LayerShape("pointwise", before, outputs, rectify=op.rectify)
    if isinstance(op, PoolRow):
        before, kernel = (op.height, op.width(program), op.channels), (op.kernel, op.columns)
        return op.source, LayerShape("maxpool", before, op.channels, kernel, (op.kernel, op.stride), padded=False)
    assert isinstance(op, Convolve | Depthwise | MaxPool)
    keep, (_, width, channels) = kept[op.ring], program[op.ring].shape
    outputs = program[op.matrix].shape[0] if isinstance(op, Convolve) else channels
    kind, left, rectify = "maxpool", 0, True
    if not isinstance(op, MaxPool):
        kind, left, rectify = "conv" if isinstance(op, Convolve) else "depthwise", op.left, op.rectify
    reach = (size // outputs - 1) * op.stride + op.columns
    padded = keep.top + keep.bottom + left > 0 or reach > width
    kernel, stride = (keep.kernel, op.columns), (keep.stride, op.stride)
    return keep.source, LayerShape(kind, (keep.height, width, channels), outputs, kernel, stride, padded, rectify)
