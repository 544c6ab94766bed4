"""Which models are tried on which data, and how one is chosen by validation; knows families, no files."""

from __future__ import annotations

import argparse
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import edgealgos as ea

from .data import Data, split_groups
from .families import BASE, default_family, make_estimator

PREFIX = "model_"
FRAMES_A_SECOND, MOST_FRAMES, SEGMENTS = 25, 255, 8
RECURRENT = ("fastgrnn", "fastrnn", "gru")  # on raw readings; all others on statistics of the window
TRIED = ("protonn", "bonsai", "fastgrnn")  # on motion, the first of those that do equally well being taken
VALIDATED = 0.3  # share of the takes
QUICK_EPOCHS = 45
MANY = 300  # windows from which on no copies are made
COPIES = 4
SHIFT = 0.1  # seconds that a copy begins earlier or later: half the time between two answers of a stream
STRETCH, NOISE, GAIN, TURN = 0.1, 0.02, 0.05, 10.0


def new_model(arguments: argparse.Namespace, data: Data) -> Any:
    """An unfitted model for the data, as the flags describe it; of motion the family that validates best."""
    task = str(data.task)
    if data.recordings is None:
        estimator = _estimator(arguments, arguments.family or default_family(_given(arguments)), task)
        return make_pipeline(StandardScaler(), estimator) if arguments.standardize else estimator
    if data.recordings.kind == "sound":
        features = ea.features.LogMel(sample_rate=round(data.recordings.rate))
        return Pipeline(
            [("features", features), ("model", _estimator(arguments, arguments.family or "fastgrnn", task))]
        )
    if arguments.family is not None:
        return _on_motion(arguments, arguments.family, data)
    return _best(_candidates(arguments, data), data)


def fitted(model: Any, data: Data) -> Any:
    """The model, having learnt; what belongs together stays together where it judges itself."""
    data = with_copies(data)
    last, prefix = (model[-1], f"{model.steps[-1][0]}__") if hasattr(model, "steps") else (model, "")
    if data.groups is None or "groups" not in inspect.signature(last.fit).parameters:
        return model.fit(data.X, data.y)
    return model.fit(data.X, data.y, **{f"{prefix}groups": data.groups})


def with_copies(data: Data) -> Data:
    """Few windows of motion come again, moved in time, stretched and turned a little, as further takes would be."""
    recordings = data.recordings
    if recordings is None or recordings.kind != "motion" or len(data.X) >= MANY or data.y is None:
        return data
    jitter = ea.augment.Compose((
        ea.augment.TimeJitter(shift=SHIFT * recordings.rate, stretch=STRETCH),
        ea.augment.SensorJitter(noise=NOISE, gain=GAIN, rotation=TURN if len(recordings.axes) % 3 == 0 else 0.0),
    ))  # fmt: skip
    rng = np.random.default_rng(0)
    copies = [np.clip(np.rint(jitter(data.X, rng)), -32768, 32767).astype(np.int16) for _ in range(COPIES)]
    groups = None if data.groups is None else np.tile(data.groups, COPIES + 1)
    return replace(data, X=np.concatenate([data.X, *copies]), y=np.tile(data.y, COPIES + 1), groups=groups)


def _estimator(arguments: argparse.Namespace, family: str, task: str) -> Any:
    return make_estimator(
        family, task, _given(arguments), BASE | ({"board": arguments.board} if arguments.board else {})
    )


def _given(arguments: argparse.Namespace) -> dict[str, str]:
    """Settings of models as they were typed."""
    return {name.removeprefix(PREFIX): value for name, value in vars(arguments).items() if name.startswith(PREFIX)}


def _on_motion(arguments: argparse.Namespace, family: str, data: Data) -> Any:
    """A network on raw readings, or a model on statistics of the window."""
    estimator = _estimator(arguments, family, str(data.task))
    if family in RECURRENT or data.recordings is None:
        return estimator
    steps, rate = data.X.shape[1], data.recordings.rate
    decimate = max(1, round(rate / FRAMES_A_SECOND), -(-steps // MOST_FRAMES))
    frames = steps // decimate
    features = ea.features.MotionFeatures(
        rate=rate, window=frames * decimate, decimate=decimate, segments=min(SEGMENTS, frames)
    )
    return Pipeline([("features", features), ("model", estimator)])


def _candidates(arguments: argparse.Namespace, data: Data) -> dict[str, Any]:
    """Models of the families that have all settings that were given."""
    found, refusal = {}, None
    for family in TRIED:
        try:
            found[family] = _on_motion(arguments, family, data)
        except ea.EdgeAlgosError as error:
            refusal = error
    if not found and refusal is not None:
        raise refusal
    return found


def _quick(model: Any) -> Any:
    """The model with so few epochs that it tries no structures of its own, unless the user has named a number."""
    last = model[-1] if hasattr(model, "steps") else model
    if last.epochs is None:
        last.set_params(epochs=QUICK_EPOCHS)
    return model


def _best(candidates: dict[str, Any], data: Data) -> Any:
    """The candidate that does best on takes that it has not learnt from."""
    if len(candidates) == 1 or data.groups is None or data.y is None:
        return next(iter(candidates.values()))
    try:
        learnt, judged = split_groups(data.y, data.groups, VALIDATED)
    except ea.DatasetError:  # too few takes to choose by
        return next(iter(candidates.values()))
    scores = {}
    for family, model in candidates.items():
        part = replace(data, X=data.X[learnt], y=data.y[learnt], groups=data.groups[learnt])
        attempt = fitted(_quick(clone(model)), part)
        scores[family] = float(np.mean(ea.compile_model(attempt).predict(data.X[judged]) == data.y[judged]))
    least = max(scores.values()) - 1.5 / len(judged)  # one window more or less is no difference
    best = next(family for family, score in scores.items() if score > least)
    told = ", ".join(f"{family} {score:.3f}" for family, score in scores.items())
    print(f"on {len(judged)} windows held back to choose by: {told}; taken: {best}")
    return candidates[best]
