"""Non-linearities of dense layers: exact integers, the same on the host and on the Uno."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import edgealgos as ea
from edgealgos.codegen.ops import Rectify, Squash
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program.qtype import PREACTIVATION

from ..support import sample_programs as programs
from ..support.equivalence import check_host, check_uno

pytestmark = pytest.mark.slow

rectified = partial(programs.dense, kind="rectify")
rectified_words = partial(programs.dense, kind="rectify words")
hyperbolic = partial(programs.dense, kind="tanh")
logistic = partial(programs.dense, kind="logistic")
KINDS = ["rectify", "rectify words", "tanh", "logistic"]


@given(st.integers(PREACTIVATION.low, PREACTIVATION.high))
def test_tables_are_near_the_functions_and_exact_integers(raw):
    """Within half a step of the table, a sigmoid's twice as wide, times the steepest slope, and half a bit."""
    x = raw / 4096
    logistic = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    for kind, function, step, near in (("tanh", np.tanh, 1 / 128, 1 / 64), ("logistic", logistic, 1 / 256, 1 / 128)):
        program = to_integer(programs.dense(0, True, kind))
        (op,) = (op for op in program.ops() if isinstance(op, Squash))
        (found,) = op.integer(program, {"h": np.array([[raw]])})[0].tolist()
        low, high = op.value_range(program)
        assert low <= found <= high
        assert abs(found * step - function(x)) <= near + step / 2


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=20))
def test_rectified_integers(raw):
    program = to_integer(programs.dense(0, True, "rectify"))
    (op,) = (op for op in program.ops() if isinstance(op, Rectify))
    assert op.integer(program, {"h": np.array([raw])}).tolist() == [[max(v, 0) for v in raw]]


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_host(kind, seed, tmp_path):
    check_host(programs.dense(seed, True, kind), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_uno(kind, optimize):
    check_uno(programs.dense(4, True, kind), optimize)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("hidden", [(16,), (20, 10)])
def test_a_network_of_scikit_learn_answers_as_there(activation, hidden):
    X, y = datasets.load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), MLPClassifier(hidden, activation=activation, max_iter=60, random_state=0))
    model.fit(X[::2], y[::2])
    compiled = ea.compile_model(model, X_calibration=X[::2])
    assert (compiled.predict(X[1::2]) == model.predict(X[1::2])).mean() >= 0.985


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_network_runs_on_the_board_as_in_the_twin():
    X, y = datasets.load_digits(return_X_y=True)
    model = MLPClassifier((32,), max_iter=40, random_state=0).fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X)
    ran = compiled.simulate(X[:25])
    assert np.array_equal(ran.scores, compiled.scores(X[:25]))
    assert abs(compiled.report.cycles / ran.cycles.mean() - 1) < 0.1


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_network_that_answers_a_number_explains_its_variance():
    X, y = datasets.load_diabetes(return_X_y=True)
    network = MLPRegressor(hidden_layer_sizes=(16,), max_iter=400, random_state=0)
    model = make_pipeline(StandardScaler(), network).fit(X, y)
    expected, device = model.predict(X), ea.compile_model(model, X_calibration=X).predict(X)
    assert 1 - np.square(device - expected).sum() / np.square(expected - expected.mean()).sum() > 0.998
