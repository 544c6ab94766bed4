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
from edgealgos.codegen.ops import ArgMax, MatVec, Rectify, Rescale, Squash
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import Program, Space, Tensor
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.qtype import CANDIDATE, PREACTIVATION, QType

from ..support import sample_programs as programs
from ..support.equivalence import check_host, check_uno


def layers(seed: int, with_op: bool, kind: str) -> Program:
    """Two dense layers with a non-linearity between them, or with a change of type in its place."""
    rng = np.random.default_rng(seed)
    features, hidden, outputs = (int(rng.integers(2, most)) for most in (30, 40, 8))
    encoding = choose_encoding(programs.samples(rng, 50, features))
    hidden_type = {"rectify": QType(8, 4), "rectify words": QType(16, 10)}.get(kind, PREACTIVATION)
    squashed = {"tanh": CANDIDATE, "logistic": QType(16, 8)}.get(kind, hidden_type)
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        programs.constant("W1", rng.normal(size=(hidden, features))),
        programs.constant("b1", rng.normal(size=hidden)),
        programs.scratch("h", hidden, hidden_type),
        programs.scratch("a", hidden, squashed),
        programs.constant("W2", rng.normal(size=(outputs, hidden))),
        programs.constant("b2", rng.normal(size=outputs)),
        Tensor("scores", (outputs,), Space.OUTPUT),
        programs.scratch("label", 1),
    ]
    between = Rectify("a", "h") if "rectify" in kind else Squash("a", "h", kind)
    ops = (MatVec("h", "W1", "x", "b1"), between if with_op else Rescale("a", "h"), MatVec("scores", "W2", "a", "b2"),
           ArgMax("label", "scores"))  # fmt: skip
    return Program(tuple(tensors), {"predict": ops}, encoding, "classifier", tuple(range(max(outputs, 2))))


rectified = partial(layers, kind="rectify")
rectified_words = partial(layers, kind="rectify words")
hyperbolic = partial(layers, kind="tanh")
logistic = partial(layers, kind="logistic")
KINDS = ["rectify", "rectify words", "tanh", "logistic"]


@given(st.integers(PREACTIVATION.low, PREACTIVATION.high))
def test_tables_are_near_the_functions_and_exact_integers(raw):
    """Within the step of a table: 1/16 of an input around its middle, and a bit of the answer."""
    x = raw / 4096
    for kind, function, step in (("tanh", np.tanh, 1 / 128), ("logistic", lambda a: 1 / (1 + np.exp(-a)), 1 / 256)):
        program = to_integer(layers(0, True, kind))
        (op,) = (op for op in program.ops() if isinstance(op, Squash))
        (found,) = op.integer(program, {"h": np.array([[raw]])})[0].tolist()
        low, high = op.value_range(program)
        assert low <= found <= high
        assert abs(found * step - function(x)) < 1 / 60


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=20))
def test_rectified_integers(raw):
    program = to_integer(layers(0, True, "rectify"))
    (op,) = (op for op in program.ops() if isinstance(op, Rectify))
    assert op.integer(program, {"h": np.array([raw])}).tolist() == [[max(v, 0) for v in raw]]


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_host(kind, seed, tmp_path):
    check_host(layers(seed, True, kind), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_uno(kind, optimize):
    check_uno(layers(4, True, kind), optimize)


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
    model = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(16,), max_iter=400, random_state=0)).fit(X, y)
    expected, device = model.predict(X), ea.compile_model(model, X_calibration=X).predict(X)
    assert 1 - np.square(device - expected).sum() / np.square(expected - expected.mean()).sum() > 0.998
