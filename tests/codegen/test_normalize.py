"""Vectors over their norm in front of linear models: as scikit-learn's Normalizer makes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, Normalizer, PolynomialFeatures, StandardScaler

import edgealgos as ea
from edgealgos.codegen.ops import ArgMax, MatVec, Normalize
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import InputEncoding, Program, QType, Space, Tensor, verify
from edgealgos.codegen.program.interpret import run_integer

from ..support.equivalence import check_host, check_uno

NORMS = ("l1", "l2", "max")


def program(seed=0, with_op=True):
    """A linear model of a vector over its norm, or of the vector."""
    rng = np.random.default_rng(seed)
    width, bits = 3 + 9 * (seed % 5), 16 if seed % 2 else 8
    matrix, bias = rng.normal(size=(3, width)), rng.normal(size=3)
    used = 8 if bits == 8 else 12
    tensors = [
        Tensor("x", (width,), Space.INPUT, QType(bits, used - 3)),
        *([Tensor("unit", (width,), Space.SCRATCH)] if with_op else []),
        Tensor("weights", matrix.shape, Space.FLASH, QType.covering(np.abs(matrix).max(), 8), matrix),
        Tensor("bias", (3,), Space.FLASH, None, bias),
        Tensor("scores", (3,), Space.OUTPUT),
        Tensor("label", (1,), Space.SCRATCH),
    ]
    ops = [Normalize("unit", "x", NORMS[seed % 3])] if with_op else []
    ops += [MatVec("scores", "weights", "unit" if with_op else "x", "bias"), ArgMax("label", "scores")]
    limit = (1 << used - 1) - 1
    encoding = InputEncoding(np.zeros(1), np.ones(1) * 16, -limit, limit, QType(bits, used - 3))
    return verify(Program(tuple(tensors), {"predict": tuple(ops)}, encoding, "classifier", (0, 1, 2), family="linear"))


def slow(x, norm):
    """The op in plain integers."""
    up = 0
    if norm == "l2":
        squares = sum(v * v for v in x)
        up = (32 - squares.bit_length()) // 2 if squares else 0
        whole = math.isqrt(squares << 2 * up)
    else:
        whole = sum(map(abs, x)) if norm == "l1" else max(map(abs, x))
    if not whole:
        return [0] * len(x)
    shift = 16 - whole.bit_length()
    word = whole << shift if shift >= 0 else whole >> -shift
    factor = min((1 << 31) // word, 0xFFFF)
    return [v * factor >> min(max(17 - shift - up, 0), 31) for v in x]


@given(st.integers(0, 60), st.sampled_from([0.0, 0.01, 1.0]))
def test_integers_are_those_of_plain_python_and_near_the_quotient(seed, size):
    integer = to_integer(program(seed))
    op = next(op for op in integer.ops() if isinstance(op, Normalize))
    low, high = integer.value_range("x")
    x = np.rint(np.random.default_rng(seed).integers(low, high + 1, (1, integer.input.size)) * size).astype(np.int64)
    found = op.integer(integer, {"x": x})[0]
    assert found.tolist() == slow(x[0].tolist(), op.norm)
    exact = op.real(integer, {"x": x})[0] * 2.0**14
    assert np.abs(found - exact).max() <= 1 + 1e-4 * np.abs(exact).max()
    assert (np.array(integer.value_range("unit")) * [1, -1] <= [found.min(), -found.max()]).all()
    assert run_integer(integer, x).shape == (1, 3)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("seed", range(6))
def test_host(seed, tmp_path):
    check_host(program(seed), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("seed", range(4))
def test_uno(seed):
    check_uno(program(seed))


# ---- scikit-learn's ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wine():
    X, y = datasets.load_wine(return_X_y=True)
    return train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("first", [None, MaxAbsScaler(), StandardScaler()], ids=["alone", "of shares", "of deviations"])
def test_classes_behind_a_norm_are_those_of_scikit_learn(first, norm, wine):
    X, X_test, y, _ = wine
    model = make_pipeline(first, Normalizer(norm), StandardScaler(), LogisticRegression(max_iter=3000)).fit(X, y)
    compiled = ea.compile_model(model, "host", X_calibration=X)
    assert (compiled.predict(X) == model.predict(X)).mean() >= 0.99
    assert (compiled.predict(X_test) != model.predict(X_test)).sum() <= 1


def test_numbers_behind_a_norm_are_those_of_scikit_learn():
    X, y = datasets.load_diabetes(return_X_y=True)
    model = make_pipeline(Normalizer(), Ridge(alpha=0.1)).fit(X, y)
    expected, device = model.predict(X), ea.compile_model(model, "host", X_calibration=X).predict(X)
    assert 1 - np.square(device - expected).sum() / np.square(expected - expected.mean()).sum() > 0.999


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_the_board_answers_as_the_twin():
    X, y = datasets.load_digits(return_X_y=True)
    model = make_pipeline(Normalizer(), LogisticRegression(max_iter=500)).fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X)
    ran = compiled.simulate(X[:15])
    assert np.array_equal(ran.scores, compiled.scores(X[:15]))
    assert abs(compiled.report.cycles / ran.cycles.mean() - 1) < 0.15


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((PCA(3), Normalizer(), Ridge()), "all features, each scaled"),
        ((Normalizer(), Normalizer(), Ridge()), "all features, each scaled"),
        ((PolynomialFeatures(2), Normalizer(), Ridge()), "all features, each scaled"),
        ((Normalizer(), PolynomialFeatures(2), Ridge()), "behind Normalizer"),
        ((ColumnTransformer([("some", Normalizer(), [0, 1])]), Ridge()), "all features, each scaled"),
        (
            (ColumnTransformer([("all", Normalizer(), slice(4)), ("as they are", "passthrough", slice(4))]), Ridge()),
            "beside other columns",
        ),
        ((Normalizer(), GaussianNB()), "linear models can"),
    ],
    ids=[
        "behind a projection",
        "twice",
        "behind products",
        "before products",
        "of some columns",
        "beside columns",
        "another model",
    ],
)
def test_what_a_norm_cannot_be_is_refused_by_name(steps, said):
    X, y = datasets.load_iris(return_X_y=True)
    with pytest.raises(ea.UnsupportedModelError, match=said):
        ea.compile_model(make_pipeline(*steps).fit(X, y), X_calibration=X)


def test_a_norm_of_all_columns_may_be_named_by_columns():
    X, y = datasets.load_iris(return_X_y=True)
    models = [make_pipeline(step, Ridge()).fit(X, y)
              for step in (Normalizer(), ColumnTransformer([("all", Normalizer(), slice(4))]))]  # fmt: skip
    plain, named = (ea.compile_model(model, X_calibration=X).predict(X) for model in models)
    assert np.array_equal(plain, named)
