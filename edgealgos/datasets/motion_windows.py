"""Files of a motion sensor as windows of counts of the device's sensor; knows takes and units, no models."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from .motion import MotionFile, Take
from .sensors import MotionSensor
from .units import infer_units, nearest_range, to_counts
from .windows import Piece, Recordings, cut, resample, window_length

TUTORIAL = 119  # rows of a take, and samples a second, of Arduino's widely copied gesture sketch
SATURATES = 0.001  # share of readings beyond a sensor's range that is worth a word


class MotionWindows:
    """Files of a motion sensor on their way to windows of counts."""

    def __init__(self, sensor: MotionSensor, units: list[str], ranges: dict[str, int | None], notes: list[str]) -> None:
        self.sensor, self.units, self.asked, self.notes = sensor, units, ranges, notes
        self.ranges: dict[str, int] = {}
        self.counts: dict[str, float] = {}

    def recordings(
        self, read: dict[Path, MotionFile], rate: float | None, device_rate: float | None, window: float | None
    ) -> Recordings:
        read = self._as_the_tutorial(read)
        axes = self._common_axes(read)
        rates = self._rates(read, rate)
        slowest = min(rates.values())
        target = device_rate or (float(self.sensor.rate) if slowest >= 0.9 * self.sensor.rate else round(slowest, 1))
        self._say_rates(set(rates.values()), target)
        pieces = [piece for alike in self._alike(read) for piece in self._pieces(alike, axes, rates, target)]
        length = window_length(pieces, target, window)
        X, of_each, more = cut(pieces, length)
        self.notes += more
        if not len(X):
            raise DatasetError(
                f"no take is as long as half a window of {length / target:g} s; pass a shorter window=..."
            )
        self.notes.append(f"windows of {length} samples ({length / target:.2f} s) of {', '.join(axes)}")
        (y, groups, sources), whole = of_each, X.astype(np.int16)
        return Recordings(
            whole, y, groups, "motion", target, axes, self.sensor, self.ranges, self.counts, sources=sources
        )

    def _common_axes(self, read: dict[Path, MotionFile]) -> tuple[str, ...]:
        usual = Counter(content.axes for content in read.values()).most_common(1)[0][0]
        common = tuple(axis for axis in usual if all(axis in content.axes for content in read.values()))
        if not common:
            raise DatasetError("the files have no axis in common; record the same ones in all of them")
        if common != usual:
            self.notes.append(f"axes that all files have: {', '.join(common)}")
        return common

    def _as_the_tutorial(self, read: dict[Path, MotionFile]) -> dict[Path, MotionFile]:
        """Files without times that hold many takes of the tutorial's length one after the other, cut into those."""
        takes = [take for content in read.values() for take in content.takes]
        lengths = {len(take.values) for take in takes}
        if (
            any(take.seconds is not None for take in takes)
            or lengths == {TUTORIAL}
            or any(n % TUTORIAL for n in lengths)
        ):
            return read
        self.notes.append(f"takes of {TUTORIAL} rows, one after the other, as Arduino's gesture sketch writes them")
        return {file: replace(content, takes=tuple(part for take in content.takes for part in _parts(take)))
                for file, content in read.items()}  # fmt: skip

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


def _parts(take: Take) -> list[Take]:
    starts = range(0, len(take.values), TUTORIAL)
    return [replace(take, line=take.line + i, values=take.values[i : i + TUTORIAL]) for i in starts]
