"""Units of a motion sensor's readings, said or inferred, and readings as counts of another sensor; knows arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from .sensors import STANDARD_GRAVITY, MotionSensor

ACCELERATION = {"g": 1.0, "mg": 1e-3, "m/s2": 1 / STANDARD_GRAVITY}  # in g
ROTATION = {"dps": 1.0, "rad/s": 180 / np.pi}  # in degrees a second
FASTEST_TURN = 35.0  # rad/s: the 2000 degrees a second that such sensors end at
NEARLY = 0.15


def infer_units(
    name: str, axes: Sequence[str], values: NDArray[np.float64], said: dict[str, str], asked: Sequence[str]
) -> dict[str, str]:
    """Units of acceleration (``"a"``) and rotation (``"g"``).

    Parameters
    ----------
    name : str
        Of the first file, for messages.
    axes : sequence of str
    values : ndarray, shape (n, n_axes)
        Readings of all files that are written alike.
    said : dict
        Units in the names of the columns.
    asked : sequence of str
        Units that the user names, such as ``("g", "rad/s")``; ``"raw"`` counts for both.

    Raises
    ------
    DatasetError
        If the readings would be plausible in more than one unit.
    """
    wanted = {"a": next((u for u in asked if u in (*ACCELERATION, "raw")), None),
              "g": next((u for u in asked if u in (*ROTATION, "raw")), None)}  # fmt: skip
    found = {}
    if any(axis[0] == "a" for axis in axes):
        part = values[:, [axis[0] == "a" for axis in axes]]
        unit = wanted["a"] or said.get("a") or _acceleration_unit(part)
        if unit is None:
            typical = np.median(np.linalg.norm(part, axis=1))
            raise DatasetError(
                f"{name}: an acceleration of typically {typical:g} may be in g, mg, m/s2 or raw counts; say which with "
                "units='g', or in the names of the columns, as in ax_g"
            )
        found["a"] = unit
    if any(axis[0] == "g" for axis in axes):
        part = values[:, [axis[0] == "g" for axis in axes]]
        found["g"] = wanted["g"] or said.get("g") or _rotation_unit(part, found.get("a"))
    return found


def _acceleration_unit(part: NDArray[np.float64]) -> str | None:
    """By the length of the acceleration, of which gravity is always a part."""
    whole = bool((part % 1 == 0).all())
    typical = float(np.median(np.linalg.norm(part, axis=1)))
    if whole:
        return "raw" if typical > 1500 or 200 < typical < 400 else None  # 1000 may be mg or a sensor's 1024
    if 0.3 < typical < 3:
        return "g"
    if 5 < typical < 30:
        return "m/s2"
    return "mg" if 300 < typical < 3000 else None


def _rotation_unit(part: NDArray[np.float64], acceleration: str | None) -> str:
    """What goes with the acceleration: with m/s2 come radians, unless turns are faster than a sensor's."""
    if acceleration == "raw" or (acceleration is None and (part % 1 == 0).all()):
        return "raw"
    return "rad/s" if acceleration == "m/s2" and np.abs(part).max(initial=0) <= FASTEST_TURN else "dps"


def nearest_range(sensor: MotionSensor, part: NDArray[np.float64]) -> int | None:
    """Range of a sensor whose counts for 1 g are those of raw readings; None where no range has such."""
    typical = float(np.median(np.linalg.norm(part, axis=1)))
    close = {r: abs(np.log2(typical / counts)) for r, counts in sensor.acceleration.items() if typical > 0}
    best = min(close, key=close.__getitem__, default=None)
    return best if best is not None and close[best] < 0.5 else None


def to_counts(values: NDArray[np.float64], axes: Sequence[str], units: dict[str, str], counts: dict[str, float],
              most: int) -> tuple[NDArray[np.int16], float]:  # fmt: skip
    """Readings as a sensor's integers, and the share of rows that it could not have measured.

    Parameters
    ----------
    values : ndarray, shape (n, n_axes)
    axes : sequence of str
    units : dict
        ``"raw"`` readings stay as they are.
    counts : dict
        Counts for 1 g (``"a"``) and for a degree a second (``"g"``).
    most : int
        Largest count of the acceleration.
    """
    factors = {"a": ACCELERATION.get(units.get("a", "raw")), "g": ROTATION.get(units.get("g", "raw"))}
    scale = [1.0 if (factor := factors[axis[0]]) is None else factor * counts[axis[0]] for axis in axes]
    limit = np.array([most if axis[0] == "a" else 32767 for axis in axes])
    found = np.rint(values * scale)
    beyond = float((np.abs(found) > limit + 1).any(axis=1).mean())
    return np.clip(found, -limit - 1, limit).astype(np.int16), beyond
