"""What an estimator of this library promises beyond scikit-learn's checks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import edgealgos as ea
from edgealgos.codegen.program import same_program

pytestmark = pytest.mark.slow

QUICK = {"epochs": 6, "random_state": 0}
CLASSIFIERS = [
    ea.BonsaiClassifier(**QUICK), ea.ProtoNNClassifier(**QUICK), ea.FastGRNNClassifier(**QUICK, step_size=8),
    ea.FastRNNClassifier(**QUICK, step_size=8), ea.GRUClassifier(**QUICK, step_size=8),
    ea.BoostedTreesClassifier(**QUICK),
]  # fmt: skip
REGRESSORS = [
    ea.BonsaiRegressor(**QUICK), ea.ProtoNNRegressor(**QUICK), ea.FastGRNNRegressor(**QUICK, step_size=8),
    ea.GRURegressor(**QUICK, step_size=8), ea.BoostedTreesRegressor(**QUICK),
]  # fmt: skip


def name_of(estimator):
    return type(estimator).__name__


@pytest.mark.parametrize("estimator", [*CLASSIFIERS, *REGRESSORS], ids=name_of)
def test_same_seed_same_program_same_bytes(estimator, digits):
    X, y = digits
    first, second = clone(estimator).fit(X, y), clone(estimator).fit(X, y)
    assert same_program(first.to_program(), second.to_program())
    assert first.model_bytes_ == second.model_bytes_ == ea.compile_model(first).report.model_bytes <= 2048


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name_of)
def test_scores_probabilities_and_labels_agree(estimator, digits):
    X, y = digits
    names = np.array([f"№{d}" for d in y])
    model = clone(estimator).fit(X, names)
    scores, probabilities = model.decision_function(X), model.predict_proba(X)
    assert scores.shape == probabilities.shape == (len(X), 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (model.predict(X) == model.classes_[scores.argmax(axis=1)]).all()
    assert (model.predict(X) == model.classes_[probabilities.argmax(axis=1)]).all()


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name_of)
def test_a_binary_problem_stores_one_score(estimator, digits):
    X, y = digits
    model = clone(estimator).fit(X, y > 4)
    assert model.decision_function(X).shape == (len(X),)
    assert model.predict_proba(X).shape == (len(X), 2)
    assert model.to_program().output.shape == (1,)
    assert (model.predict(X) == (model.decision_function(X) > 0)).all()
    assert set(ea.compile_model(model).predict(X).tolist()) <= {True, False}


@pytest.mark.parametrize("estimator", REGRESSORS, ids=name_of)
def test_targets_of_any_size(estimator, digits):
    """Scaling and shifting targets by powers of two changes the fit by its roundings alone."""
    X, y = digits
    expected = clone(estimator).fit(X, y.astype(float)).score(X, y)
    assert expected > 0.3
    for scale, shift in ((2.0**-10, 0.0), (1.0, 4096.0), (2.0**13, -(2.0**18))):
        target = y * scale + shift
        model = clone(estimator).fit(X, target)
        assert model.score(X, target) == pytest.approx(expected, abs=0.03)
        assert r2_score(target, ea.compile_model(model).predict(X)) == pytest.approx(expected, abs=0.05)


def test_search_and_validation_inside_a_pipeline(digits):
    X, y = digits
    pipeline = make_pipeline(StandardScaler(), ea.BonsaiClassifier(epochs=4, random_state=0))
    search = GridSearchCV(pipeline, {"bonsaiclassifier__projection_dim": [4, 8]}, cv=2).fit(X, y)
    wanted = search.best_params_["bonsaiclassifier__projection_dim"]
    assert search.best_estimator_[-1].weights_["Z"].shape[0] == wanted
    assert (ea.compile_model(search.best_estimator_).predict(X) == y).mean() > 0.5
    alone = cross_val_score(ea.BonsaiClassifier(epochs=4, random_state=0), X, y, cv=2)
    assert (alone > 0.5).all()
    assert search.best_score_ == search.cv_results_["mean_test_score"].max() > 0.5


def test_a_fixed_structure_is_kept(digits):
    model = ea.BonsaiClassifier(depth=2, projection_dim=5, max_model_bytes=None, **QUICK).fit(*digits)
    assert model.weights_["Z"].shape == (5, 64)
    assert model.weights_["W"].shape == (7, 10, 5)
    model = ea.ProtoNNClassifier(n_prototypes=11, projection_dim=5, **QUICK).fit(*digits)
    assert model.weights_["B"].shape == (11, 5)


@pytest.mark.parametrize("bits", [16, "mixed"])
def test_other_precisions(bits, digits):
    X, y = digits
    model = ea.BonsaiClassifier(bits=bits, epochs=20, random_state=0).fit(X, y)
    compiled = ea.compile_model(model)
    assert model.model_bytes_ <= 2048
    assert compiled.input_dtype == ("int16" if bits == 16 else "int8")
    assert (compiled.predict(X) == model.predict(X)).mean() > 0.9
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize("estimator", [
    ea.BonsaiClassifier(epochs=30), ea.ProtoNNClassifier(epochs=30), ea.FastGRNNClassifier(epochs=30, step_size=8),
    ea.BonsaiRegressor(epochs=30), ea.FastGRNNRegressor(epochs=30, step_size=8, rank_u=8),
], ids=name_of)  # fmt: skip
@pytest.mark.parametrize("budget", [500, 801])
def test_four_bits_are_two_values_a_byte(estimator, budget, digits):
    X, y = digits
    model = clone(estimator).set_params(bits=4, max_model_bytes=budget, random_state=0).fit(X, y)
    compiled = ea.compile_model(model)
    assert model.model_bytes_ == compiled.report.model_bytes <= budget
    assert np.corrcoef(compiled.predict(X), y)[0, 1] > 0.7
    matrices = [name for name in model.weights_ if name in ("Z", "W", "V", "U", "U1", "U2", "FC")]
    assert {model.qtypes_[name].bits for name in matrices} == {4}
    rest = sum(w.size * -(-model.qtypes_[n].bits // 8) for n, w in model.weights_.items() if n not in matrices)
    stored = sum(np.count_nonzero(model.weights_[name]) for name in matrices)
    tables = 64 if "ProtoNN" in type(model).__name__ else 0
    assert stored > model.model_bytes_ - rest - tables  # more values than bytes, places included


@pytest.mark.parametrize("kind", [ea.BonsaiClassifier, ea.ProtoNNClassifier, ea.BonsaiRegressor, ea.ProtoNNRegressor])
def test_sixteen_bits_on_real_numbers(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6)) * [1, 10, 100, 1e-3, 1, 1] + 5
    y = (X[:, 0] > 5).astype(int)
    model = kind(bits=16, epochs=25, random_state=0).fit(X, y)
    assert model.model_bytes_ <= 2048
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.7
    assert np.corrcoef(ea.compile_model(model).predict(X), y)[0, 1] > 0.7


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_sixteen_bit_inputs_reach_the_device_whole():
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, size=(60, 6)) * [1, 10, 100, 1e-3, 1, 1]
    model = ea.BonsaiRegressor(bits=16, epochs=5, depth=1, projection_dim=4, random_state=0).fit(X, X[:, 1])
    compiled = ea.compile_model(model)
    X = np.vstack([X, X[:1] * 1e6, X[:1] * -1e6])  # saturated inputs are the longest numbers on the wire
    assert np.abs(compiled.quantize(X).astype(int)).max() > 30000
    np.testing.assert_array_equal(compiled.simulate(X).labels, compiled.predict(X))


def test_one_progress_bar(digits, capfd):
    ea.BonsaiClassifier(epochs=2, verbose=1, random_state=0).fit(*digits)
    shown = capfd.readouterr().err
    for word in ("loss", "score", "nonzeros", "bytes", "100%"):
        assert word in shown
    ea.BonsaiClassifier(epochs=2, random_state=0).fit(*digits)
    assert capfd.readouterr().err == ""


def test_ten_fits_of_as_many_sizes_leave_tensorflow_silent(digits, caplog):
    X, y = digits
    for rows in range(200, 210):
        for family in (ea.BonsaiClassifier, ea.ProtoNNClassifier):
            family(epochs=1, max_model_bytes=512, random_state=0).fit(X[:rows], y[:rows])
        ea.FastGRNNClassifier(epochs=1, step_size=8, hidden_size=4, random_state=0).fit(X[:rows], y[:rows])
    assert caplog.messages == []


def test_history_counts_epochs(fitted_bonsai):
    assert fitted_bonsai.n_iter_ == 8
    assert all(len(fitted_bonsai.history_[key]) == 8 for key in ("loss", "score", "nonzeros", "bytes"))


def test_class_weights_move_the_decision(digits):
    X, y = digits
    plain = ea.BonsaiClassifier(**QUICK, class_weight={0: 1, 1: 1}).fit(X[y < 2], y[y < 2])
    tilted = ea.BonsaiClassifier(**QUICK, class_weight={0: 1, 1: 1e4}).fit(X[y < 2], y[y < 2])
    assert tilted.decision_function(X).mean() > plain.decision_function(X).mean()


@pytest.mark.parametrize("estimator", [ea.BonsaiClassifier(**QUICK), ea.ProtoNNClassifier(**QUICK)], ids=name_of)
def test_mixed_precision_stores_less(estimator, digits, tmp_path):
    X, y = digits
    whole = clone(estimator).fit(X, y)
    mixed = clone(estimator).set_params(bits="mixed", max_accuracy_loss=0.2).fit(X, y)
    assert mixed.model_bytes_ < 0.8 * whole.model_bytes_
    assert mixed.representations_
    ea.save(mixed, tmp_path / "m.edgealgos")
    np.testing.assert_array_equal(ea.load(tmp_path / "m.edgealgos").decision_function(X), mixed.decision_function(X))


@pytest.mark.parametrize("size", [1024, 2048])
def test_what_is_too_small_for_a_float_is_zero_whatever_another_library_has_set(size):
    X, y = (part[::6] for part in load_digits(return_X_y=True))
    with np.errstate(all="raise"):  # as `import emlearn` does
        model = ea.BonsaiClassifier(max_model_bytes=size, epochs=2, random_state=0).fit(X, y)
    assert model.model_bytes_ <= size
