"""MotionFeatures: one integer definition in transform, interpreter and C++, whatever the sensor says."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from edgealgos import (
    BoostedTreesClassifier,
    EdgeAlgosError,
    ProtoNNClassifier,
    compile_model,
    export_arduino,
    export_cpp,
    load,
    save,
)
from edgealgos.codegen.build import sketch as toolchain
from edgealgos.codegen.ops.motion import STATISTICS
from edgealgos.features import MotionFeatures
from tests.support.equivalence import host_scores

pytestmark = pytest.mark.slow

FULL = {"window": 60, "hop": 10, "decimate": 5, "statistics": STATISTICS, "segments": 5, "bins": 4}


def streams(n=40, steps=80, axes=3, seed=0):
    """Raw samples of several scales and offsets, and labels that depend on them."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    t = np.arange(steps)
    waves = np.sin(t[None, :, None] * (0.2 + 0.3 * y[:, None, None]) + rng.uniform(0, 6, (n, 1, axes)))
    X = waves * np.array([200, 3000, 12000])[:axes] + np.array([-8192, 0, 900])[:axes] + rng.normal(0, 50, waves.shape)
    return np.clip(np.rint(X), -32768, 32767).astype(np.int16), y


def extremes(steps, axes=3):
    """What a broken or overloaded sensor says: constants at the ends, jumps between them, a spike."""
    low, high = np.full((steps, axes), -32768), np.full((steps, axes), 32767)
    jumps = np.where(np.arange(steps)[:, None] % 2, low, high)
    slow = np.where(np.arange(steps)[:, None] // 13 % 2, low, high)
    spike = np.zeros((steps, axes))
    spike[steps // 2] = -32768
    return np.stack([low, high, jumps, slow, spike, np.zeros((steps, axes))]).astype(np.int16)


def fitted(**options):
    X, y = streams()
    model = ProtoNNClassifier(max_model_bytes=512, projection_dim=4, n_prototypes=4, epochs=2, random_state=0)
    return Pipeline(
        [("features", MotionFeatures(**(FULL | options))), ("scale", StandardScaler()), ("model", model)]
    ).fit(X, y)


@pytest.fixture(scope="module")
def pipeline():
    return fitted()


def plain(stream, features):
    """The features of one window, written down anew with Python's integers."""
    d = features.decimate
    frames = []
    for start in range(0, len(stream) // d * d, d):
        sums = [sum(int(v) for v in stream[start : start + d, a]) for a in range(stream.shape[1])]
        pairs = zip(sums, features.centre_.tolist(), features.shift_.tolist(), strict=True)
        frames.append([max(-128, min(127, (s + c) >> k)) for s, c, k in pairs])
    count = features.window_ // d
    frames = [[0] * stream.shape[1]] * count + frames
    columns = list(zip(*frames[-count:], strict=True))
    out = []
    for kind in features.statistics:
        rows = [_PLAIN[kind](list(column), features) for column in columns]
        by_axis = kind == "histogram"
        out += [v for row in rows for v in row] if by_axis else [v for part in zip(*rows, strict=True) for v in part]
    return out


def longest(flags):
    best = (0, 0)
    for start in range(len(flags)):
        stop = start
        while stop < len(flags) and flags[stop]:
            stop += 1
        if stop - start > best[0]:
            best = (stop - start, start)
    return list(best)


def crossings(values, features):
    sides = [1 if v > 0 else -1 for v in values if abs(v) >= features.threshold]
    return [sum(a != b for a, b in pairwise(sides))]


def root(value):
    guess = int(value**0.5) + 2
    while guess * guess > value:
        guess -= 1
    return guess


_PLAIN = {
    "histogram": lambda v, f: [sum((x + 128) * f.bins // 256 == b for x in v) for b in range(f.bins)],
    "runs": lambda v, f: longest([x >= f.threshold for x in v]) + longest([x <= -f.threshold for x in v]),
    "mean": lambda v, f: [sum(part) for part in np.array(v[len(v) % f.segments :]).reshape(f.segments, -1).tolist()],
    "spread": lambda v, f: [root(len(v) * sum(x * x for x in v) - sum(v) ** 2)],
    "energy": lambda v, f: [sum(x * x for x in v) >> max(0, (len(v) * 2**14).bit_length() - 15)],
    "crossings": crossings,
}


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 3, 9, 30]), st.sampled_from([1, 2, 5, 7]))
def test_features_are_what_they_are_said_to_be(seed, quiet, segments):
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 2.0 ** rng.integers(0, 15), size=(3, 70, 2)).clip(-32768, 32767).astype(np.int16)
    X[:, :quiet] = 0
    options = {"statistics": STATISTICS, "bins": 4, "segments": segments}
    features = MotionFeatures(window=60, hop=5, decimate=5, **options).fit(X)
    wild = np.concatenate([X, extremes(70, 2), X[:, :40].repeat(2, axis=1)[:, :70]])
    assert features.transform(wild).tolist() == [plain(stream, features) for stream in wild]


def test_a_window_that_is_not_full_is_full_of_zeros():
    X, _ = streams()
    features = MotionFeatures(**FULL).fit(X)
    assert features.transform(X[:3, :30]).tolist() == [plain(stream, features) for stream in X[:3, :30]]


def test_streaming_is_batch():
    X, _ = streams(n=1, steps=400)
    features = MotionFeatures(**FULL).fit(X)
    windows = features.windows(X[0])
    assert windows.shape == (35, 60, 3)
    assert np.array_equal(windows[4], X[0, 40:100])
    whole = features.transform(windows)
    for i in (0, 7, 34):  # the device has seen everything before the window, too
        assert np.array_equal(features.transform(X[:, : 60 + 10 * i])[0], whole[i])


def test_names_of_the_features():
    X, _ = streams()
    for kinds in (STATISTICS, ("spread", "mean"), ("runs",)):
        features = MotionFeatures(**(FULL | {"statistics": kinds})).fit(X)
        names = features.get_feature_names_out()
        assert len(set(names)) == len(names) == features.transform(X).shape[1]
    assert names[3] == "run_above_start_axis0"


def test_only_what_is_wanted_takes_memory():
    X, _ = streams()
    lean, full = (MotionFeatures(**(FULL | {"statistics": k})).fit(X).to_program() for k in (("mean",), STATISTICS))
    assert {t.name for t in full.tensors} - {t.name for t in lean.tensors} == {
        "histogram", "window_sums", "window_squares",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"window": 61}, "multiples of decimate=5, such as 60 and 10"),
        ({"hop": 12}, "multiples of decimate=5, such as 60 and 10"),
        ({"window": 100}, "longer than the 80 samples"),
        ({"window": None, "decimate": 256}, "longer than the 80 samples"),
        ({"statistics": ()}, "statistics"),
        ({"statistics": ("mean", "median")}, "statistics"),
        ({"statistics": ("mean", "mean")}, "statistics"),
        ({"bins": 6}, "bins"),
        ({"segments": 13}, "12 frames of the window"),
    ],
)
def test_options_that_cannot_be(options, match):
    with pytest.raises(ValueError, match=match):
        MotionFeatures(**(FULL | options)).fit(streams()[0])


def test_windows_of_too_many_frames():
    with pytest.raises(ValueError, match="300 frames is too long"):
        MotionFeatures(decimate=1).fit(np.zeros((2, 300, 1), np.int16))


def test_samples_that_are_none():
    features = MotionFeatures(**FULL).fit(streams()[0])
    with pytest.raises(ValueError, match=r"\(n, n_steps, n_axes\)"):
        features.transform(np.zeros((3, 80), np.int16))
    with pytest.raises(ValueError, match="3 values a step"):
        features.transform(np.zeros((3, 80, 6), np.int16))
    with pytest.raises(ValueError, match="16 bits"):
        features.transform(np.full((3, 80, 3), 40000))
    with pytest.raises(ValueError, match=r"integers .*accelerations in g"):
        features.transform(np.full((3, 80, 3), 0.5))


def test_a_constant_sensor_is_no_problem():
    features = MotionFeatures(**FULL).fit(np.full((4, 60, 2), -8192))
    assert features.transform(np.full((1, 60, 2), -8192)).tolist() == [plain(np.full((60, 2), -8192), features)]


# ---- as part of a Pipeline -------------------------------------------------------------------------------------------


def test_the_float_model_and_the_device_mostly_agree(pipeline):
    X, y = streams(seed=5)
    assert pipeline.score(X, y) > 0.9
    assert (compile_model(pipeline).predict(X) == pipeline.predict(X)).mean() > 0.9


def test_trees_stand_behind_it(pipeline):
    X, y = streams(seed=5)
    trees = clone(pipeline).set_params(model=BoostedTreesClassifier(random_state=0)).fit(X, y)
    assert (compile_model(trees).predict(X) == y).mean() > 0.9


def test_it_is_cloned_pickled_saved_and_searched(pipeline, tmp_path):
    X, y = streams()
    expected = compile_model(pipeline).scores(X)
    for copy in (pickle.loads(pickle.dumps(pipeline)), load(save(pipeline, tmp_path / "m.edgealgos"))):
        assert np.array_equal(compile_model(copy).scores(X), expected)
    assert clone(pipeline).get_params()["features__window"] == 60
    search = GridSearchCV(pipeline, {"features__segments": [1, 4]}, cv=2).fit(X, y)
    assert search.best_params_["features__segments"] in (1, 4)


def test_the_report_knows_the_window(pipeline):
    report = compile_model(pipeline).report
    assert report.ram_items["window"] == 12 * 3
    assert report.model_bytes == pipeline[-1].model_bytes_


def test_another_rate_or_more_axes_are_refused(pipeline, tmp_path):
    with pytest.raises(ValueError, match="3"):
        compile_model(pipeline).predict(np.zeros((2, 80, 6), np.int16))
    features_alone = MotionFeatures(**FULL).fit(streams()[0])
    with pytest.raises(EdgeAlgosError, match="put a model behind it"):
        export_arduino(features_alone, tmp_path / "sketch")


def every_input():
    X, _ = streams(n=6, seed=3)
    return np.concatenate([X, extremes(80)])


@pytest.mark.needs("g++")
@pytest.mark.parametrize("bits", [16, "mixed"])
def test_other_precisions(bits, tmp_path):
    X, y = streams()
    pipeline = fitted()
    pipeline.set_params(model__bits=bits, model__max_model_bytes=1024).fit(X, y)
    compiled = compile_model(pipeline, "host")
    assert np.array_equal(host_scores(compiled, every_input(), tmp_path), compiled.scores(every_input()))


@pytest.mark.needs("g++")
def test_a_self_test_of_raw_samples(pipeline, tmp_path):
    X, _ = streams()
    export_cpp(pipeline, tmp_path / "m", self_test=X[:3])
    sources = [tmp_path / "m" / "main.cpp", tmp_path / "m" / "m_model.cpp"]
    assert toolchain.build_host(sources, tmp_path / "run").run(stdin="") == ""


@pytest.mark.needs("g++")
@pytest.mark.parametrize("options", [{}, {"statistics": ("runs", "mean", "crossings")}, {"decimate": 1, "bins": 32}])
def test_host(options, tmp_path):
    compiled = compile_model(fitted(**options), "host")
    assert np.array_equal(host_scores(compiled, every_input(), tmp_path), compiled.scores(every_input()))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_uno(pipeline):
    compiled = compile_model(pipeline)
    result = compiled.simulate(every_input())
    assert np.array_equal(result.scores, compiled.scores(every_input()))
    assert np.array_equal(result.labels, compiled.predict(every_input()))
    assert not [w for w in result.warnings if "warning:" in w]
    assert result.flash_bytes == pytest.approx(compiled.report.flash_bytes, rel=0.15)
    assert result.ram_peak == pytest.approx(compiled.report.ram_bytes, rel=0.15)


@pytest.mark.parametrize(
    "board",
    [
        pytest.param("pizero", marks=pytest.mark.needs("arm-linux-gnueabi-g++", "qemu-arm", "gcc")),
        pytest.param("cortex-m0", marks=pytest.mark.needs("arm-none-eabi-g++", "qemu-system-arm", "gcc")),
        pytest.param("cortex-m4", marks=pytest.mark.needs("arm-none-eabi-g++", "qemu-system-arm", "gcc")),
    ],
)
def test_arm(pipeline, board):
    compiled = compile_model(pipeline, board)
    assert np.array_equal(compiled.simulate(every_input()).scores, compiled.scores(every_input()))
