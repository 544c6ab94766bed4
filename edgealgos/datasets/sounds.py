"""Files of sound as windows of one length; knows files and their classes, no models."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .folders import label_files, read_each
from .wav import Sound, read_wav
from .windows import BLOCKS, FEWEST_TAKES, Recordings

SOUND_RATE, SOUND_WINDOW = 8000, 1.0
BACKGROUND = "_background_noise_"
SILENT = 20.0  # level below which a sound holds nothing
CLIPPED = 0.01  # share of samples at the limit


def sound_windows(
    root: Path, files: list[Path], rate: float, window: float, left_out: dict[str, str], notes: list[str]
) -> Recordings:
    """Windows of all sounds that can be read; a sound of two windows or more is cut, others give their loudest part."""
    read: dict[Path, Sound] = read_each(files, lambda file: read_wav(file, round(rate)), left_out)
    named, more = label_files(root, list(read))
    notes += more
    for note, count in Counter(note for sound in read.values() for note in sound.notes).items():
        notes.append(f"{count} files: {note}")
    length = round(window * rate)
    of_class = Counter(named[file][0] for file in read)
    X, y, groups, sources = [], [], [], []
    odd: dict[str, list[str]] = {}
    for file, sound in read.items():
        label, person = named[file]
        if label != BACKGROUND and level(sound.samples) < SILENT:
            odd.setdefault("are silent and left out", []).append(str(file))
            continue
        waves = _windows(sound.samples, length, label == BACKGROUND)
        blocks = len(waves) if label == BACKGROUND else BLOCKS if of_class[label] < FEWEST_TAKES else 1
        X += waves
        y += [label] * len(waves)
        sources += [str(file)] * len(waves)
        groups += [person or f"{file}#{i * blocks // len(waves)}" for i in range(len(waves))]
        if len(waves) == 1 and abs(len(sound.samples) - length) > length / 20:
            what = f"are not of {window:g} s and were cut or padded"
            odd.setdefault(what, []).append(f"{file} ({len(sound.samples) / rate:.2f} s)")
        if np.mean(np.abs(sound.samples.astype(int)) >= 32767) > CLIPPED:
            odd.setdefault("are clipped, many samples are at the limit: lower the gain", []).append(str(file))
    for what, names in odd.items():
        notes.append(f"{len(names)} sounds {what}: {', '.join(names[:3])}" + (" ..." if len(names) > 3 else ""))
    whole = np.array(X, dtype=np.int16)
    return Recordings(
        whole, np.array(y), np.array(groups), "sound", rate, ("wave",), sources=np.array(sources, np.str_)
    )


def level(samples: NDArray[np.int16]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.square(samples.astype(float)).mean()))


def _windows(samples: NDArray[np.int16], length: int, every: bool) -> list[NDArray[np.int16]]:
    """All whole windows of a long sound, or the one of a short one."""
    count = len(samples) // length
    if count >= 2 or (every and count):
        return list(samples[: count * length].reshape(count, length))
    return [one_window(samples, length)]


def one_window(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """The loudest part of a longer sound; a shorter one in the middle of silence."""
    if len(samples) <= length:
        before = (length - len(samples)) // 2
        return np.pad(samples, (before, length - len(samples) - before))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples.astype(float)))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[start : start + length]
