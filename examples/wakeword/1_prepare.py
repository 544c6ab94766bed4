"""Step 1: clips of one second, by word and speaker, in three parts.

python examples/wakeword/1_prepare.py --folder my_recordings     # wav files, one folder a word
python examples/wakeword/1_prepare.py --dataset arabic_commands  # or speech_commands, fsdd_digits: needs EDGEALGOS_DATA
python examples/wakeword/1_prepare.py                            # words spoken by espeak-ng
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sound import BACKGROUND, RATE, Clips, divided, read_folder, spoken, with_noise, write_wav
from sound import noise as any_noise

from edgealgos import DatasetError, datasets
from edgealgos.features import LogMel

WORDS = ("computer", "yes", "no", "stop", "go", "hello", "seven", "water", "music", "table")


def from_dataset(name: str) -> Clips:
    """The clips of one of the loaders, in its own parts; the training part's last quarter of speakers validates."""
    data = getattr(datasets, f"load_{name}")()
    parts = [p for p in ("train", "val", "test") if f"X_{p}" in data]
    waves = np.concatenate([data[f"X_{p}"] for p in parts])
    labels = np.concatenate([data[f"y_{p}"] for p in parts])
    words = np.asarray(data.class_names)[labels] if "class_names" in data else labels.astype(str)
    words = np.where(words == "_silence_", BACKGROUND, words)
    speakers = np.concatenate([data[f"speaker_{p}"] for p in parts]).astype(str)
    where = np.concatenate([np.full(len(data[f"y_{p}"]), p, "<U5") for p in parts])
    if "val" not in parts:
        names = np.unique(speakers[where == "train"])
        where[np.isin(speakers, names[-max(1, len(names) // 4) :]) & (where == "train")] = "val"
    return Clips(waves, words, speakers, where)


def recorded_noise(folder: Path, clips: Clips) -> Clips:
    """Clips with the whole seconds of noise recordings, which have no word."""
    noises = read_folder(folder)
    words = np.full(len(noises.words), BACKGROUND)
    own = divided(noises.waves, words, noises.speakers)
    return Clips(
        *(np.concatenate([getattr(clips, f), getattr(own, f)]) for f in ("waves", "words", "speakers", "parts"))
    )


def picture(clips: Clips, path: Path) -> None:
    """Features of one clip of each word, clean and with noise 10 dB below."""
    words = [w for w in np.unique(clips.words) if w != BACKGROUND][:6]
    figure = Figure(figsize=(2.2 * len(words), 4.5), layout="constrained")
    axes = figure.subplots(2, len(words), squeeze=False, sharex=True, sharey=True)
    rng = np.random.default_rng(0)
    for column, word in zip(axes.T, words, strict=True):
        clip = clips.waves[np.flatnonzero(clips.words == word)[0]].astype(float)
        noisy = with_noise(clip, any_noise(rng, len(clip)), 10)
        for ax, wave in zip(column, (clip, noisy), strict=True):
            mel = LogMel().fit_transform(np.clip(np.rint(wave), -32768, 32767)[None].astype(int))[0]
            ax.imshow(mel.T, origin="lower", aspect="auto", extent=(0, len(clip) / RATE, 0, mel.shape[1]))
        column[0].set_title(word)
        column[1].set_xlabel("s")
    axes[0, 0].set_ylabel("mel band, clean")
    axes[1, 0].set_ylabel("mel band, noise at 10 dB")
    figure.savefig(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--folder", type=Path, help="wav files, one folder a word; a _background_noise_ folder is noise"
    )
    source.add_argument("--dataset", choices=["speech_commands", "arabic_commands", "fsdd_digits"])
    parser.add_argument("--out", type=Path, default=Path("out/wakeword"))
    options = parser.parse_args()
    try:
        if options.folder is not None:
            clips = read_folder(options.folder)
        elif options.dataset is not None:
            clips = from_dataset(options.dataset)
        else:
            print("no recordings given: espeak-ng speaks")
            clips = spoken(WORDS)
    except (ValueError, DatasetError) as error:
        sys.exit(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    clips.save(options.out / "clips.npz")
    picture(clips, options.out / "spectrogram.png")
    test = clips.part("test")
    write_wav(options.out / "example.wav", test.waves[: min(len(test.waves), 20)].ravel())
    print(f"{'word':20} train   val  test  speakers")
    for word in np.unique(clips.words):
        counts = [np.sum((clips.words == word) & (clips.parts == part)) for part in ("train", "val", "test")]
        people = len(np.unique(clips.speakers[clips.words == word]))
        print(f"{word:20}" + "".join(f"{n:6}" for n in counts) + f"{people:10}")
    print(f"wrote {options.out / 'clips.npz'}, spectrogram.png and example.wav; next: 2_train.py --word WORD")


if __name__ == "__main__":
    main()
