"""Recordings of motion or sound as windows in the integers of a sensor: read_recordings; knows no models."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import DatasetError
from .folders import find_files, label_files, read_each
from .motion import MotionFile, read_motion
from .motion_windows import MotionWindows
from .sensors import find_sensor
from .sounds import SOUND_RATE, SOUND_WINDOW, sound_windows
from .windows import Recordings


def read_recordings(
    path: str | os.PathLike[str],
    *,
    sensor: str = "mpu6050",
    units: str | Sequence[str] = (),
    rate: float | None = None,
    device_rate: float | None = None,
    window: float | None = None,
    acceleration_range: int | None = None,
    rotation_range: int | None = None,
    drop: str | Sequence[str] = (),
) -> Recordings:
    """Read a folder of motion or sound recordings, or one long file of motion, as people have them.

    Classes are sub-folders, or what file names have before their number, or a column of labels. Takes within a file are
    parted by blank lines, gaps in time, and changes of label, person or take. A file that cannot be read is left out
    and named; the others go on.

    Parameters
    ----------
    path : path
        A folder of CSV files (columns such as aX, acc_x, "Gyroscope x (rad/s)") or of WAV files; or one CSV file with a
        column of labels.
    sensor : str
        Whose integers the readings become: ``"mpu6050"``, ``"lsm9ds1"``, ``"lsm6ds3"`` or ``"adxl345"``.
    units : str or sequence of str, optional
        Of the files: ``"g"``, ``"mg"``, ``"m/s2"``, ``"dps"``, ``"rad/s"``, ``"raw"``. Default: as the columns say, or
        inferred from gravity.
    rate : float, optional
        Samples a second of files without times. Default: as a remark says, or the sensor's.
    device_rate : float, optional
        Samples a second on the device. Default: the sensor's usual rate, if the recordings are as fast; 8000 of sound.
    window : float, optional
        Seconds. Default: the length of a usual take; two seconds of stretches of time; one second of sound.
    acceleration_range, rotation_range : int, optional
        Of the sensor, in g and degrees a second. Default: what fits raw readings, or 4 g and 2000 degrees a second.
    drop : str or sequence of str, optional
        Columns to pass over.

    Returns
    -------
    Recordings

    Raises
    ------
    DatasetError
        If there is nothing to learn from: no recordings, one class, units that cannot be told.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgealgos.datasets import read_recordings
    >>> for label, height in (("punch", 2.0), ("rest", 0.1)):
    ...     for take in range(5):
    ...         rows = "".join(f"{height * (i % 9)},0,1\\n" for i in range(119))
    ...         _ = Path(f"{label}_{take}.csv").write_text("ax (g),ay (g),az (g)\\n" + rows)
    >>> found = read_recordings(".")
    >>> found.X.shape, found.X.dtype, found.rate
    ((10, 100, 3), dtype('int16'), 100.0)
    >>> print(found.notes[-1])
    5 windows of punch, 5 windows of rest
    """
    root = Path(path)
    if not root.exists():
        raise DatasetError(f"{root} does not exist; check the path")
    kind, files, notes = find_files(root) if root.is_dir() else ("motion", [root], [])
    left_out: dict[str, str] = {}
    if kind == "sound":
        found = sound_windows(root, files, device_rate or SOUND_RATE, window or SOUND_WINDOW, left_out, notes)
    else:
        asked = [units] if isinstance(units, str) else list(units)
        dropped = [drop] if isinstance(drop, str) else list(drop)
        wanted = {"a": acceleration_range, "g": rotation_range}
        read = read_each(files, lambda file: read_motion(file, dropped), left_out)
        labelled = _labelled(root, read, notes)
        found = MotionWindows(find_sensor(sensor), asked, wanted, notes).recordings(labelled, rate, device_rate, window)
    for name, why in left_out.items():
        notes.append(f"left out: {why}" if name in why else f"{name} is left out: {why}")
    labels = Counter(found.y.tolist())
    if len(labels) < 2:
        raise DatasetError(
            f"{root} holds recordings of one class, {next(iter(labels), 'none')!r}; record at least one more, such as "
            "rest or other movements, each in a folder or file of its own"
        )
    notes.append(", ".join(f"{count} windows of {label}" for label, count in sorted(labels.items())))
    return replace(found, left_out=left_out, notes=tuple(notes))


def _labelled(root: Path, read: dict[Path, MotionFile], notes: list[str]) -> dict[Path, MotionFile]:
    """Files whose takes have the labels and persons that their names or columns say."""
    if root.is_dir():
        named, more = label_files(root, list(read))
        notes += more
    else:
        named = {root: ("", None)}
    found = {}
    for file, content in read.items():
        label, person = named[file]
        takes = [replace(take, label=take.label or label, person=take.person or person) for take in content.takes]
        if not all(take.label for take in takes) and not root.is_dir():
            raise DatasetError(f"{root} has no column of labels; add one called label, or pass a folder of such files")
        found[file] = replace(content, takes=tuple(take for take in takes if take.label))
        notes += [f"{file}: {note}" for note in content.notes]
    return found
