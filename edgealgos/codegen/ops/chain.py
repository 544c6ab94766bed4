"""Writes a chain of layers over a picture as the ops of ``push``; knows ops and shapes, no estimators, no training."""

from __future__ import annotations

from ..program.geometry import LayerShape, Picture, halvings_of
from ..program.op import Op
from ..program.qtype import QType
from ..program.tensor import Space, Tensor
from .conv import Convolve, Depthwise, Pointwise
from .elementwise import Rescale
from .rows import KeepRows, MaxPool, SumRow


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
        self.picture, self.source = picture, source

    def add(self, name: str, layer: LayerShape, matrix: Tensor | None, bias: Tensor | None, out: QType | None) -> None:
        """One more layer; its results have the type `out` (None: to be chosen from rows)."""
        if layer.before != self.picture:
            raise ValueError(f"{name} takes a picture of {layer.before}, but there is one of {self.picture}")
        constants = [tensor for tensor in (matrix, bias) if tensor is not None]
        _, positions, channels = layer.after
        result = Tensor(name, (positions * channels,), Space.SCRATCH, out, doc=f"a row of {positions} x {channels}")
        ring = self.source if layer.streams else self._kept(name, layer)
        self.tensors += [*constants, result]
        self.push.append(_op(name, layer, ring, *(tensor.name for tensor in constants)))
        self.picture, self.source = layer.after, name

    def _kept(self, name: str, layer: LayerShape) -> str:
        """The rows that the kernel needs, in a ring."""
        ring, place = f"{name}_rows", f"{name}_position"
        above, below = layer.zeros(0)
        doc = f"the last {layer.kernel[0]} rows"
        self.tensors += [
            Tensor(ring, (layer.kernel[0], *self.picture[1:]), Space.STATE, doc=doc),
            Tensor(place, (2,), Space.STATE, doc="rows so far, place of the oldest"),
        ]
        height = self.picture[0]
        self.push.append(KeepRows(ring, self.source, place, layer.kernel[0], height, layer.stride[0], above, below))
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


def _op(name: str, layer: LayerShape, source: str, matrix: str = "", bias: str = "") -> Op:
    columns, stride, left = layer.kernel[1], layer.stride[1], layer.zeros(1)[0]
    if layer.kind == "maxpool":
        return MaxPool(name, source, columns, stride)
    if layer.kind == "pointwise":
        return Pointwise(name, source, matrix, bias, layer.rectify)
    kind = Depthwise if layer.kind == "depthwise" else Convolve
    return kind(name, source, f"{name}_position", matrix, bias, columns, stride, left, layer.rectify)
