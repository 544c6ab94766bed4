"""The models of the example, and how well they do on streams; settings were chosen on people held out of training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from cane import NOISE, SILENCE
from numpy.typing import NDArray
from recordings import Recording
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from vote import Score, Vote, told

from edgealgos import CompiledModel, FastGRNNClassifier, ProtoNNClassifier
from edgealgos.features import MotionFeatures

FEATURES = {
    "window": 280, "hop": 20, "decimate": 5, "statistics": ("mean", "spread", "crossings", "runs", "histogram"),
    "segments": 8, "threshold": 20,
}  # fmt: skip
BYTES, EPOCHS, FASTGRNN_EPOCHS = 4096, 100, 20
DEPTH, MAJORITY, PAUSE = 6, 4, 5
NEGATIVES = 0.5  # share of the windows without a gesture that are learnt from
PEOPLE = 20  # simulated ones that are learnt from
UNO_CLOCK = 16_000_000
AT_ONCE = 5  # samples that one time step of FastGRNN takes
SETS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "magic_wand": (
        {"rate": 25, "decimate": 1, "statistics": ("mean", "spread"), "segments": 8},
        {"max_model_bytes": 2048, "epochs": None},
    ),
    "smartwatch_har": (
        {"decimate": 2, "statistics": ("mean", "spread"), "segments": 5},
        {"max_model_bytes": 2048, "epochs": None},
    ),
}  # fmt: skip


def protonn(features: dict[str, Any] = FEATURES, verbose: int = 0, **options: Any) -> Pipeline:
    """Statistics of the window, and ProtoNN."""
    defaults = {"max_model_bytes": BYTES, "epochs": EPOCHS, "random_state": 0, "verbose": verbose}
    model = ProtoNNClassifier(**(defaults | options))
    return Pipeline([("features", MotionFeatures(**features)), ("scale", StandardScaler()), ("model", model)])


def fastgrnn(verbose: int = 0, **options: Any) -> FastGRNNClassifier:
    """FastGRNN on the raw readings, some samples a step (see :func:`in_steps`)."""
    defaults = {"max_model_bytes": BYTES, "epochs": FASTGRNN_EPOCHS, "random_state": 0, "verbose": verbose}
    return FastGRNNClassifier(**(defaults | options))


def in_steps(X: NDArray[np.int16]) -> NDArray[np.int16]:
    """Windows of raw readings as sequences for FastGRNN."""
    return X.reshape(len(X), X.shape[1] // AT_ONCE, -1)


def vote_for(classes: Sequence[str]) -> Vote:
    """The vote on answers of a model with these classes."""
    ignored = [i for i, label in enumerate(classes) if label in (NOISE, SILENCE)]
    return Vote(DEPTH, MAJORITY, PAUSE, ignored)


def score_streams(
    recordings: Iterable[Recording], features: MotionFeatures, classes: Sequence[str], predict: Callable[[Any], Any]
) -> Score:
    """Gestures found and false alarms when a model's answers to the windows of a stream are voted on."""
    score, vote, index = Score(), vote_for(classes), {label: i for i, label in enumerate(classes)}
    for recording in recordings:
        answers = [index[label] for label in predict(features.windows(recording.X))]
        found = told(answers, vote, classes, features.window, features.hop)
        score.add(len(recording.X), recording.gestures, found)
    return score


def milliseconds(compiled: CompiledModel, hop: int) -> float:
    """Predicted time on the board from one answer to the next, of `hop` samples: FastGRNN begins each window anew."""
    items, steps = compiled.report.cycle_items, compiled.program.steps or 1
    windowed = "WindowStatistics" in "".join(items)
    share = hop / steps if windowed else 1.0
    spent = sum(cycles * (share if name.startswith("push") else 1.0) for name, cycles in items.items())
    return spent * 1000 / UNO_CLOCK
