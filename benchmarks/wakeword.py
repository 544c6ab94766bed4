"""Measures the wake word: accuracy of device programs, false alarms on streams, cost on the Uno and the Pi Zero.

``python benchmarks/wakeword.py`` prints the tables and writes benchmarks/results/wakeword.md. Needs the folder of data
sets in EDGEALGOS_DATA. Trained models are kept in the folder of ``--models``, so that a second run takes minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline

from edgealgos import FastGRNNClassifier, compile_model, load, save
from edgealgos.datasets import load_arabic_commands, load_speech_commands
from edgealgos.features import LogMel

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "wakeword"))
from sound import Clips, in_context, varied

COPIES, ROWS, EPOCHS = 7, 7000, 60
# Chosen on validation speakers.
CASES = {
    "arabic, 5 words, 2 KB": ("arabic", 2048, None),
    "speech commands, 6 classes, 6 KB": ("speech", 6144, None),
    "arabic `open`, 1 KB": ("arabic", 1024, "open"),
    "speech commands `stop`, 1 KB": ("speech", 1024, "stop"),
}


def arabic() -> Clips:
    """The official parts."""
    data = load_arabic_commands()
    return _clips(data, ("train", "val", "test"))


def speech() -> Clips:
    """The parts by speaker; every fourth speaker of the training part is for validation."""
    data = load_speech_commands()
    clips = _clips(data, ("train", "test"))
    names = np.unique(data.speaker_train)
    held = np.random.default_rng(1).permutation(names)[: len(names) // 4].astype(str)
    clips.parts[(clips.parts == "train") & np.isin(clips.speakers, held)] = "val"
    return clips


def _clips(data, parts):
    waves = np.concatenate([data[f"X_{p}"] for p in parts])
    words = np.asarray(data.class_names)[np.concatenate([data[f"y_{p}"] for p in parts])]
    speakers = np.concatenate([data[f"speaker_{p}"] for p in parts]).astype(str)
    return Clips(waves, words, speakers, np.concatenate([np.full(len(data[f"y_{p}"]), p, "<U5") for p in parts]))


def background(clips: Clips):
    """Clips without words, where there are some."""
    rows = clips.words == "_silence_"
    return clips.waves[rows] if rows.any() else None


def train(case: str, folder: Path, seed: int = 0) -> Pipeline:
    """The case's Pipeline, from the folder if it is there."""
    data, size, word = CASES[case]
    path = folder / f"{data}_{word or 'all'}_{size}.edgealgos"
    if path.exists():
        return load(path)
    clips = {"arabic": arabic, "speech": speech}[data]().part("train")
    rng = np.random.default_rng(seed)
    if word is None:
        X = np.concatenate([clips.waves, *(varied(clips.waves, rng, background(clips)) for _ in range(COPIES))])
        y = np.tile(clips.words, COPIES + 1)
    else:
        X, y = in_context(clips, word, ROWS, rng, background(clips))
    model = FastGRNNClassifier(max_model_bytes=size, epochs=EPOCHS, random_state=seed)
    pipeline = Pipeline([("logmel", LogMel()), ("model", model)]).fit(X, y)
    folder.mkdir(parents=True, exist_ok=True)
    save(pipeline, path)
    return pipeline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("out/wakeword"))
    parser.add_argument("--only", default="", help="train the cases whose names contain this, and stop")
    options = parser.parse_args()
    for case in CASES:
        if options.only in case:
            pipeline = train(case, options.models)
            clips = {"arabic": arabic, "speech": speech}[CASES[case][0]]()
            v = clips.part("val")
            print(case, pipeline["model"].model_bytes_, flush=True)
            word = CASES[case][2]
            print(
                "val",
                np.mean(compile_model(pipeline).predict(v.waves) == (v.words if word is None else v.words == word)),
            )


if __name__ == "__main__":
    main()
