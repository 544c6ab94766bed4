"""Recordings of motion or sound as windows in the integers of a sensor: read_recordings; knows no models."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from .folders import find_files, label_files
from .motion import MotionFile, Take, read_motion
from .sensors import MotionSensor, find_sensor
from .units import infer_units, nearest_range, to_counts
from .wav import Sound, read_wav
from .windows import Piece, cut, resample, window_length

SOUND_RATE, SOUND_WINDOW = 8000, 1.0
BACKGROUND = "_background_noise_"
TUTORIAL = 119  # rows of a take, and samples a second, of Arduino's widely copied gesture sketch
SATURATES = 0.001  # share of readings beyond a sensor's range that is worth a word


@dataclass(frozen=True)
class Recordings:
    """Windows of a sensor's raw integers, with what is to be learnt of them.

    Attributes
    ----------
    X : int16 ndarray, shape (n, n_steps, n_axes), or (n, n_samples) of sound
    y : ndarray of str, shape (n,)
    groups : ndarray of str, shape (n,)
        Persons, where they are known, else takes: windows of one group belong on one side of a split.
    kind : {"motion", "sound"}
    rate : float
        Samples a second, for the device as well.
    axes : tuple of str
        ``ax``, ``ay``, ``az`` (acceleration), ``gx``, ``gy``, ``gz`` (rotation); ``("wave",)`` of sound.
    sensor : MotionSensor or None
    ranges : dict of str to int
        Of the sensor, in g (``"a"``) and degrees a second (``"g"``).
    counts : dict of str to float
        Counts for 1 g and for a degree a second.
    left_out : dict of str to str
        Files that could not be read, and why.
    notes : tuple of str
        What was understood or done that one may want to know.
    """

    X: NDArray[np.int16]
    y: NDArray[np.str_]
    groups: NDArray[np.str_]
    kind: str
    rate: float
    axes: tuple[str, ...]
    sensor: MotionSensor | None = None
    ranges: dict[str, int] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


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
    """
    root = Path(path)
    if not root.exists():
        raise DatasetError(f"{root} does not exist; check the path")
    kind, files, notes = find_files(root) if root.is_dir() else ("motion", [root], [])
    left_out: dict[str, str] = {}
    if kind == "sound":
        found = _sound(root, files, device_rate or SOUND_RATE, window or SOUND_WINDOW, left_out, notes)
    else:
        asked = [units] if isinstance(units, str) else list(units)
        dropped = [drop] if isinstance(drop, str) else list(drop)
        wanted = {"a": acceleration_range, "g": rotation_range}
        read = _each(files, lambda file: read_motion(file, dropped), left_out)
        labelled = _labelled(root, read, notes)
        found = _Motion(find_sensor(sensor), asked, wanted, notes).recordings(labelled, rate, device_rate, window)
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


def _each(files: Sequence[Path], read: Callable[[Path], Any], left_out: dict[str, str]) -> dict[Path, Any]:
    """What can be read; the others are left out, unless none stays."""
    found = {}
    for file in files:
        try:
            found[file] = read(file)
        except DatasetError as error:
            left_out[str(file)] = str(error)
    if not found:
        first = next(iter(left_out.values()))
        raise DatasetError(first if len(files) == 1 else f"none of {len(files)} files can be read; the first: {first}")
    return found


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


class _Motion:
    """Files of a motion sensor on their way to windows of counts."""

    def __init__(self, sensor: MotionSensor, units: list[str], ranges: dict[str, int | None], notes: list[str]) -> None:
        self.sensor, self.units, self.asked, self.notes = sensor, units, ranges, notes
        self.ranges: dict[str, int] = {}
        self.counts: dict[str, float] = {}

    def recordings(
        self, read: dict[Path, MotionFile], rate: float | None, device_rate: float | None, window: float | None
    ) -> Recordings:
        axes = self._common_axes(read)
        rates = self._rates(read, rate)
        slowest = min(rates.values())
        target = device_rate or (float(self.sensor.rate) if slowest >= 0.9 * self.sensor.rate else round(slowest, 1))
        self._say_rates(set(rates.values()), target)
        pieces = [piece for alike in self._alike(read) for piece in self._pieces(alike, axes, rates, target)]
        length = window_length(pieces, target, window)
        X, y, groups, more = cut(pieces, length)
        self.notes += more
        if not len(X):
            raise DatasetError(
                f"no take is as long as half a window of {length / target:g} s; pass a shorter window=..."
            )
        self.notes.append(f"windows of {length} samples ({length / target:.2f} s) of {', '.join(axes)}")
        whole = X.astype(np.int16)
        return Recordings(whole, y, groups, "motion", target, axes, self.sensor, self.ranges, self.counts)

    def _common_axes(self, read: dict[Path, MotionFile]) -> tuple[str, ...]:
        usual = Counter(content.axes for content in read.values()).most_common(1)[0][0]
        common = tuple(axis for axis in usual if all(axis in content.axes for content in read.values()))
        if not common:
            raise DatasetError("the files have no axis in common; record the same ones in all of them")
        if common != usual:
            self.notes.append(f"axes that all files have: {', '.join(common)}")
        return common

    def _rates(self, read: dict[Path, MotionFile], rate: float | None) -> dict[Path, float]:
        """Samples a second of each file."""
        found, guessed = {}, []
        lengths = Counter(len(take.values) for content in read.values() for take in content.takes)
        tutorial = lengths.most_common(1)[0] == (TUTORIAL, sum(lengths.values()))
        for file, content in read.items():
            steps = [np.diff(t.seconds) for t in content.takes if t.seconds is not None and len(t.seconds) > 1]
            if steps:
                measured = 1 / float(np.median(np.concatenate(steps)))
                found[file] = round(measured) if abs(measured - round(measured)) < 0.02 * measured else measured
            elif rate or content.rate:
                found[file] = float(rate or content.rate or 0)
            else:
                found[file] = float(TUTORIAL if tutorial else self.sensor.rate)
                guessed.append(file)
        if guessed:
            why = "as Arduino's gesture sketch takes them" if tutorial else f"as an {self.sensor.title} gives them"
            self.notes.append(
                f"{len(guessed)} files say no times: taken for {found[guessed[0]]:g} samples a second, {why}; rate=... "
                "says otherwise"
            )
        return found

    def _say_rates(self, rates: set[float], target: float) -> None:
        if rates != {target}:
            listed = ", ".join(f"{each:g}" for each in sorted(rates))
            self.notes.append(f"recorded at {listed} samples a second, brought to {target:g}")

    def _alike(self, read: dict[Path, MotionFile]) -> list[list[MotionFile]]:
        """Files whose columns say the same units, which are inferred together."""
        found: dict[Any, list[MotionFile]] = {}
        for content in read.values():
            found.setdefault((content.axes, tuple(sorted(content.units.items()))), []).append(content)
        return list(found.values())

    def _pieces(
        self, alike: list[MotionFile], axes: tuple[str, ...], rates: dict[Path, float], target: float
    ) -> list[Piece]:
        chosen = [alike[0].axes.index(axis) for axis in axes]
        takes: list[Take] = [take for content in alike for take in content.takes]
        values = np.concatenate([take.values[:, chosen] for take in takes])
        units = infer_units(str(takes[0].file), axes, values, alike[0].units, self.units)
        self._choose_ranges(axes, units, values)
        said = {"a": "acceleration in", "g": "rotation in"}
        self.notes.append(", ".join(f"{said[kind]} {unit}" for kind, unit in units.items()))
        most = self.sensor.most.get(self.ranges.get("a", 0), 32767)
        beyond = to_counts(values, axes, units, self.counts, most)[1]
        if beyond > SATURATES:
            shown = ", ".join(f"{r} {'g' if kind == 'a' else 'degrees a second'}" for kind, r in self.ranges.items())
            self.notes.append(f"{beyond:.1%} of the readings are beyond the sensor's range ({shown}) and saturate")
        pieces = []
        for take in takes:
            even = resample(take.values[:, chosen], take.seconds, rates[take.file], target)
            group = take.person or f"{take.file}:{take.line}"
            whole = to_counts(even, axes, units, self.counts, most)[0]
            pieces.append(Piece(whole.astype(np.float64), str(take.label), group, f"{take.file}, line {take.line}"))
        return pieces

    def _choose_ranges(self, axes: tuple[str, ...], units: dict[str, str], values: NDArray[np.float64]) -> None:
        """Ranges as asked, as raw readings show, or the usual ones."""
        for kind, word in (("a", "acceleration"), ("g", "rotation")):
            if kind not in units or kind in self.ranges:
                continue
            wanted = self.asked[kind]
            if kind == "a" and wanted is None and units["a"] == "raw":
                wanted = nearest_range(self.sensor, values[:, [axis[0] == "a" for axis in axes]])
                if wanted is None:
                    self.notes.append(
                        f"raw readings show no gravity as an {self.sensor.title} would; they stay as they are"
                    )
            self.ranges[kind], self.counts[kind] = self.sensor.counts(word, wanted)
        shown = [f"{self.ranges['a']} g" if "a" in self.ranges else "", f"{self.ranges.get('g')} degrees a second"]
        self.notes.append(f"integers of an {self.sensor.title} at {' and '.join(shown[: 1 + ('g' in self.ranges)])}")


# ---- sound -----------------------------------------------------------------------------------------------------------


def _sound(
    root: Path, files: list[Path], rate: float, window: float, left_out: dict[str, str], notes: list[str]
) -> Recordings:
    read: dict[Path, Sound] = _each(files, lambda file: read_wav(file, round(rate)), left_out)
    named, more = label_files(root, list(read))
    notes += more
    for note, count in Counter(note for sound in read.values() for note in sound.notes).items():
        notes.append(f"{count} files: {note}")
    length = round(window * rate)
    X, y, groups, ragged, clipped = [], [], [], [], []
    for file, sound in read.items():
        label, person = named[file]
        long = len(sound.samples) >= 2 * length or label == BACKGROUND
        count = len(sound.samples) // length if long else 1
        for i in range(count):
            X.append(sound.samples[i * length : (i + 1) * length] if long else one_window(sound.samples, length))
            y.append(label)
            groups.append(person or (f"{file}#{i}" if label == BACKGROUND else str(file)))
        if not long and abs(len(sound.samples) - length) > length / 20:
            ragged.append(f"{file} ({len(sound.samples) / rate:.2f} s)")
        if np.mean(np.abs(sound.samples.astype(int)) >= 32767) > 0.01:
            clipped.append(str(file))
    for what, names in ((f"are not of {window:g} s and were cut or padded", ragged),
                        ("are clipped (more than 1 % of samples at the limit): lower the gain", clipped)):  # fmt: skip
        if names:
            notes.append(f"{len(names)} sounds {what}: {', '.join(names[:3])}" + (" ..." if len(names) > 3 else ""))
    waves = np.array(X, dtype=np.int16)
    return Recordings(waves, np.array(y), np.array(groups), "sound", rate, ("wave",))


def one_window(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """The loudest part of a longer sound; a shorter one in the middle of silence."""
    if len(samples) <= length:
        before = (length - len(samples)) // 2
        return np.pad(samples, (before, length - len(samples) - before))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples.astype(float)))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[start : start + length]
