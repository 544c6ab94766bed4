"""Widths that are chosen by rows to come: labels of rows that no fit and no calibration saw stay scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import edgealgos as ea
from edgealgos.codegen.lowering.sklearn.neural import has_free_layers
from edgealgos.codegen.passes.rows_to_come import MOST_MOVED, rows_to_come

ASKED = 0.995  # of rows with the labels that the model has for them


def test_moved_rows_stay_integers_within_each_column_s_range():
    rows = np.random.default_rng(0).integers(0, 9, (300, 6)).astype(float)
    moved = rows_to_come(rows)
    assert moved.shape == rows.shape
    assert np.array_equal(moved, np.rint(moved))
    assert (moved.min(axis=0) >= rows.min(axis=0)).all()
    assert (moved.max(axis=0) <= rows.max(axis=0)).all()
    assert (moved != rows).any(axis=1).mean() > 0.9
    assert np.array_equal(rows_to_come(rows), moved)


def test_rows_are_moved_as_far_as_neighbours_are_apart():
    rng = np.random.default_rng(1)
    line = np.sort(rng.normal(size=400))[:, None] @ np.array([[1.0, 2.0]])
    moved = rows_to_come(line)
    assert np.abs(moved - line).max() < 0.5 * np.ptp(line)
    np.testing.assert_allclose(moved[:, 1], 2 * moved[:, 0])  # along the line alone


@pytest.mark.parametrize("rows", [np.ones((5, 3)), np.zeros((1, 2)), np.repeat(np.eye(2), 3, axis=0)])
def test_rows_without_others_stay(rows):
    assert np.isfinite(rows_to_come(rows)).all()
    assert rows_to_come(rows).shape == rows.shape


def test_of_many_rows_some_are_moved():
    assert len(rows_to_come(np.random.default_rng(0).normal(size=(5000, 2)))) == MOST_MOVED


def test_numbers_that_stand_for_missing_values_are_no_distance():
    rng = np.random.default_rng(2)
    rows, absent = rng.normal(size=(300, 4)), rng.random((300, 4)) < 0.2
    absent[:, 3] = True
    stated = [np.where(absent, number, rows) for number in (-5.0, 0.0, 1e6)]
    moved = [rows_to_come(some, absent) for some in stated]
    for some, found in zip(stated, moved, strict=True):
        assert np.array_equal(found[absent], some[absent])
        assert np.array_equal(found[~absent], moved[0][~absent])
        assert np.abs(found[~absent]).max() <= np.abs(rows[~absent]).max()
    assert (moved[0] != stated[0])[~absent].mean() > 0.5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_networks_that_are_sure_of_their_own_rows_keep_labels_of_others():
    """Of other rows 1 % were told otherwise, though next to none of the calibration rows was."""
    same = []
    for seed in range(3):
        X, y = datasets.make_classification(3000, 20, n_informative=10, n_classes=4, random_state=seed)
        network = MLPClassifier((32, 16), max_iter=400, random_state=0)
        model = make_pipeline(StandardScaler(), network).fit(X[:800], y[:800])
        compiled = ea.compile_model(model, "host", X_calibration=X[:800])
        same.append((compiled.predict(X[800:]) == model.predict(X[800:])).mean())
    assert np.mean(same) >= ASKED


@pytest.mark.parametrize("seed", range(3))
def test_scaled_pixels_get_a_scale_each_where_bytes_turn_labels(seed):
    """A column that varies little has a large weight, and others few levels: 1 % of rows were told otherwise."""
    X, y = datasets.load_digits(return_X_y=True)
    X, X_other, y, _ = train_test_split(X, y, test_size=0.5, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y)
    compiled = ea.compile_model(model, "host", X_calibration=X)
    assert (compiled.predict(X_other) == model.predict(X_other)).mean() >= ASKED
    assert compiled.program.input.type.bits == 8


def test_words_between_layers_are_tried_where_layers_are_free():
    assert has_free_layers(MLPClassifier())
    assert not has_free_layers(MLPClassifier(activation="tanh"))
    assert not has_free_layers(LogisticRegression())
