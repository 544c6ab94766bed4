"""Windows of long sequences: where the class is found, what early exit saves, and that the device does the same."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

import edgealgos as ea
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import same_program
from edgealgos.codegen.program.interpret import run_float, run_integer
from edgealgos.codegen.program.scores import decide
from edgealgos.estimators.model import Examples
from edgealgos.estimators.windows import CONFIDENCES
from edgealgos.training.windows import cut, surest, windows_of

pytestmark = pytest.mark.slow

STEPS, WINDOW = 120, 24
SMALL = {"max_model_bytes": 600, "hidden_size": 10, "epochs": 60, "random_state": 0, "window_steps": WINDOW}


def motifs(n, seed, classes=3, length=10, level=2.0):
    """Noise of two channels in which, at a random place, one short motif tells the class; and where that ends."""
    shapes = np.random.default_rng(7).normal(size=(classes, length, 2))
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    X = rng.normal(size=(n, STEPS, 2))
    end = rng.integers(length, STEPS + 1, n)
    for row, label, stop in zip(X, y, end, strict=True):
        row[stop - length : stop] += level * shapes[label]
    return X, y, end


@pytest.fixture(scope="module")
def data():
    return motifs(300, 1), motifs(600, 2)


@pytest.fixture(scope="module")
def fitted(data):
    return ea.FastGRNNClassifier(**SMALL, early_exit=0.95).fit(*data[0][:2])


def exiting(model, confidence):
    """The same weights, another confidence."""
    other = clone(model)
    other.__dict__.update({k: v for k, v in vars(model).items() if k.endswith("_")})
    other.structure_ = model.structure_ | {"early_exit": confidence}
    return other


def test_windows_beat_the_whole_sequence_at_equal_bytes():
    X, y, _ = motifs(300, 1, level=1.5)
    X_test, y_test, _ = motifs(600, 2, level=1.5)
    windows = ea.FastGRNNClassifier(**SMALL).fit(X, y)
    whole = ea.FastGRNNClassifier(**SMALL | {"window_steps": None}).fit(X, y)
    assert windows.model_bytes_ == whole.model_bytes_
    accuracy = [np.mean(ea.compile_model(model).predict(X_test) == y_test) for model in (windows, whole)]
    assert accuracy[0] > accuracy[1] + 0.05


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_early_exit_saves_most_of_the_cycles_at_equal_accuracy(fitted, data):
    X, y, end = data[1]
    early, late = ea.compile_model(fitted), ea.compile_model(exiting(fitted, None))
    accuracy = [np.mean(compiled.predict(X) == y) for compiled in (early, late)]
    assert accuracy[0] >= accuracy[1] - 0.02
    some = np.concatenate([np.flatnonzero(end < STEPS // 3)[:20], np.arange(20)])  # first early motifs
    found = [compiled.simulate(X[some]) for compiled in (early, late)]
    for compiled, simulated in zip((early, late), found, strict=True):
        assert np.array_equal(simulated.scores, compiled.scores(X[some]))
    saved = 1 - found[0].cycles / found[1].cycles
    assert saved[:20].mean() > 0.5
    assert saved[20:].mean() > 0.7 * (1 - end[:20] / STEPS).mean()  # nobody can know before the motif has come
    assert found[1].cycles.mean() == pytest.approx(late.report.cycles, rel=0.2)


def test_auto_takes_the_least_confidence_that_costs_nothing(data):
    X, y, _ = data[0]
    options = {"window_steps": 24, "hidden_size": 6, "epochs": 10, "early_exit": "auto", "random_state": 0}
    model = ea.FastGRNNClassifier(**options, max_accuracy_loss=1.0).fit(X, y)
    assert model.early_exit_ == CONFIDENCES[0]
    held_out = model._held_out(Examples(X, y, np.ones(len(X))))
    assert held_out.sum() == len(X) // 6
    model = ea.FastGRNNClassifier(**options, max_accuracy_loss=0.0).fit(X, y)
    devices = {p: ea.compile_model(exiting(model, p)) for p in (*CONFIDENCES, None)}
    errors = {p: np.mean(device.predict(X[held_out]) != y[held_out]) for p, device in devices.items()}
    assert model.early_exit_ == next(p for p, error in errors.items() if error <= errors[None])


@pytest.mark.parametrize("kind", [ea.FastGRNNClassifier, ea.FastRNNClassifier, ea.GRUClassifier])
@pytest.mark.parametrize("classes", [2, 3])
def test_estimator_program_and_device_agree(kind, classes, tmp_path):
    X, y, _ = motifs(40, 3, classes)
    options = {"hidden_size": 5, "epochs": 3, "rank_u": 2, "window_stride": 8, "early_exit": 0.8, "random_state": 0}
    model = kind(window_steps=24, **options).fit(X, y)
    answers = decide(run_float(model.to_program(), model.encoding_.within(X)))
    assert np.array_equal(model.classes_[answers], model.predict(X))
    again = ea.load(ea.save(model, tmp_path / "m.edgealgos"))
    assert same_program(again.to_program(), model.to_program())
    assert model.model_bytes_ == ea.compile_model(model).report.model_bytes
    host = ea.compile_model(model, board="host")
    assert np.array_equal(host.simulate(X).scores, host.scores(X))


def by_hand(program, q, width, stride, limit):
    """Scores of one sequence: each window from a fresh state, in the order in which the device meets them."""
    kept, best = None, 0
    for step in range(1, len(q) + 1):
        for lane in range(width // stride):
            first = lane * stride
            if step <= first:
                break
            start = first + (step - first - 1) // width * width
            scores = run_integer(program, q[None, start:step])[0]
            top = np.sort(scores)
            margin = top[-1] - top[-2]
            if margin > best and (step - start == width or margin > limit):
                kept, best = scores, margin
            if best > limit:
                return kept
    return kept


@pytest.mark.parametrize("confidence", [None, 0.7])
def test_the_device_keeps_the_most_confident_window(confidence, data):
    (X, y, _), stride = data[0], 8
    model = ea.FastGRNNClassifier(
        window_steps=24, window_stride=stride, hidden_size=6, epochs=8, early_exit=confidence, random_state=0
    ).fit(X, y)
    windowed = to_integer(model.to_program())
    cell = ea.FastGRNNClassifier(hidden_size=6)  # the same weights, all windows one by one
    whole = {k: v for k, v in model.structure_.items() if not k.startswith("window")}
    cell.__dict__.update({k: v for k, v in vars(model).items() if k.endswith("_")}, structure_=whole)
    limit = np.inf if confidence is None else int(windowed["early_exit"].values)
    q = model.encoding_.encode(X[:3, :70])
    expected = [by_hand(to_integer(cell.to_program()), row, 24, stride, limit) for row in q]
    assert np.array_equal(run_integer(windowed, q), expected)


def test_cut_and_choose():
    x = np.arange(2 * 10).reshape(2, 10, 1)
    windows = windows_of(x, np.array([0, 1]), np.array([1.0, 2.0]), 4, 2)
    assert cut(x, 4, 2)[:, 0, 0].tolist() == [0, 2, 4, 6, 10, 12, 14, 16]
    assert (windows.per_bag, windows.run) == (4, 2)
    assert windows.weight.tolist() == [1.0] * 4 + [2.0] * 4
    scores = np.array([9.0, 0, -9, -9, 0, 0, 9, 8])[:, None]  # of class 1
    assert surest(scores, windows).tolist() == [False, False, True, True, False, False, True, True]
    both = np.hstack([-scores, scores])
    assert np.array_equal(surest(both, windows), surest(scores, windows))


@pytest.mark.parametrize(("options", "message"), [
    ({"window_steps": 200}, "longer than the sequences of 120 steps"),
    ({"window_steps": 25}, "does not divide"),
    ({"window_steps": 24, "window_stride": 7}, "does not divide"),
    ({"early_exit": 0.9}, "give window_steps"),
    ({"window_steps": 24, "early_exit": 0.5}, "above 0.5"),
    ({"window_steps": 24, "max_cycles": 10**6}, "leave out max_cycles="),
    ({"window_steps": 24, "teacher": ea.FastGRNNClassifier()}, "leave out teacher="),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(options, message, data):
    with pytest.raises(ValueError, match=message):
        ea.FastGRNNClassifier(**options).fit(*data[0][:2])


def test_the_budget_counts_the_threshold(data):
    model = ea.FastRNNClassifier(max_model_bytes=300, window_steps=24, early_exit=0.9, epochs=4, random_state=0)
    model.fit(*data[0][:2])
    assert 250 < model.model_bytes_ <= 300
    assert model.n_iter_ == len(model.history_["loss"]) == 4
