#!/usr/bin/env python
"""Step 1: gestures into files, one CSV file a person and session.

    python 1_record.py --port /dev/ttyACM0 --person ann        # a board with arduino/recorder on it asks for gestures
    python 1_record.py --replay session.csv --person ann       # the same from a file instead of a board
    python 1_record.py --simulate 10                           # ten simulated people, where there is no board

What was recorded is on disk at once: an interruption loses nothing but the last line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import TextIO

import cane
import numpy as np
import recordings
from cane import GESTURES, NOISE, RATE, SILENCE
from recordings import AXES, HEADER

BAUD = 115200
TAKE_SECONDS, NOISE_SECONDS = 4.0, 20.0
QUIET_SHARE = 0.15  # of the strongest movement in a take: below, the cane counts as quiet
ONE_OF_EACH = np.repeat([cane.ONE_G, 200 * cane.DEGREE_PER_SECOND], 3)  # accelerations and turns of like strength
LOST_AFTER = 1.5  # samples' time between two lines: one is missing


class Lines:
    """Readings in a recorder's lines; what is no reading is counted and left out.

    Attributes
    ----------
    noise, lost : int
        Lines that were no readings; samples that are missing between two lines.
    remarks : list of str
        What the recorder said of the sensor.
    label : str
        What the last line said it was, if it said so.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.noise = self.lost = 0
        self.remarks: list[str] = []
        self.label = ""
        self._last: int | None = None

    def __iter__(self) -> Iterator[list[int]]:
        """Milliseconds and six axes."""
        for line in self._lines:
            if line.startswith("#"):
                self.remarks.append(line[1:].strip())
                self._last = None
                continue
            words = line.strip().split(",")
            row = self._parse(words[: len(AXES) + 1])
            if row is None:
                self.noise += words not in ([""], list(HEADER))
                continue
            self.label = words[-1] if len(words) == len(HEADER) else ""
            if self._last is not None and (gap := row[0] - self._last) > LOST_AFTER * 1000 / RATE:
                self.lost += round(gap * RATE / 1000) - 1
            self._last = row[0]
            yield row

    @staticmethod
    def _parse(words: list[str]) -> list[int] | None:
        try:
            row = [int(word) for word in words]
        except ValueError:
            return None
        return row if len(row) == len(AXES) + 1 and all(-32768 <= v <= 32767 for v in row[1:]) else None


def board(port: str) -> Iterator[str]:
    """Lines of a board; ends with a message when it is unplugged."""
    try:
        import serial
    except ImportError:
        sys.exit("reading a board needs pyserial: pip install pyserial")
    try:
        with serial.Serial(port, BAUD, timeout=3) as connection:
            while line := connection.readline():
                yield line.decode("ascii", errors="replace")
            print(f"\n{port} has said nothing for 3 s: is arduino/recorder on the board?")
    except serial.SerialException as error:
        print(f"\n{port}: {error}")


def take(lines: Iterator[list[int]], seconds: float, label: str, rows: list[list[int]]) -> bool:
    """Append readings of some seconds to `rows`, with progress; False where the lines end before."""
    wanted = round(seconds * RATE)
    for row in lines:
        rows.append(row)
        if len(rows) % 10 == 0:
            done = 30 * len(rows) // wanted
            print(f"\r  {label:13} [{'#' * done}{' ' * (30 - done)}]", end="", flush=True)
        if len(rows) == wanted:
            break
    print()
    return len(rows) == wanted


def moving(rows: list[list[int]]) -> tuple[int, int]:
    """First and last row of the movement in a take."""
    X = np.array([row[1:] for row in rows], dtype=float)
    strength = np.linalg.norm((X - np.median(X, axis=0)) / ONE_OF_EACH, axis=1)
    smooth = np.convolve(strength, np.ones(9) / 9, mode="same")
    active = np.flatnonzero(smooth > max(QUIET_SHARE * smooth.max(), 2 * np.median(smooth)))
    return (int(active[0]), int(active[-1]) + 1) if active.size else (0, 0)


def save(file: TextIO, rows: list[list[int]], label: str) -> None:
    """Write one take; of a gesture what moves carries its name, the rest is silence."""
    start, stop = moving(rows) if label in GESTURES and rows else (0, len(rows))
    for i, row in enumerate(rows):
        inside = start <= i < stop
        file.write(",".join(map(str, row)) + f",{label if inside else SILENCE}\n")
    file.flush()


def record(source: Iterator[str], path: Path, person: str, takes: int, ask: bool) -> None:
    """Ask for gestures and write them down, until they are done, the source ends, or Ctrl-C; half a take is noise."""
    lines = Lines(source)
    readings = iter(lines)
    others = [(NOISE, NOISE_SECONDS)]
    plan = [*others, *((gesture, TAKE_SECONDS) for _ in range(takes) for gesture in GESTURES), *others]
    done = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(_head(person))
        for i, (label, seconds) in enumerate(plan, 1):
            print(f"{i}/{len(plan)}: {'walk, sweep, knock about' if label == NOISE else label}, {seconds:g} s")
            rows: list[list[int]] = []
            end = "the lines have ended"
            try:
                whole = (not ask or take(readings, 1.0, "get ready", [])) and take(readings, seconds, label, rows)
            except KeyboardInterrupt:
                whole, end = False, "stopped"
            save(file, rows, label if whole else NOISE)
            done += len(rows)
            if not whole:
                print(f"\n{end}")
                break
    _summary(path, done, lines)


def replay(path: Path, target: Path, person: str) -> None:
    """Write down a session that is in a file: a recording, or what a recorder printed."""
    lines = Lines(path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1])
    rows = [(row, lines.label if lines.label in recordings.LABELS else NOISE) for row in lines]
    recordings.check_rate(path, [row[0] for row, _ in rows])
    with target.open("w", encoding="utf-8") as file:
        file.write(_head(person))
        file.writelines(",".join(map(str, row)) + f",{label}\n" for row, label in rows)
    _summary(target, len(rows), lines)


def _head(person: str) -> str:
    return f"# person {person}\n# rate {RATE}\n{','.join(HEADER)}\n"


def _summary(path: Path, done: int, lines: Lines) -> None:
    print(f"{path}: {done} samples ({done / RATE:.0f} s)")
    if lines.noise or lines.lost:
        print(f"  {lines.noise} lines were no readings and left out, {lines.lost} samples are missing")
    for remark in dict.fromkeys(lines.remarks):
        if remark.startswith("sensor") and remark != "sensor ready":
            print(f"  the {remark}")


def simulate(people: int, folder: Path) -> None:
    """Recordings of simulated people."""
    for user in range(people):
        stream = cane.make_streams([user], gestures=20, others=100.0)[0]
        path = folder / f"simulated_{user:02}.csv"
        recordings.write(path, recordings.from_stream(stream))
        print(f"{user + 1}/{people} {path}: {len(stream.X) / RATE:.0f} s, {len(stream.gestures)} gestures", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--port", help="serial port of the board")
    source.add_argument("--replay", type=Path, help="file in place of a board")
    source.add_argument("--simulate", type=int, metavar="PEOPLE")
    parser.add_argument("--person", default="somebody")
    parser.add_argument("--takes", type=int, default=10, help="of each gesture")
    parser.add_argument("--out", type=Path, default=Path("recordings"), help="folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.simulate:
        return simulate(options.simulate, options.out)
    path = next(p for n in count(1) if not (p := options.out / f"{options.person}_{n}.csv").exists())
    try:
        if options.replay:
            return replay(options.replay, path, options.person)
        record(board(options.port), path, options.person, options.takes, ask=True)
    except (OSError, recordings.RecordingError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
