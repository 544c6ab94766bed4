"""The models of the corpus: names, data and unfitted estimators. Knows the public page of edgealgos alone.

Small on purpose: what matters is that every form of program occurs, not that the answers are good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import edgealgos as ea
from edgealgos.augment import ImageShift
from edgealgos.features import LogMel, MotionFeatures

Data = tuple[np.ndarray, np.ndarray]
BITS = (3, 4, 5, 6, 16, "mixed", "kmeans16", "kmeans256", "log4", "posit8")  # all but the default, 8
BOTH = ({"board": "uno"}, {"board": "uno", "optimize": "size"})
ONE_BY_ONE = tuple(options | {"input_buffer": False} for options in (*BOTH, {"board": "host"}))
OTHERS = ({"board": "host"}, {"board": "pizero"}, {"board": "cortex-m0"}, {"board": "cortex-m4"})
ALL_STATISTICS = ("histogram", "runs", "mean", "spread", "energy", "crossings")


@dataclass(frozen=True)
class Entry:
    """One model: what it is fitted to, the estimator, and the ways in which it is compiled."""

    name: str
    data: Callable[[], Data]
    model: Any
    ways: tuple[dict[str, Any], ...] = field(default=BOTH)


# ---- data ----------------------------------------------------------------------------------------------------------


@cache
def digits() -> Data:
    """Images of 8 x 8 small integers, ten classes."""
    X, y = datasets.load_digits(return_X_y=True)
    return X[::4], y[::4]


def digit_names() -> Data:
    """The same with labels that are text."""
    return digits()[0], np.array([f"digit {label}" for label in digits()[1]])


def large_digits() -> Data:
    """Two classes, whose labels are truth values."""
    return digits()[0], digits()[1] > 4


def digit_values() -> Data:
    """The digit as a real target, far from zero."""
    return digits()[0], digits()[1] * 12.5 - 300.0


@cache
def iris() -> Data:
    """Four features, three classes."""
    found = datasets.load_iris()
    return found.data, found.target_names[found.target]


@cache
def wine() -> Data:
    """Thirteen features whose scales have nothing in common."""
    return datasets.load_wine(return_X_y=True)


@cache
def cancer() -> Data:
    """Thirty real features, two classes."""
    return datasets.load_breast_cancer(return_X_y=True)


@cache
def diabetes() -> Data:
    """Ten features, a real target."""
    return datasets.load_diabetes(return_X_y=True)


@cache
def letters() -> Data:
    """26 classes in sixteen features of 0..15."""
    rng = np.random.default_rng(1)
    y = np.arange(520) % 26
    centres = rng.integers(2, 14, (26, 16))
    return np.clip(centres[y] + rng.integers(-2, 3, (520, 16)), 0, 15).astype(float), y


@cache
def readings() -> Data:
    """Six readings of an analog converter, 0..1023: integers that a byte does not hold."""
    rng = np.random.default_rng(2)
    y = np.arange(300) % 4
    centres = rng.integers(200, 800, (4, 6))
    return np.clip(centres[y] + rng.normal(0, 60, (300, 6)), 0, 1023).round(), y * 10


@cache
def wide(columns: int) -> Data:
    """Rows of many columns of which few tell the class."""
    rng = np.random.default_rng(columns)
    y = np.arange(240) % 3
    X = rng.integers(0, 40, (240, columns)).astype(float)
    for label in range(3):
        X[np.ix_(y == label, np.arange(label * 20, columns, 60))] += 120
    return X, y


@cache
def gestures() -> Data:
    """Sequences of 16 steps of three axes, four classes by pitch."""
    rng = np.random.default_rng(3)
    y = np.arange(240) % 4
    phase = rng.uniform(0, 6, (240, 1, 3))
    X = np.sin(np.arange(16)[None, :, None] * (0.2 + 0.35 * y[:, None, None]) + phase)
    return X + rng.normal(0, 0.1, X.shape), np.array(["rest", "slow", "brisk", "fast"])[y]


def two_gestures() -> Data:
    """The same with two classes."""
    X, y = gestures()
    return X, np.isin(y, ("rest", "slow"))


def mean_gestures() -> Data:
    """The same with a real target: the mean of one axis, and the spread of another."""
    X, _ = gestures()
    return X, 10 * X[:, :, 0].mean(axis=1) + X[:, :, 1].std(axis=1)


@cache
def motifs() -> Data:
    """Noise of 48 steps and two channels in which, at a random place, one short motif tells the class."""
    shapes = np.random.default_rng(7).normal(size=(3, 8, 2))
    rng = np.random.default_rng(4)
    y = np.arange(180) % 3
    X = rng.normal(size=(180, 48, 2))
    for row, label, start in zip(X, y, rng.integers(0, 40, 180), strict=True):
        row[start : start + 8] += 2 * shapes[label]
    return X, y


@cache
def tones() -> Data:
    """Sound: three pitches of many levels in noise, 2,000 samples of 16 bits."""
    rng = np.random.default_rng(5)
    y = np.arange(60) % 3
    pitch = np.array([300, 900, 2100])[y][:, None] * rng.uniform(0.9, 1.1, (60, 1))
    waves = np.sin(2 * np.pi * pitch * np.arange(2000) / 8000) * 10.0 ** rng.uniform(2, 4, (60, 1))
    return np.rint(waves + rng.normal(0, 30, waves.shape)).astype(np.int16), np.array(["low", "middle", "high"])[y]


@cache
def motion() -> Data:
    """A motion sensor: 60 steps of three axes of 16 bits, of several scales and offsets."""
    rng = np.random.default_rng(6)
    y = np.arange(120) % 3
    waves = np.sin(np.arange(60)[None, :, None] * (0.2 + 0.3 * y[:, None, None]) + rng.uniform(0, 6, (120, 1, 3)))
    X = waves * [200, 3000, 12000] + [-8192, 0, 900] + rng.normal(0, 50, waves.shape)
    return np.clip(np.rint(X), -32768, 32767).astype(np.int16), y


def motion_values() -> Data:
    """The same with a real target."""
    return motion()[0], motion()[1] * 0.5 + 1


# ---- models --------------------------------------------------------------------------------------------------------


def _quick(kind: str, **options: Any) -> Any:
    return getattr(ea, kind)(**{"epochs": 8, "random_state": 0} | options)


def bonsai(**options: Any) -> Any:
    """A tree."""
    return _quick("BonsaiClassifier", **options)


def protonn(**options: Any) -> Any:
    """Prototypes."""
    return _quick("ProtoNNClassifier", **options)


def fastgrnn(**options: Any) -> Any:
    """A gated cell."""
    return _quick("FastGRNNClassifier", **options)


def fastrnn(**options: Any) -> Any:
    """A cell with a residual connection."""
    return _quick("FastRNNClassifier", **options)


def entries() -> list[Entry]:
    """The whole corpus, each name once."""
    found = [*_bonsai(), *_protonn(), *_recurrent(), *_pipelines()]
    assert len({entry.name for entry in found}) == len(found)
    return found


def _bonsai() -> Iterator[Entry]:
    for depth in range(6):
        model = bonsai(depth=depth, projection_dim=7, max_model_bytes=None if depth > 2 else 2048)
        yield Entry(f"bonsai-depth{depth}", digit_names, model, (*BOTH, *(OTHERS if depth % 2 == 0 else ())))
    for bits in BITS:
        yield Entry(f"bonsai-bits-{bits}", digits, bonsai(bits=bits, depth=2), (*BOTH, *OTHERS))
    free = {"max_model_bytes": None}
    yield Entry("bonsai-auto", digits, bonsai())
    yield Entry("bonsai-iris", iris, bonsai(max_model_bytes=200), (*BOTH, *ONE_BY_ONE, *OTHERS))
    yield Entry("bonsai-wine", wine, bonsai(), (*BOTH, *ONE_BY_ONE))
    yield Entry("bonsai-two-classes", cancer, bonsai(depth=2, class_weight="balanced"))
    yield Entry("bonsai-truth", large_digits, bonsai(sigma=2.5, max_model_bytes=500))
    yield Entry("bonsai-two-classes-16", large_digits, bonsai(bits=16, depth=1), (*BOTH, *ONE_BY_ONE))
    yield Entry("bonsai-letters", letters, bonsai(depth=1, label_smoothing=0.1))
    yield Entry("bonsai-readings", readings, bonsai(max_model_bytes=300))
    yield Entry("bonsai-readings-16", readings, bonsai(bits=16, **free), (*BOTH, *OTHERS))
    yield Entry("bonsai-one-feature", lambda: (iris()[0][:, 2:3], iris()[1]), bonsai(depth=2, max_model_bytes=200))
    yield Entry("bonsai-sparse", digits, bonsai(projection_dim=12, depth=1, max_model_bytes=1100), (*BOTH, *ONE_BY_ONE))
    yield Entry("bonsai-dense", digits, bonsai(projection_dim=16, depth=1, **free), (*BOTH, *ONE_BY_ONE))
    yield Entry("bonsai-cycles", digits, bonsai(max_cycles=4000, **free))
    yield Entry("bonsai-cycles-bits-4", digits, bonsai(max_cycles=3000, bits=4, **free))
    yield Entry("bonsai-indexed", lambda: wide(240), bonsai(
        projection_dim=12, depth=1, max_cycles=2200, **free), (*BOTH, *ONE_BY_ONE, *OTHERS))  # fmt: skip
    yield Entry("bonsai-indexed-tree", letters, bonsai(
        projection_dim=17, depth=1, max_cycles=9000, **free), (*BOTH, *OTHERS))  # fmt: skip
    yield Entry("bonsai-wide-784", lambda: wide(784), bonsai(depth=1, projection_dim=5))
    yield Entry("bonsai-wide-600-bits-4", lambda: wide(600), bonsai(depth=0, projection_dim=6, bits=4, **free))
    yield Entry("bonsai-wide-600-few", lambda: wide(600), bonsai(projection_dim=6, depth=0, max_cycles=2200, **free))
    yield Entry("bonsai-wide-600-bits-4-sparse", lambda: wide(600), bonsai(depth=1, bits=4, max_model_bytes=1200))
    yield Entry("bonsai-restarts", wine, bonsai(restarts=2, depth=1))
    yield Entry("bonsai-taught", digits, bonsai(teacher=RandomForestClassifier(20, random_state=0), depth=1))
    yield Entry("bonsai-augmented", digits, bonsai(augment=ImageShift((8, 8)), depth=1))
    yield from _bonsai_regressors()


def _bonsai_regressors() -> Iterator[Entry]:
    for bits in (8, 4, 16, "mixed", "kmeans16"):
        ways = (*BOTH, *(OTHERS if bits in (8, 16) else ()))
        yield Entry(f"bonsai-regressor-{bits}", diabetes, _quick("BonsaiRegressor", bits=bits, depth=2), ways)
    yield Entry("bonsai-regressor-depth0", digit_values, _quick("BonsaiRegressor", depth=0, max_model_bytes=300))
    yield Entry("bonsai-regressor-depth4", digit_values, _quick("BonsaiRegressor", depth=4, max_model_bytes=None))


def _protonn() -> Iterator[Entry]:
    for bits in (8, *BITS):
        yield Entry(f"protonn-bits-{bits}", digits, protonn(bits=bits), (*BOTH, *(OTHERS if bits != "posit8" else ())))
    free = {"max_model_bytes": None}
    many = {"n_prototypes": 300, "projection_dim": 5, "epochs": 4, **free}
    yield Entry("protonn-iris", iris, protonn(max_model_bytes=200), (*BOTH, *ONE_BY_ONE, *OTHERS))
    yield Entry("protonn-two-classes", cancer, protonn(), (*BOTH, *ONE_BY_ONE))
    yield Entry("protonn-two-classes-16", large_digits, protonn(bits=16))
    yield Entry("protonn-letters", letters, protonn(gamma=0.5))
    yield Entry("protonn-readings", readings, protonn(max_model_bytes=400))
    yield Entry("protonn-many", digits, protonn(**many), (*BOTH, *OTHERS))
    yield Entry("protonn-many-bits-4", iris, protonn(bits=4, **many))
    yield Entry("protonn-one", iris, protonn(n_prototypes=1, projection_dim=2))
    yield Entry("protonn-sparse", digits, protonn(projection_dim=15, n_prototypes=20, max_model_bytes=1000))
    yield Entry("protonn-dense", digits, protonn(projection_dim=8, n_prototypes=20, **free), (*BOTH, *ONE_BY_ONE))
    yield Entry("protonn-cycles", digits, protonn(max_cycles=6000, **free))
    yield Entry("protonn-indexed", lambda: wide(240), protonn(projection_dim=12, max_cycles=3500, **free))
    yield Entry("protonn-wide-784", lambda: wide(784), protonn(projection_dim=5, n_prototypes=6))
    yield Entry("protonn-wide-600-bits-4", lambda: wide(600), protonn(projection_dim=6, bits=4, **free))
    for bits in (8, 4, 16, "mixed"):
        yield Entry(f"protonn-regressor-{bits}", diabetes, _quick("ProtoNNRegressor", bits=bits))
    yield Entry("protonn-regressor-many", digit_values, _quick("ProtoNNRegressor", **many), (*BOTH, *OTHERS))


def _recurrent() -> Iterator[Entry]:
    for bits in (8, *BITS):
        ways = (*BOTH, *(OTHERS if bits in (8, 4, 16, "kmeans16") else ()))
        yield Entry(f"fastgrnn-bits-{bits}", digits, fastgrnn(step_size=8, bits=bits), ways)
    for bits in (8, 4, 16, "kmeans16", "log4"):
        ways = (*BOTH, *(OTHERS if bits in (8, 16) else ()))
        yield Entry(f"fastrnn-bits-{bits}", digits, fastrnn(step_size=8, bits=bits), ways)
    for name, cell in (("fastgrnn", fastgrnn), ("fastrnn", fastrnn)):
        ranks = {"hidden_size": 12, "rank_w": 2, "rank_u": 4, "epochs": 25}
        yield Entry(f"{name}-3d", gestures, cell(max_model_bytes=700, epochs=25), (*BOTH, *OTHERS))
        yield Entry(f"{name}-two-classes", two_gestures, cell(max_model_bytes=300, epochs=25))
        yield Entry(f"{name}-tanh", gestures, cell(nonlinearity="tanh", hidden_size=10, epochs=25), (*BOTH, *OTHERS))
        yield Entry(f"{name}-ranks", gestures, cell(**ranks))
        yield Entry(f"{name}-ranks-tanh-16", gestures, cell(nonlinearity="tanh", bits=16, **ranks))
        yield Entry(f"{name}-ranks-bits-4", digits, cell(step_size=16, bits=4, **ranks))
        yield Entry(f"{name}-cycles", digits, cell(step_size=8, max_cycles=60_000, max_model_bytes=None))
        windows = {"window_steps": 16, "hidden_size": 8, "epochs": 12, "max_model_bytes": 600}
        yield Entry(f"{name}-windows", motifs, cell(**windows))
        yield Entry(f"{name}-windows-exit", motifs, cell(window_stride=4, early_exit=0.9, **windows), (*BOTH, *OTHERS))
    yield Entry("fastgrnn-windows-auto", motifs, fastgrnn(
        window_steps=16, early_exit="auto", max_accuracy_loss=0.05, nonlinearity="tanh", hidden_size=6))  # fmt: skip
    yield Entry("fastgrnn-sparse", digits, fastgrnn(step_size=8, hidden_size=20, max_model_bytes=700))
    yield Entry("fastgrnn-indexed", lambda: wide(240), fastgrnn(
        step_size=120, hidden_size=10, max_model_bytes=177), (*BOTH, *OTHERS))  # fmt: skip
    yield Entry("fastgrnn-step-1", lambda: (digits()[0][:, :24], digits()[1]), fastgrnn(max_model_bytes=500))
    yield from _recurrent_regressors()


def _recurrent_regressors() -> Iterator[Entry]:
    for bits in (8, 4, 16):
        model = _quick("FastGRNNRegressor", bits=bits, max_model_bytes=600)
        yield Entry(f"fastgrnn-regressor-{bits}", mean_gestures, model, (*BOTH, *(OTHERS if bits == 8 else ())))
    yield Entry("fastgrnn-regressor-tanh-ranks", digit_values, _quick(
        "FastGRNNRegressor", nonlinearity="tanh", step_size=16, hidden_size=10, rank_w=3, rank_u=3))  # fmt: skip


def _pipelines() -> Iterator[Entry]:
    scalers = {"standard": StandardScaler(), "minmax": MinMaxScaler((-1, 1)), "maxabs": MaxAbsScaler(),
               "robust": RobustScaler(), "centred": StandardScaler(with_std=False)}  # fmt: skip
    for name, scaler in scalers.items():
        everywhere = (*BOTH, *(OTHERS if name == "standard" else ()))
        yield Entry(f"pipeline-{name}-bonsai", wine, make_pipeline(scaler, bonsai(max_model_bytes=400)), everywhere)
        yield Entry(f"pipeline-{name}-protonn", cancer, make_pipeline(scaler, protonn(max_model_bytes=500)))
    steps = [StandardScaler(), "passthrough", MinMaxScaler()]
    yield Entry("pipeline-three-bonsai-16", wine, make_pipeline(*steps, bonsai(bits=16)))
    yield Entry("pipeline-regressor", diabetes, make_pipeline(StandardScaler(), _quick("ProtoNNRegressor")))
    yield Entry("pipeline-fastgrnn", digits, make_pipeline(StandardScaler(), fastgrnn(step_size=8)), (*BOTH, *OTHERS))
    yield Entry("pipeline-fastrnn", digits, make_pipeline(MaxAbsScaler(), fastrnn(step_size=8)))
    yield from _sound()
    yield from _motion()


def _sound() -> Iterator[Entry]:
    short = LogMel(window=128, hop=64, n_mels=8)
    models = {
        "fastgrnn": (LogMel(n_mels=10), fastgrnn(max_model_bytes=700), (*BOTH, *OTHERS)),
        "fastgrnn-bits-4": (short, fastgrnn(bits=4, max_model_bytes=500), BOTH),
        "fastgrnn-16-tanh": (short, fastgrnn(bits=16, nonlinearity="tanh", hidden_size=8), BOTH),
        "fastrnn-normalized": (LogMel(n_mels=8, normalization=0.5), fastrnn(max_model_bytes=500), (*BOTH, *OTHERS)),
        "fastgrnn-odd": (LogMel(window=200, hop=90, n_mels=6, pre_emphasis=0.0), fastgrnn(max_model_bytes=400), BOTH),
        "fastgrnn-windows": (short, fastgrnn(window_steps=12, early_exit=0.9, hidden_size=8), BOTH),
    }
    for name, (mel, model, ways) in models.items():
        yield Entry(f"sound-{name}", tones, Pipeline([("sound", mel), ("model", model)]), ways)


def _motion() -> Iterator[Entry]:
    full = MotionFeatures(window=60, hop=10, decimate=5, statistics=ALL_STATISTICS, segments=3, bins=4)
    some = MotionFeatures(window=40, decimate=2)
    crossing = MotionFeatures(decimate=4, statistics=("crossings", "energy"), threshold=10)
    models = {
        "protonn": (motion, (full, protonn(max_model_bytes=700)), (*BOTH, *OTHERS)),
        "bonsai": (motion, (some, bonsai(max_model_bytes=500)), (*BOTH, *OTHERS)),
        "bonsai-scaled": (motion, (full, StandardScaler(), bonsai(max_model_bytes=700, depth=2)), BOTH),
        "protonn-bits-4": (motion, (crossing, MinMaxScaler(), protonn(bits=4)), BOTH),
        "bonsai-16": (motion, (crossing, bonsai(bits=16)), BOTH),
        "regressor": (motion_values, (some, _quick("BonsaiRegressor", max_model_bytes=400)), BOTH),
    }
    for name, (data, steps, ways) in models.items():
        yield Entry(f"motion-{name}", data, make_pipeline(*steps), ways)
