"""Sound for the wake word: wav files, clips by label and speaker, noise at stated levels, and streams made of clips.

Knows no models and no features. All waves are int16, 8,000 samples a second.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import warnings
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgealgos import datasets

RATE = 8000
CLIP = 8000  # samples of a clip: one second
SILENT = 20.0  # root mean square below which a clip holds nothing
PARTS = ("train", "val", "test")
BACKGROUND = "_background_noise_"
VOICES = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "de", "fr", "es", "it", "nl", "pl", "sv")
Waves = NDArray[np.int16]


@dataclass
class Clips:
    """Clips of one second with their words, speakers and parts.

    Parameters
    ----------
    waves : int16 array, shape (n, 8000)
    words, speakers, parts : array of str, shape (n,)
        `parts` are "train", "val" and "test"; no speaker is in two of them.
    """

    waves: Waves
    words: NDArray[np.str_]
    speakers: NDArray[np.str_]
    parts: NDArray[np.str_]

    def part(self, name: str) -> Clips:
        """The clips of one part."""
        rows = self.parts == name
        return Clips(self.waves[rows], self.words[rows], self.speakers[rows], self.parts[rows])

    def save(self, path: Path) -> None:
        """Write to an .npz file."""
        np.savez_compressed(path, waves=self.waves, words=self.words, speakers=self.speakers, parts=self.parts)

    @classmethod
    def load(cls, path: Path) -> Clips:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["waves"], file["words"], file["speakers"], file["parts"])


# ---- files -----------------------------------------------------------------------------------------------------------


def read_wav(path: Path) -> Waves:
    """Samples of a wav file as 8 kHz mono of 16 bits, whatever it holds.

    Raises
    ------
    ValueError
        If the file is empty, cut off, or no wav file.
    """
    return datasets.read_wav(path, RATE).samples


def write_wav(path: Path, samples: Waves) -> None:
    """Write 8 kHz mono, 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.asarray(samples, "<i2").tobytes())


def fitted(samples: Waves) -> Waves:
    """One second: of a longer recording the loudest, a shorter one in the middle of silence."""
    if len(samples) <= CLIP:
        before = (CLIP - len(samples)) // 2
        return np.pad(samples, (before, CLIP - len(samples) - before))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples.astype(float)))])
    start = int(np.argmax(energy[CLIP:] - energy[:-CLIP]))
    return samples[start : start + CLIP]


def read_folder(folder: Path) -> Clips:
    """Clips of a folder with one folder of wav files a word, as Google Speech Commands has them.

    The speaker is the file name up to ``_nohash_``, else up to the first underscore or hyphen. Of `_background_noise_`
    each whole second is a clip. Clips that are silent and files that cannot be read are left out; those, clipped ones
    and others than of one second are counted in warnings.
    """
    found = [(file, file.parent.name) for file in sorted(folder.glob("*/*.wav"))]
    if not found:
        raise ValueError(
            f"{folder} has no wav files in folders named after their words, such as {folder}/yes/ann_1.wav"
        )
    waves, words, speakers, lengths = [], [], [], []
    silent = clipped = 0
    for file, word in found:
        try:
            samples = read_wav(file)
        except ValueError as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
            continue
        if abs(len(samples) - CLIP) > CLIP / 20 and word != BACKGROUND:
            lengths.append(f"{file} ({len(samples) / RATE:.2f} s)")
        whole = word == BACKGROUND and len(samples) >= CLIP
        pieces = samples[: len(samples) // CLIP * CLIP].reshape(-1, CLIP) if whole else [fitted(samples)]
        for i, piece in enumerate(pieces):
            if np.sqrt(np.square(piece.astype(float)).mean()) < SILENT and word != BACKGROUND:
                silent += 1
                continue
            clipped += np.mean(np.abs(piece.astype(int)) >= 32767) > 0.01
            waves.append(piece)
            words.append(word)
            speakers.append(f"{file.stem}{i}" if whole else file.stem.split("_nohash_")[0].split("_")[0].split("-")[0])
    if not waves:
        raise ValueError(f"{folder} has no wav file that can be used; the warnings say why")
    if lengths:
        first = lengths[0] + (", ..." if len(lengths) > 1 else "")
        warnings.warn(f"{len(lengths)} clips are not of one second and were cut or padded: {first}", stacklevel=2)
    if silent:
        warnings.warn(f"{silent} silent clips were left out", stacklevel=2)
    if clipped:
        warnings.warn(
            f"{clipped} clips are clipped (more than 1 % of samples at the limit): lower the gain", stacklevel=2
        )
    return divided(np.array(waves), np.array(words), np.array(speakers))


def divided(waves: Waves, words: NDArray[np.str_], speakers: NDArray[np.str_]) -> Clips:
    """Clips in three parts, 60, 20 and 20 of 100 speakers, by a digest of the speaker's name, the same every time.

    A word that would be missing from a part (few speakers, or one) has its clips divided instead, with a warning: it
    is then not tested on unseen speakers.
    """
    share = {s: int(hashlib.sha256(s.encode()).hexdigest(), 16) % 100 for s in np.unique(speakers)}
    parts = np.array([PARTS[int(share[s] >= 60) + int(share[s] >= 80)] for s in speakers])
    for word in np.unique(words):
        rows = np.flatnonzero(words == word)
        if len(np.unique(parts[rows])) < len(PARTS):
            if len(rows) < len(PARTS):
                raise ValueError(f"word {str(word)!r} has {len(rows)} clips; it needs {len(PARTS)}, better 100")
            count = len(np.unique(speakers[rows]))
            warnings.warn(f"word {str(word)!r} has {count} speakers: it is not tested on unseen ones", stacklevel=2)
            parts[rows] = np.array(PARTS)[np.digitize(np.arange(len(rows)) / len(rows), [0.6, 0.8])]
    return Clips(waves, words, speakers, parts)


def spoken(words: tuple[str, ...], folder: Path | None = None) -> Clips:
    """Words spoken by the voices of espeak-ng at several speeds and pitches, a speaker a voice and pitch."""
    if shutil.which("espeak-ng") is None:
        raise ValueError("there are no recordings, and espeak-ng is not installed: apt install espeak-ng")
    waves, labels, speakers = [], [], []
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "word.wav"
        for voice in VOICES:
            for pitch in (20, 45, 70, 90):
                for speed in (130, 165, 200):
                    for word in words:
                        done = subprocess.run(
                            ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", file, word],
                            capture_output=True, check=False,
                        )  # fmt: skip
                        if done.returncode == 0 and file.exists():
                            waves.append(fitted(read_wav(file)))
                            labels.append(word)
                            speakers.append(f"{voice}/{pitch}")
    return divided(np.array(waves), np.array(labels), np.array(speakers))


# ---- noise and variation ---------------------------------------------------------------------------------------------


def noise(rng: np.random.Generator, samples: int, recorded: Waves | None = None) -> NDArray[np.float64]:
    """Noise between white and pink, or half of the time a recorded one, from anywhere in it."""
    if recorded is not None and len(recorded) and rng.random() < 0.5:
        row = recorded[rng.integers(len(recorded))].astype(float)
        return np.resize(np.roll(row, rng.integers(len(row))), samples)
    spectrum = np.fft.rfft(rng.normal(size=samples))
    return np.fft.irfft(spectrum * np.arange(1, len(spectrum) + 1) ** -rng.uniform(0, 1), samples)


def level(samples: NDArray[np.floating] | Waves) -> float:
    """Root mean square."""
    return float(np.sqrt(np.square(samples.astype(float)).mean()))


def usual_level(clips: Clips) -> float:
    """The level of the clip in the middle."""
    return float(np.median([level(wave) for wave in clips.waves]))


def at_level(samples: NDArray[np.floating] | Waves, wanted: float) -> NDArray[np.float64]:
    """Samples made as loud as is wanted."""
    return samples.astype(float) * (wanted / max(level(samples), 1e-9))


def with_noise(samples: NDArray[np.float64], background: NDArray[np.float64], snr: float) -> NDArray[np.float64]:
    """The sum, the noise `snr` decibels below the samples."""
    return samples + background * (level(samples) + 1) / (level(background) + 1e-9) * 10 ** (-snr / 20)


def varied(
    waves: Waves, rng: np.random.Generator, recorded: Waves | None = None, *, shift: int = 1000,
    snr: tuple[float, float] = (0.0, 30.0), gain: float = 9.0, speed: float = 0.1,
) -> Waves:  # fmt: skip
    """Each clip faster or slower, earlier or later, louder or softer (decibels), and 7 of 10 with noise."""
    out = np.empty_like(waves)
    places = np.arange(waves.shape[1])
    for i, clip in enumerate(waves):
        middle = len(clip) / 2 + rng.integers(-shift, shift + 1)
        at = (places - middle) * np.exp(rng.uniform(-speed, speed)) + len(clip) / 2
        samples = np.interp(at, places, clip, left=0, right=0) * 10 ** (rng.uniform(-gain, gain) / 20)
        if rng.random() < 0.7:
            samples = with_noise(samples, noise(rng, len(clip), recorded), rng.uniform(*snr))
        out[i] = rounded(samples)
    return out


def rounded(samples: NDArray[np.float64]) -> Waves:
    """int16, saturated."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


# ---- streams ---------------------------------------------------------------------------------------------------------


@dataclass
class Stream:
    """A wave and where its words end.

    Parameters
    ----------
    wave : int16 array
    ends : array of int, shape (n,)
        Sample behind the last one of each clip.
    words : array of str, shape (n,)
    """

    wave: Waves
    ends: NDArray[np.int64]
    words: NDArray[np.str_]


def stream(
    clips: Clips, seconds: float, rng: np.random.Generator, *, word: str | None = None, every: float = 10.0,
    snr: float = 15.0, recorded: Waves | None = None,
) -> Stream:  # fmt: skip
    """Other clips one after the other, up to half a second apart, in noise; `word` comes about `every` so many seconds.

    Clips are brought to one level, give or take 6 dB, and the noise lies `snr` decibels below it; with `word=None`
    none of the clips is left out.
    """
    length, usual = int(seconds * RATE), usual_level(clips)
    samples = np.zeros(length)
    wanted, others = np.flatnonzero(clips.words == word), np.flatnonzero(clips.words != word)
    ends, words = [], []
    queue = _shuffled(others, rng), _shuffled(wanted, rng)
    at, due = RATE // 2, rng.exponential(every)
    while at + CLIP < length:
        is_word = len(wanted) > 0 and at / RATE > due
        row = next(queue[int(is_word)])
        if is_word:
            due = at / RATE + 3 + rng.exponential(max(every - 3, 0.1))
        samples[at : at + CLIP] += at_level(clips.waves[row], usual) * 10 ** (rng.uniform(-6, 6) / 20)
        ends.append(at + CLIP)
        words.append(clips.words[row])
        at += CLIP + int(rng.integers(0, RATE // 2)) + (RATE if is_word else 0)
    background = np.concatenate([noise(rng, RATE * 4, recorded) for _ in range(length // (RATE * 4) + 1)])[:length]
    background = at_level(background, usual) * 10 ** (-snr / 20)
    return Stream(rounded(samples + background), np.array(ends), np.array(words))


def _shuffled(rows, rng):
    """Every row once before any comes again."""
    while True:
        yield from rng.permutation(rows)


def in_context(
    clips: Clips, word: str, count: int, rng: np.random.Generator, recorded: Waves | None = None, *,
    anywhere: bool = False,
) -> tuple[Waves, NDArray[np.bool_]]:  # fmt: skip
    """Two seconds of sound and whether they end with `word`: what a model hears that runs on without a start.

    A third ends with the word; before it comes another clip, or nothing. The others end with another clip, or
    `anywhere` in one, with noise alone, or have the word a second before, so that the model learns to forget it.
    """
    wanted, others = np.flatnonzero(clips.words == word), np.flatnonzero(clips.words != word)
    queue = _shuffled(wanted, rng), _shuffled(others, rng)
    nothing = np.zeros(CLIP)
    X = np.empty((count, 2 * CLIP), np.int16)
    y = np.arange(count) % 3 == 0
    for i, is_word in enumerate(y):
        last = _one(clips, next(queue[0] if is_word else queue[1]), rng)
        first = _one(clips, rng.choice(wanted if not is_word and rng.random() < 0.3 else others), rng)
        first, last = nothing if rng.random() < 0.3 else first, nothing if not is_word and rng.random() < 0.2 else last
        samples = np.concatenate([first, last])
        if anywhere and not is_word:
            further = nothing if rng.random() < 0.2 else _one(clips, rng.choice(others), rng)
            begin = rng.integers(0, CLIP + 1)
            samples = np.concatenate([samples, further])[begin : begin + 2 * CLIP]
        if rng.random() < 0.8:
            background = noise(rng, len(samples), recorded)
            loud = level(clips.waves[wanted[0]]) + 1
            samples = samples + background * loud / (level(background) + 1e-3) * 10 ** (-rng.uniform(0, 30) / 20)
        X[i] = rounded(samples * 10 ** (rng.uniform(-9, 9) / 20))
    return X, y


def _one(clips: Clips, row: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A clip a little faster or slower, earlier or later; its own level (one for all did worse on unseen speakers)."""
    places = np.arange(CLIP)
    at = (places - CLIP / 2 - rng.integers(-800, 800)) * np.exp(rng.uniform(-0.1, 0.1)) + CLIP / 2
    return np.interp(at, places, clips.waves[row], left=0, right=0)
