"""What layers over pictures make of shapes: kernels, strides, zeros around the picture; plain numbers, no ops."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 255  # positions of a row, channels, rows of a kernel: C++ counts them in a byte
Picture = tuple[int, int, int]  # rows, positions of a row, channels


@dataclass(frozen=True)
class LayerShape:
    """One layer over a picture.

    Parameters
    ----------
    kind : {"conv", "depthwise", "pointwise", "maxpool"}
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

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Of what it multiplies with: a row a result, or of a depthwise layer a channel."""
        size = self.kernel[0] * self.kernel[1]
        if self.kind == "depthwise":
            return self.channels, size
        return self.channels, size * self.before[2]

    @property
    def products(self) -> int:
        """Multiplications for one picture, those with zeros around it included."""
        rows, positions, _ = self.after
        return rows * positions * self.matrix_shape[0] * self.matrix_shape[1] if self.kind != "maxpool" else 0

    @property
    def ring_values(self) -> int:
        """Values of the picture that are kept for its kernel."""
        return 0 if self.streams else self.kernel[0] * self.before[1] * self.before[2]

    @property
    def streams(self) -> bool:
        """Whether it needs nothing but the row that has come."""
        return self.kind == "pointwise"
