"""Random versions of rows that keep their labels, for ``augment=`` of the estimators; trains nothing.

Each is a small frozen object called with raw rows and a random generator, so that estimators which hold one clone and
pickle. Anything callable in the same way serves as well, a function of one's own included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
Augmenter = Callable[[Rows, np.random.Generator], Rows]
VALUES_AT_ONCE = 100_000  # of images that are warped together: as many as caches hold


@dataclass(frozen=True)
class Compose:
    """One augmenter after the other.

    Parameters
    ----------
    steps : tuple of callable
        Each called as ``step(X, rng)``.

    Examples
    --------
    >>> from edgealgos.augment import Compose, SensorJitter, TimeJitter
    >>> both = Compose((TimeJitter(shift=3), SensorJitter(noise=0.1)))
    """

    steps: tuple[Augmenter, ...]

    def __call__(self, X: Rows, rng: np.random.Generator) -> Rows:
        """Rows after all steps."""
        for step in self.steps:
            X = step(X, rng)
        return X


@dataclass(frozen=True)
class ImageShift:
    """Moves each image by whole pixels, up to `pixels` in both directions.

    Parameters
    ----------
    shape : (int, int)
        Height and width; rows may be flat or come as (n, height, width).
    pixels : int, default=1
        Largest move.
    background : float, default=0
        What fills the border.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.augment import ImageShift
    >>> ImageShift((8, 8))(np.ones((3, 64)), np.random.default_rng(0)).shape
    (3, 64)
    """

    shape: tuple[int, int]
    pixels: int = 1
    background: float = 0.0

    def __call__(self, X: Rows, rng: np.random.Generator) -> Rows:
        """Moved images, of the shape of `X`."""
        (height, width), most = self.shape, self.pixels
        images = _as_images(X, self.shape)
        padded = np.pad(images, ((0, 0), (most, most), (most, most)), constant_values=self.background)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        down, right = rng.integers(2 * most + 1, size=(2, len(images)))
        return windows[np.arange(len(images)), down, right].reshape(np.shape(X))


@dataclass(frozen=True)
class ImageWarp:
    """Moves, turns, zooms, shears and bends each image at random, with bilinear interpolation.

    Every amount is drawn evenly between minus and plus the parameter, image by image.

    Parameters
    ----------
    shape : (int, int) or (int, int, int)
        Height and width, and channels, which move together; rows may be flat or come in that shape.
    shift : float, default=1
        Pixels.
    rotation : float, default=10
        Degrees.
    zoom : float, default=0.1
        Change of size in the two directions apart, as a share.
    shear : float, default=0.1
        Slant of vertical lines, pixels a pixel.
    bend : float, default=0
        Standard deviation in pixels of a smooth random displacement (Simard, Steinkraus and Platt, ICDAR 2003).
    background : float, default=0
        What fills the border.
    mirror : bool, default=False
        Whether left and right change places in half of the images.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.augment import ImageWarp
    >>> ImageWarp((8, 8), bend=0.5)(np.ones((3, 64)), np.random.default_rng(0)).shape
    (3, 64)
    """

    shape: tuple[int, int] | tuple[int, int, int]
    shift: float = 1.0
    rotation: float = 10.0
    zoom: float = 0.1
    shear: float = 0.1
    bend: float = 0.0
    background: float = 0.0
    mirror: bool = False

    def __call__(self, X: Rows, rng: np.random.Generator) -> Rows:
        """Warped images, of the shape of `X`."""
        images, warped = _as_images(X, self.shape), np.empty(np.shape(X), np.float32)
        made, count = _as_images(warped, self.shape), max(1, VALUES_AT_ONCE // math.prod(self.shape))
        for i in range(0, len(images), count):
            part = images[i : i + count]
            made[i : i + count] = self._warped(part.astype(np.float32), rng).reshape(part.shape)
        return warped

    def _warped(self, images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Images (n, height, width) or (n, height, width, channels), each in its own way."""
        count, height, width, channels = (*images.shape, 1)[:4]
        sources = np.repeat(self._sources(count, rng), channels, axis=0)
        planes = np.moveaxis(images.reshape(count, height, width, channels), 3, 1).reshape(-1, height, width)
        found = _sampled(planes, sources, self.background).reshape(count, channels, height, width)
        if self.mirror:
            found = np.where(rng.random((count, 1, 1, 1)) < 0.5, found[..., ::-1], found)
        return np.moveaxis(found, 1, 3)

    def _sources(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Where each pixel of each image comes from: rows and columns, (count, 2, pixels)."""

        def drawn(most: float, *shape: int) -> NDArray[np.float64]:
            return most * rng.uniform(-1, 1, (count, *shape))

        height, width = self.shape[:2]
        centre = np.array([[(height - 1) / 2], [(width - 1) / 2]])
        pixels = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij")).reshape(2, -1) - centre
        angle, slant = np.deg2rad(drawn(self.rotation)), drawn(self.shear)
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.stack([np.stack([cos, -sin], 1), np.stack([sin + slant, cos], 1)], 1)
        matrix = np.exp(drawn(self.zoom, 2))[:, :, None] * turn
        sources = (matrix @ pixels + drawn(self.shift, 2)[:, :, None] + centre).astype(np.float32)
        if self.bend:
            coarse = rng.normal(scale=self.bend, size=(count, 2, 4, 4)).astype(np.float32)
            fine = np.einsum("hi,ncij,wj->nchw", _stretch(height), coarse, _stretch(width), optimize=True)
            sources += fine.reshape(sources.shape)
        return sources


@dataclass(frozen=True)
class SensorJitter:
    """Noise, gain and turned axes, as another copy of the sensor worn a little differently would give.

    Parameters
    ----------
    noise : float, default=0.05
        Standard deviation of noise on every value, as a share of the deviation of its column.
    gain : float, default=0.05
        Largest change of scale of a column, drawn row by row, as a share.
    rotation : float, default=0
        Largest turn in degrees of each three columns in turn (x, y, z of an accelerometer, then of a gyroscope), the
        same one for all of them.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.augment import SensorJitter
    >>> SensorJitter(rotation=15)(np.ones((4, 100, 6)), np.random.default_rng(0)).shape
    (4, 100, 6)
    """

    noise: float = 0.05
    gain: float = 0.05
    rotation: float = 0.0

    def __call__(self, X: Rows, rng: np.random.Generator) -> Rows:
        """Jittered rows (n, columns) or sequences (n, steps, columns)."""
        X = np.asarray(X, dtype=np.float32)
        spread = X.std(axis=tuple(range(X.ndim - 1)))
        if self.rotation:
            X = _turned(X, np.deg2rad(self.rotation), rng)
        factors = 1 + self.gain * rng.uniform(-1, 1, (len(X), *[1] * (X.ndim - 2), X.shape[-1])).astype(np.float32)
        return X * factors + self.noise * spread * rng.standard_normal(X.shape, np.float32)


@dataclass(frozen=True)
class TimeJitter:
    """Starts sequences earlier or later and plays them slower or faster, with linear interpolation.

    What lies before the first or after the last step repeats it.

    Parameters
    ----------
    shift : float, default=2
        Largest move, in steps.
    stretch : float, default=0.1
        Largest change of speed, as a share.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.augment import TimeJitter
    >>> TimeJitter(shift=5)(np.ones((4, 100, 6)), np.random.default_rng(0)).shape
    (4, 100, 6)
    """

    shift: float = 2.0
    stretch: float = 0.1

    def __call__(self, X: Rows, rng: np.random.Generator) -> Rows:
        """Sequences (n, steps, features) on a changed time axis."""
        X = np.asarray(X, dtype=np.float32)
        if X.ndim != 3:
            raise ValueError(f"TimeJitter needs sequences of shape (n, steps, features), got {X.shape}")
        count, steps, _ = X.shape
        middle = (steps - 1) / 2
        speed = np.exp(self.stretch * rng.uniform(-1, 1, (count, 1)))
        at = (np.arange(steps) - middle) * speed + middle + self.shift * rng.uniform(-1, 1, (count, 1))
        at = np.clip(at, 0, steps - 1)
        before = np.minimum(at.astype(int), steps - 2) if steps > 1 else np.zeros(at.shape, int)
        share = (at - before)[:, :, None].astype(np.float32)
        row = np.arange(count)[:, None]
        return (1 - share) * X[row, before] + share * X[row, np.minimum(before + 1, steps - 1)]


# ---- images ----------------------------------------------------------------------------------------------------------


def _as_images(X: Rows, shape: tuple[int, ...]) -> Rows:
    """Rows as (n, height, width), with channels behind where there are any."""
    X = np.asarray(X)
    if X[0].size != math.prod(shape):
        raise ValueError(f"images of shape {shape} have {math.prod(shape)} values, the rows have {X[0].size}")
    return X.reshape(len(X), *shape)


def _stretch(size: int) -> NDArray[np.float32]:
    """Linear interpolation of four values over `size` places, (size, 4)."""
    distance = np.abs(np.linspace(0, 3, size)[:, None] - np.arange(4))
    return np.maximum(0, 1 - distance).astype(np.float32)


def _sampled(images: NDArray[np.float32], sources: NDArray[np.float32], background: float) -> NDArray[np.float32]:
    """Images looked up at real places (n, 2, pixels), flat."""
    height, width = images.shape[1:]
    flat = np.pad(images, ((0, 0), (1, 2), (1, 2)), constant_values=background).ravel()
    stride, size = width + 3, (height + 3) * (width + 3)
    rows, columns = sources[:, 0] + 1, sources[:, 1] + 1
    np.clip(rows, 0, height + 1, out=rows)
    np.clip(columns, 0, width + 1, out=columns)
    corner, left = rows.astype(np.int32), columns.astype(np.int32)
    rows -= corner
    columns -= left
    corner *= stride
    corner += left
    corner += size * np.arange(len(images), dtype=np.int32)[:, None]

    def between(offset: int) -> NDArray[np.float32]:
        """Values between two neighbours of a row of pixels."""
        found, other = flat[offset:].take(corner), flat[offset + 1 :].take(corner)
        other -= found
        other *= columns
        found += other
        return found

    upper, lower = between(0), between(stride)
    lower -= upper
    lower *= rows
    upper += lower
    return upper


# ---- sensors ---------------------------------------------------------------------------------------------------------


def _turned(X: NDArray[np.float32], most: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Every three columns turned about a random axis by up to `most`, one turn a row."""
    from scipy.spatial.transform import Rotation

    whole = X.shape[-1] // 3 * 3
    if whole == 0:
        raise ValueError(f"turning axes needs columns in threes, the rows have {X.shape[-1]}")
    axes = rng.normal(size=(len(X), 3))
    axes *= most * rng.uniform(0, 1, (len(X), 1)) / np.linalg.norm(axes, axis=1, keepdims=True)
    turns = Rotation.from_rotvec(axes).as_matrix().astype(np.float32)
    triples = X[..., :whole].reshape(len(X), -1, 3)
    turned = np.matmul(triples, turns.transpose(0, 2, 1)).reshape(*X.shape[:-1], whole)
    return np.concatenate([turned, X[..., whole:]], axis=-1)
