#!/usr/bin/env python
"""A magic wand on an ATtiny85: learns wing, ring and slope from recordings, and writes a program of a few kilobytes.

    EDGEALGOS_DATA=folder python wand.py out/wand    # the folder holds magic_wand.npz

A wand is an accelerometer on a stick, read 25 times a second. The window of two seconds lies in RAM as 12 frames of
three bytes; what the model sees are the mean accelerations of six parts of it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from edgealgos import BonsaiClassifier, CompiledModel, EdgeAlgosError, compile_model, datasets, export_cpp
from edgealgos.augment import Compose, SensorJitter, TimeJitter
from edgealgos.features import MotionFeatures

RATE, WINDOW, FRAME = 25, 48, 4  # samples a second, in a window, in a frame
BOARD = "attiny85"
MAIN = Path(__file__).with_name(BOARD) / "main.cpp"


def wand(epochs: int = 30, random_state: int = 0) -> Pipeline:
    """Features and a tree of at most 300 bytes; their sizes were chosen by people left out of the training part."""
    features = MotionFeatures(rate=RATE, window=WINDOW, decimate=FRAME, statistics=("mean",), segments=6)
    model = BonsaiClassifier(max_model_bytes=300, epochs=epochs, random_state=random_state)
    return Pipeline([("features", features), ("model", model)])


def as_others_do(X: NDArray[Any], y: NDArray[Any], times: int = 4, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """The recordings with versions of them: the wand held otherwise, gestures begun and done at other speeds."""
    rng, change = np.random.default_rng(seed), Compose([SensorJitter(0.02, 0.15, 12), TimeJitter(3, 0.1)])
    versions = [np.clip(np.rint(change(X, rng)), X.min(), X.max()).astype(X.dtype) for _ in range(times)]
    return np.concatenate([X, *versions]), np.tile(y, times + 1)


def write(model: Pipeline, out: Path) -> CompiledModel:
    """Write the program for the wand: the exported model with the main program of this example."""
    export_cpp(model, out, target=BOARD, name="wand", overwrite=True)
    shutil.copy(MAIN, out / "main.cpp")
    return compile_model(model, BOARD)


def main() -> int:
    """Train, test on people that training never saw, write, simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the program")
    parser.add_argument("--epochs", type=int, default=30)
    asked = parser.parse_args()
    data = datasets.load_magic_wand()
    model = wand(asked.epochs).fit(*as_others_do(data.X_train, data.y_train))
    compiled = write(model, asked.out)
    right = float(np.mean(compiled.predict(data.X_test) == data.y_test))
    print(f"{len(data.y_test)} gestures of other people: {right:.1%} right, a model of {model[-1].model_bytes_} bytes")
    seen = compiled.simulate(data.X_test)
    same = np.array_equal(seen.labels, compiled.predict(data.X_test))
    print(f"simulated: {'the same answers' if same else 'OTHER ANSWERS'}, {seen.flash_bytes:,} bytes of flash, "
          f"{seen.ram_peak} of RAM with the stack, {seen.cycles.mean() / WINDOW:,.0f} cycles a sample")  # fmt: skip
    print(f"{asked.out}: README.md says how to build it")
    return 0 if same else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EdgeAlgosError as error:
        sys.exit(f"wand: {error}")
