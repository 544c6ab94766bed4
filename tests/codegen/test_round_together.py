"""Weights of a product rounded together: rows are answered nearer than by rounding each for itself."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import edgealgos as ea
from edgealgos.codegen.lowering.sklearn import Widths, lower_sklearn
from edgealgos.codegen.lowering.wrappers import unwrap
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.choose_ranges import choose_ranges
from edgealgos.codegen.passes.round_together import round_together
from edgealgos.codegen.program.interpret import encode, run_float, run_integer


def between_classes(scores):
    return scores - scores.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("apart", [False, True])
def test_scores_come_nearer_and_zeros_stay(apart):
    X, y = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=200).fit(X[::2] / 16, y[::2])
    model.coef_[np.abs(model.coef_) < 0.2] = 0.0
    model.coef_ /= 16
    program = lower_sklearn(unwrap(model), X[::2], Widths(8, 8, apart))
    together = round_together(program, X[::2])
    wanted = between_classes(run_float(program, X[1::2]))
    far = []
    for found in (program, together):
        integer = to_integer(found)
        scores = integer.output.type.dequantize(run_integer(integer, encode(integer, X[1::2])))
        far.append(np.square(between_classes(scores) - wanted).mean())
    assert far[1] < 0.5 * far[0]
    assert not together["weights"].values[program["weights"].values == 0].any()


def test_what_classes_have_in_common_changes_no_answer_but_the_range():
    X, y = load_wine(return_X_y=True)
    model = LinearDiscriminantAnalysis().fit(X, y)
    model.coef_, model.intercept_ = model.coef_ + 50.0 / X.std(axis=0), model.intercept_ + 1000.0
    program = lower_sklearn(unwrap(model), X, Widths(8, 8, True))
    together = round_together(program, X)
    assert np.array_equal(np.argmax(run_float(together, X), axis=1), np.argmax(run_float(program, X), axis=1))
    assert np.abs(together["weights"].values).max() < 0.5 * np.abs(program["weights"].values).max()


def test_bytes_are_enough_for_discriminants_of_digits():
    X, X_test, y, _ = train_test_split(*load_digits(return_X_y=True), test_size=0.3, random_state=0)
    model = LinearDiscriminantAnalysis().fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X)
    assert compiled.program["weights"].type.bits == compiled.program.input.type.bits == 8
    assert np.mean(compiled.predict(X_test) == model.predict(X_test)) >= 0.99


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu"])
def test_sums_that_saturate_do_not_move_biases(activation):
    """Biases made good what the type of the sums had cut off: 7.5 % of these rows were told otherwise."""
    X, y = load_digits(return_X_y=True)
    model = MLPClassifier((12,), activation=activation, max_iter=300, random_state=0).fit(X[:500], y[:500])
    unwrapped = unwrap(model)
    exact = choose_ranges(lower_sklearn(unwrapped, X[:500], Widths(8, 16)), X[:500])
    rounded = round_together(exact, X[:500])
    moved = np.abs(rounded["bias1"].values - exact["bias1"].values)
    assert moved.max() < 0.01
    compiled = ea.compile_model(model, X_calibration=X[:500])
    assert np.mean(compiled.predict(X[500:700]) == model.predict(X[500:700])) >= 0.985
