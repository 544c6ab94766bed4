"""What estimators take as pictures: arrays of any form, their shape and encoding, moves; knows nothing of models."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array, check_is_fitted

from ..augment import Augmenter, ImageWarp, TimeJitter
from ..codegen.program.choose_encoding import losses
from ..codegen.program.encoding import InputEncoding
from ..codegen.program.geometry import MOST, Picture
from ..codegen.program.qtype import QType
from .model import Frame

SQUARE = 2  # a picture's longer side is at most so many times the other one
LEAST_SIDE = 5
FRACTION = 6  # of the inputs of pictures: black is 0, white nearly 2
SHIFTED = 20  # part of a picture's side by which it may be moved
LOOKED_AT = 1000  # rows that tell whether they are pictures
ALIKE, UNLIKE = 0.25, 0.2  # correlation of neighbours; by how much less what lies half a row apart has
SMOOTH = 0.5  # correlation of bands and steps of a spectrogram with their neighbours
FADED = 0.9  # of a correlation: what that of pixels less near is less than
RARE = 3.0  # deviations that count: a pixel that is hardly ever lit would be most like another one of that row


class PictureMixin:
    """Input of convolutional estimators: pictures with and without channels, sequences, flat rows."""

    image_shape: tuple[int, ...] | None
    n_rows_: int
    n_positions_: int
    n_channels_: int
    _row_attributes: ClassVar[tuple[str, ...]] = ("n_rows_", "n_positions_", "n_channels_")

    @property
    def image_shape_(self) -> Picture:
        """Rows, positions of a row, channels."""
        return self.n_rows_, self.n_positions_, self.n_channels_

    @property
    def _row_shape(self) -> tuple[int, ...]:
        """Shape of a raw picture as training sees it: row by row."""
        return self.n_rows_, self.n_positions_ * self.n_channels_

    def _check_rows_and_target(
        self, X: ArrayLike, y: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[Any], dict[str, Any]]:
        shape = _shape(X)
        flat, target, seen = super()._check_rows_and_target(_flat(X), y)  # type: ignore[misc]
        seen_as = picture_in(flat) if self.image_shape is None and shape is None else None
        picture = seen_as or picture_of(shape or flat.shape, self.image_shape)
        if self.image_shape is None and shape is None and seen_as is None and (perhaps := _perhaps(picture[0])):
            warnings.warn(
                f"flat rows of {picture[0]} numbers are taken for {_said(picture)}; if they are pictures, pass "
                f"image_shape={perhaps}, if not, image_shape=(-1, 1)",
                UserWarning,
                stacklevel=3,
            )
        if max(picture[1:]) > MOST:
            raise ValueError(f"X has {_said(picture)}: of positions and channels the device counts at most {MOST}")
        rows, positions, channels = picture
        found = dict(zip(self._row_attributes, picture, strict=True))
        return flat.reshape(len(flat), rows, positions * channels), target, seen | found

    def _check_rows(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        shape, picture = _shape(X), self.image_shape_
        if shape is not None and not _same(shape[1:], picture):
            raise ValueError(
                f"X has pictures of shape {shape[1:]}, but {type(self).__name__} was fitted on {_said(picture)}"
            )
        flat = super()._check_rows(_flat(X))  # type: ignore[misc]
        return flat.reshape(len(flat), picture[0], picture[1] * picture[2])

    def _frame(self, seen: dict[str, Any], rows: NDArray[np.float64]) -> Frame:
        """Pictures have one pair of offset and scale for all pixels, and black stays 0 as what lies around them is.

        Where black is far below every pixel, or one pixel far above, counting from black would leave few levels.
        """
        width = seen["n_positions_"]
        pixels = rows if width == 1 else rows.reshape(len(rows), -1, 1)
        frame: Frame = super()._frame(seen, pixels)  # type: ignore[misc]
        if width > 1 and 0 <= 2 * rows.min() <= rows.max() > 0 and frame.encoding.qtype.bits == 8:
            black = from_black(float(rows.max()))
            if not losses(black, pixels).coarse:
                frame = replace(frame, encoding=black, warnings=())
        return replace(frame, shape=rows.shape[1:], structure={"width": width})


def picture_of(shape: tuple[int, ...], wanted: tuple[int, ...] | None) -> Picture:
    """Rows, positions and channels of arrays of that shape.

    Without a wish, three axes are pictures where their sides are alike, else sequences; flat rows are sequences of
    single numbers.

    Raises
    ------
    ValueError
        Where the wish does not fit the rows.
    """
    if wanted is not None:
        picture = (*wanted, 1)[:3]
        whole = all(isinstance(n, (int, np.integer)) and (n > 0 or n == -1) for n in wanted)
        if len(wanted) not in (2, 3) or not whole or list(wanted).count(-1) > 1:
            raise ValueError(
                f"image_shape is (height, width) or (height, width, channels), one of them -1 at most; got "
                f"{tuple(wanted)}"
            )
        others = -math.prod(picture)
        if others > 0:  # one of them is what is left
            picture = tuple(math.prod(shape[1:]) // others if n == -1 else n for n in picture)
        if math.prod(picture) != math.prod(shape[1:]):
            raise ValueError(
                f"image_shape={tuple(wanted)} makes {math.prod(picture)} values, but a row of X has "
                f"{math.prod(shape[1:])}"
            )
        return picture[0], picture[1], picture[2]
    if len(shape) == 4:
        return shape[1], shape[2], shape[3]
    if len(shape) == 3:
        short, long = sorted(shape[1:])
        return (shape[1], shape[2], 1) if short >= LEAST_SIDE and long <= SQUARE * short else (shape[1], 1, shape[2])
    return shape[1], 1, 1


def picture_in(rows: NDArray[Any]) -> Picture | None:
    """The picture that rows (n, d), (n, d, 1) or (n, rows, positions) seem to be, of one channel.

    What is far from square is a spectrogram: rows of one position, with a channel for each band.

    Pixels are like those beside and those below them, less like those half a row apart, as readings of smooth spectra
    are not, and less like those two rows below, as waves of a period are not. The last pixel of a row is less like the
    first one of the next, as readings that go on are not, whatever their period.
    """
    size = math.prod(rows.shape[1:])
    sides: list[tuple[int, ...]] = [(height, size // height) for height in range(1, size + 1) if size % height == 0]
    sides = [rows.shape[1:]] if rows.shape[-1] not in (1, size) else [each for each in sides if _alike(each)]
    if not sides or min(sides[0]) < LEAST_SIDE or len(rows) < 2:
        return None
    some = rows[:LOOKED_AT].reshape(len(rows[:LOOKED_AT]), -1)
    deviations = some.std(0)
    standard = (some - some.mean(0)) / np.where(deviations > 0, deviations, 1.0)

    def correlation(lag: int) -> float:
        """Of pixels so far apart, those that never vary left out."""
        vary = (deviations[lag:] > 0) & (deviations[:-lag] > 0)
        return float((standard[:, lag:] * standard[:, :-lag]).mean(0)[vary].mean()) if vary.any() else 0.0

    beside = correlation(1)
    below, (height, width) = max((correlation(side[1]), side) for side in sides)
    near, apart = min(beside, below), correlation(width // 2)
    fades = correlation(2 * width) < FADED * below
    if not _alike((height, width)):
        return (height, 1, width) if near >= SMOOTH else None
    seems = near >= ALIKE and near - apart >= UNLIKE and fades
    return (height, width, 1) if seems and not _goes_on(np.clip(standard, -RARE, RARE), width) else None


def _goes_on(standard: NDArray[np.float64], width: int) -> bool:
    """Whether the ends of rows so wide are as like the beginnings of the next ones as neighbours within a row are."""
    alike = (standard[:, 1:] * standard[:, :-1]).mean(0)
    vary = (standard[:, 1:] != 0).any(0) & (standard[:, :-1] != 0).any(0)
    last = np.arange(1, len(alike) + 1) % width == 0
    ends, within = alike[vary & last], alike[vary & ~last]
    return bool(len(ends) and len(within) and ends.mean() >= FADED * within.mean())


def _perhaps(size: int) -> tuple[int, ...] | None:
    """The square picture, grey or of three colours, that so many numbers may be."""
    side, coloured = math.isqrt(size), math.isqrt(size // 3)
    if side**2 == size > LEAST_SIDE**2:
        return side, side
    return (coloured, coloured, 3) if 3 * coloured**2 == size > 3 * LEAST_SIDE**2 else None


def _alike(sides: tuple[int, ...]) -> bool:
    return max(sides) <= SQUARE * min(sides)


def mover(picture: Picture, rows: NDArray[Any], mirror: bool = False) -> Augmenter:
    """Moves pictures as little as most may be moved; what comes in from outside is as their border is.

    Spectrograms are moved and stretched in time alone.
    """
    if picture[1] == 1:
        return TimeJitter(shift=picture[0] / SHIFTED)
    border = rows[:LOOKED_AT].reshape(len(rows[:LOOKED_AT]), picture[0], -1)[:, [0, -1]]
    amounts = {"shift": min(picture[:2]) / SHIFTED, "rotation": 8.0, "zoom": 0.08}
    return ImageWarp(picture, **amounts, background=float(np.median(border)), mirror=mirror)


def from_black(largest: float) -> InputEncoding:
    """The encoding of values from zero on: a power of two, and zero stays zero."""
    scale = 2.0 ** math.floor(math.log2(127.5 / largest))
    return InputEncoding(np.zeros(1), np.array([scale], np.float32), 0, 127, QType(8, FRACTION))


def _shape(X: Any) -> tuple[int, ...] | None:
    """The shape of input with three or four axes, None for everything else."""
    if not hasattr(X, "shape"):
        try:
            X = np.asarray(X)
        except ValueError:  # ragged: scikit-learn will say so
            return None
    return tuple(X.shape) if len(X.shape) in (3, 4) else None


def _flat(X: Any) -> Any:
    """Pictures as rows; everything else untouched, for scikit-learn to judge."""
    if _shape(X) is None:
        return X
    X = check_array(X, allow_nd=True, dtype=np.float64, ensure_min_samples=0)
    return X.reshape(len(X), math.prod(X.shape[1:]))


def _same(shape: tuple[int, ...], picture: Picture) -> bool:
    """Whether arrays of a shape hold such pictures."""
    rows, positions, channels = picture
    return shape in (picture, (rows, positions * channels))


def _said(picture: Picture) -> str:
    rows, positions, channels = picture
    if positions == 1:
        return f"sequences of {rows} steps of {channels} features"
    return f"pictures of {rows} rows of {positions} positions and {channels} channels"
