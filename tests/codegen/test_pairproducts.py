"""Products of pairs of inputs in front of linear models: as scikit-learn's PolynomialFeatures makes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler

import edgealgos as ea
from edgealgos.codegen.compiled import float_program
from edgealgos.codegen.ops import ArgMax, MatVec, PairProducts
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import InputEncoding, Program, QType, Space, Tensor, verify
from edgealgos.codegen.program.interpret import run_integer

from ..support.equivalence import check_host, check_uno


def program(seed=0, with_op=True):
    """A linear model of inputs and products of pairs of them, or of inputs alone."""
    rng = np.random.default_rng(seed)
    width, pairs, bits = 3 + 5 * (seed % 5), 4 + 17 * (seed % 7), 8 if seed % 3 else 16
    columns = width + (pairs if with_op else 0)
    first, second = rng.integers(0, width, (2, pairs)).astype(float)
    matrix, bias = rng.normal(size=(3, columns)), rng.normal(size=3)
    made = [
        Tensor("first", (pairs,), Space.FLASH, None, first),
        Tensor("second", (pairs,), Space.FLASH, None, second),
        Tensor("products", (columns,), Space.SCRATCH),
    ]
    tensors = [
        Tensor("x", (width,), Space.INPUT, QType(bits, bits - 3)),
        *(made if with_op else []),
        Tensor("weights", matrix.shape, Space.FLASH, QType.covering(np.abs(matrix).max(), 8), matrix),
        Tensor("bias", (3,), Space.FLASH, None, bias),
        Tensor("scores", (3,), Space.OUTPUT),
        Tensor("label", (1,), Space.SCRATCH),
    ]
    ops = [PairProducts("products", "x", "first", "second")] if with_op else []
    ops += [MatVec("scores", "weights", "products" if with_op else "x", "bias"), ArgMax("label", "scores")]
    limit = (1 << bits - 1) - 1
    encoding = InputEncoding(np.zeros(1), np.ones(1) * 16, -limit, limit, QType(bits, bits - 3))
    return verify(Program(tuple(tensors), {"predict": tuple(ops)}, encoding, "classifier", (0, 1, 2), family="linear"))


@given(st.integers(0, 40))
def test_integers_are_those_of_plain_python(seed):
    integer = to_integer(program(seed))
    bits, (low, high) = integer.input.type.container, integer.value_range("x")
    x = np.random.default_rng(seed).integers(low, high + 1, integer.input.size).tolist()
    first, second = (integer[name].values.tolist() for name in ("first", "second"))
    vector = [(v << bits - 1) >> 2 * bits - 16 for v in x]
    vector += [x[i] * x[j] >> 2 * bits - 16 for i, j in zip(first, second, strict=True)]
    weights = integer["weights"].values.tolist()
    sums = [sum(w * v for w, v in zip(row, vector, strict=True)) for row in weights]
    expected = [s + b for s, b in zip(sums, integer["bias"].values.tolist(), strict=True)]
    assert run_integer(integer, np.array([x]))[0].tolist() == expected
    least, most = integer.value_range("products")
    assert least <= min(vector) <= max(vector) <= most


@pytest.mark.needs("g++")
@pytest.mark.parametrize("seed", range(3))
def test_host(seed, tmp_path):
    check_host(program(seed), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("seed", [1, 3])
def test_uno(seed):
    check_uno(program(seed))


def test_pairs_of_what_is_not_there_are_refused():
    made = program(1)
    with pytest.raises(ValueError, match="outside of 0 to"):
        verify(made.replacing(Tensor("first", made["first"].shape, Space.FLASH, None, made["first"].values + 99)))


# ---- scikit-learn's ------------------------------------------------------------------------------------------------

IN_FRONT = {
    "products": PolynomialFeatures(2),
    "interactions alone": PolynomialFeatures(2, interaction_only=True, include_bias=False),
    "squares and products alone": PolynomialFeatures((2, 2)),
    "behind a scaler": make_pipeline(StandardScaler(), PolynomialFeatures(2)),
    "between scalers": make_pipeline(MinMaxScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler()),
    "in front of a projection": make_pipeline(StandardScaler(), PolynomialFeatures(2), PCA(12)),
    "behind a projection": make_pipeline(StandardScaler(), PCA(5), PolynomialFeatures(2)),
    "behind discriminants": make_pipeline(LinearDiscriminantAnalysis(), PolynomialFeatures(2, include_bias=False)),
    "behind a projection beside columns": make_pipeline(
        StandardScaler(),
        ColumnTransformer([("some", PCA(3), [0, 1, 2, 3, 5, 7]), ("one", "passthrough", [9])]),
        PolynomialFeatures(2),
    ),
    "behind a projection of some columns": ColumnTransformer(
        [("some", make_pipeline(StandardScaler(), PCA(4), PolynomialFeatures(2)), [0, 6, 9, 11, 12])],
    ),
    "of some columns": ColumnTransformer(
        [("some", PolynomialFeatures(2), [0, 2, 5]), ("others", PolynomialFeatures(2), [2, 5, 6, 7])],
        remainder="passthrough",
    ),
}

BESIDE = ColumnTransformer(
    [("some", make_pipeline(PCA(2), PolynomialFeatures(2)), [0, 1, 2]), ("one", "passthrough", [3])]
)


@pytest.fixture(scope="module")
def wine():
    X, y = datasets.load_wine(return_X_y=True)
    return train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("kind", IN_FRONT)
def test_classes_behind_products_are_those_of_scikit_learn(kind, wine):
    X, X_test, y, _ = wine
    model = make_pipeline(IN_FRONT[kind], StandardScaler(), LogisticRegression(max_iter=3000)).fit(X, y)
    compiled = ea.compile_model(model, "host", X_calibration=X)
    assert (compiled.predict(X) == model.predict(X)).all()
    assert (compiled.predict(X_test) != model.predict(X_test)).sum() <= 1


@pytest.mark.parametrize("kind", ["products", "behind a scaler", "of some columns", "behind a projection"])
def test_numbers_behind_products_are_those_of_scikit_learn(kind):
    X, y = datasets.load_diabetes(return_X_y=True)
    model = make_pipeline(IN_FRONT[kind], StandardScaler(), Ridge(alpha=10.0)).fit(X, y)
    expected, device = model.predict(X), ea.compile_model(model, "host", X_calibration=X).predict(X)
    assert 1 - np.square(device - expected).sum() / np.square(expected - expected.mean()).sum() > 0.999


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", ["behind a scaler", "behind a projection", "behind discriminants"])
def test_the_board_answers_as_the_twin(kind, wine):
    X, X_test, y, _ = wine
    model = make_pipeline(IN_FRONT[kind], LogisticRegression(max_iter=3000)).fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X)
    ran = compiled.simulate(X_test[:20])
    assert np.array_equal(ran.scores, compiled.scores(X_test[:20]))
    assert abs(compiled.report.cycles / ran.cycles.mean() - 1) < 0.15


def test_products_around_a_large_number_are_refused_by_what_they_answer():
    """Weights of a negative number of bits were left of it."""
    X = np.random.default_rng(0).normal(size=(60, 4))
    model = make_pipeline(PolynomialFeatures(2), Ridge()).fit(X, X[:, 0] * X[:, 1] + 1e12)
    with pytest.raises(ea.UnsupportedModelError, match="answers numbers around 1e\\+12"):
        ea.compile_model(model, X_calibration=X)


def test_words_have_weights_of_which_32_bits_hold_the_sums(wine, tmp_path):
    X, _, y, _ = wine
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression(max_iter=3000)).fit(X, y)
    for widths in ((8, 16, False), (16, 16, True)):
        made = to_integer(float_program(model, X, [widths]))
        assert made["products"].type.bits == 16
        assert np.abs(made["weights"].values).max() > 127
    with pytest.raises(ea.UnsupportedModelError, match="PairProducts is nothing that"):
        ea.export_tflite(model, tmp_path / "m.tflite", X_calibration=X)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((PolynomialFeatures(3), LogisticRegression()), "degree=2 can"),
        ((PCA(3), PolynomialFeatures(2), PolynomialFeatures(2), LogisticRegression()), "projections alone"),
        ((PolynomialFeatures(2), PolynomialFeatures(2), LogisticRegression()), "projections alone"),
        ((BESIDE, LogisticRegression()), "alone, not beside"),
        ((PolynomialFeatures(2), GaussianNB()), "linear models can"),
    ],
    ids=["cubes", "twice behind a projection", "twice", "beside columns", "in front of another model"],
)
def test_what_products_cannot_be_is_refused_by_name(steps, said):
    X, y = datasets.load_iris(return_X_y=True)
    with pytest.raises(ea.UnsupportedModelError, match=said):
        ea.compile_model(make_pipeline(*steps).fit(X, y), X_calibration=X)
