"""What layers over pictures make of shapes: kernels, strides, zeros around the picture; plain numbers, no ops."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST = 255  # positions of a row, channels, rows of a kernel: C++ counts them in a byte
Picture = tuple[int, int, int]  # rows, positions of a row, channels


@dataclass(frozen=True)
class LayerShape:
    """One layer over a picture.

    Parameters
    ----------
    kind : {"conv", "depthwise", "pointwise", "maxpool", "add"}
        The last one adds a picture of the same shape.
    before : (int, int, int)
        Rows, positions and channels of the picture it takes.
    channels : int
        Channels of its results.
    kernel, stride : (int, int)
        Down the rows, and along one.
    padded : bool
        Whether zeros lie around the picture such that it makes ``ceil(size / stride)`` results: "same" in Keras.
    rectify : bool
        Whether negative results become zero.
    """

    kind: str
    before: Picture
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padded: bool = True
    rectify: bool = True

    def __post_init__(self) -> None:
        for axis, what in enumerate(("rows", "columns")):
            if self._results(axis) < 1:
                size, kernel = self.before[axis], self.kernel[axis]
                raise ValueError(f"{self.kind}: a kernel of {kernel} {what} does not lie in a picture of {size} {what}")

    @property
    def after(self) -> Picture:
        """The picture that it makes."""
        rows, positions = (self._results(axis) for axis in (0, 1))
        return rows, positions, self.channels

    def zeros(self, axis: int) -> tuple[int, int]:
        """Zeros before and after the picture along an axis."""
        if not self.padded:
            return 0, 0
        reach = (self._results(axis) - 1) * self.stride[axis] + self.kernel[axis]
        total = max(reach - self.before[axis], 0)
        return total // 2, total - total // 2

    def _results(self, axis: int) -> int:
        size, stride = self.before[axis], self.stride[axis]
        return -(-size // stride) if self.padded else (size - self.kernel[axis]) // stride + 1

    def window(self, axis: int, results: tuple[int, int]) -> tuple[int, int]:
        """First place of the picture that results (first, behind the last) need along an axis, and behind the last."""
        before, stride = self.zeros(axis)[0], self.stride[axis]
        last = (results[1] - 1) * stride - before + self.kernel[axis]
        return max(results[0] * stride - before, 0), min(last, self.before[axis])

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Of what it multiplies with: a row a result, or of a depthwise layer a channel."""
        size = self.kernel[0] * self.kernel[1]
        if self.kind == "depthwise":
            return self.channels, size
        return self.channels, size * self.before[2]

    @property
    def products_at_position(self) -> int:
        """Multiplications for one position of the results, those with zeros around the picture included."""
        return 0 if self.kind in ("maxpool", "add") else self.matrix_shape[0] * self.matrix_shape[1]

    @property
    def products(self) -> int:
        """Multiplications for one picture."""
        rows, positions, _ = self.after
        return rows * positions * self.products_at_position

    def kept_values(self, of_input: bool) -> int:
        """Values that are kept for its kernel: rows of the picture, of a pool whose rows lie apart one of results."""
        if self.apart:
            return self.after[1] * self.after[2]
        rows = self.kernel[0] - (self.awaits and not of_input)
        return 0 if self.streams else rows * self.before[1] * self.before[2]

    @property
    def awaits(self) -> bool:
        """Whether the last row that its kernel sees may stay where it is, if that is not the input."""
        return self.kind in ("conv", "depthwise") and self.kernel[0] > 1

    @property
    def apart(self) -> bool:
        """Whether it is a pool of which no two results see the same row, and all see rows of the picture alone."""
        inside = self.zeros(0) == self.zeros(1) == (0, 0)
        return self.kind == "maxpool" and self.kernel[0] == self.stride[0] and inside

    @property
    def streams(self) -> bool:
        """Whether it needs nothing but the row that has come."""
        return self.kind in ("pointwise", "add")


@dataclass(frozen=True)
class Stage:
    """A layer of a program.

    Parameters
    ----------
    layer : LayerShape
    source, out : str
        Tensors that hold a row of the picture that it takes, and of the one that it makes.
    shortcut : str
        Of an addition, the tensor of the other picture.
    """

    layer: LayerShape
    source: str
    out: str
    shortcut: str = ""


def rows_between(layers: Iterable[LayerShape]) -> int:
    """Rows of a picture that come before layers have made a result of the first one's number, that one included.

    Raises
    ------
    ValueError
        For a stride: then rows of the same number are not at the same place of the picture.
    """
    layers = list(layers)
    if strided := next((layer for layer in layers if layer.stride != (1, 1)), None):
        raise ValueError(
            f"{strided.kind}: what a layer of stride {strided.stride} makes cannot be added to its picture"
        )
    return 1 + sum(layer.zeros(0)[1] for layer in layers)


def halvings_of(positions: int) -> int:
    """Power of two that the sum over so many positions is divided by: up to 4 times their average is left of it."""
    return max(0, math.ceil(math.log2(positions)) - 2)


# ---- nets as text ----------------------------------------------------------------------------------------------------

_WORD = re.compile(r"(conv|sep|dw|pool)([1-9]\d?)x([1-9]\d?)(?:/([1-9]))?(?::([1-9]\d{0,2}))?|(pw|full):([1-9]\d{0,2})")
GRAMMAR = (
    "conv3x3:8 (rows x columns: channels), sep3x3:8 (each channel alone, then pointwise), dw3x3, pw:8, full:8 (all of "
    "the picture), pool2x2; /2 after a kernel for a stride of two"
)


def parse(text: str, picture: Picture) -> list[LayerShape]:
    """Layers of a net such as ``"conv3x3/2:8 sep3x3:16 pool2x2"`` over a picture.

    Raises
    ------
    ValueError
        For a word that is no layer, or a kernel that does not lie in its picture.
    """
    layers: list[LayerShape] = []
    for word in text.split():
        found = _WORD.fullmatch(word)
        if found is None or (found[1] in ("conv", "sep")) != (found[5] is not None and found[6] is None):
            raise ValueError(f"layers: {word!r} is no layer; write {GRAMMAR}")
        for layer in _layers(found, picture):
            layers.append(layer)
            picture = layer.after
    if not layers:
        raise ValueError(f"layers: there is none; write {GRAMMAR}")
    return layers


def _layers(found: re.Match[str], picture: Picture) -> Iterator[LayerShape]:
    kind, channels = found[1] or found[6], int(found[5] or found[7] or picture[2])
    if channels > MOST:
        raise ValueError(f"layers: {found[0]!r} has {channels} channels, {MOST} are the most")
    if kind == "pw":
        yield LayerShape("pointwise", picture, channels)
        return
    if kind == "full":
        yield LayerShape("conv", picture, channels, picture[:2], padded=False)
        return
    kernel, step = (int(found[2]), int(found[3])), int(found[4] or 1)
    if kind == "pool":
        yield LayerShape("maxpool", picture, picture[2], kernel, kernel, padded=False)
    elif kind == "conv":
        yield LayerShape("conv", picture, channels, kernel, (step, step))
    else:
        alone = LayerShape("depthwise", picture, picture[2], kernel, (step, step), rectify=kind == "dw")
        yield alone
        if kind == "sep":
            yield LayerShape("pointwise", alone.after, channels)
