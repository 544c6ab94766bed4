"""Teachers, label smoothing and restarts of the estimators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC

import edgealgos as ea
from edgealgos.codegen.program import same_program
from edgealgos.estimators.teacher import answers_of

pytestmark = pytest.mark.slow

QUICK = {"epochs": 30, "random_state": 0}


class Contrarian(ClassifierMixin, BaseEstimator):
    """Answers the next class; `fit` notes what it got."""

    def fit(self, X, y):
        self.classes_, self.X_ = np.unique(y), X
        return self

    def predict_proba(self, X):
        right = RandomForestClassifier(20, random_state=0).fit(TABLE["X"], TABLE["y"]).predict_proba(X)
        return np.roll(right, 1, axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


TABLE: dict[str, np.ndarray] = {}


def test_the_student_says_what_the_teacher_says(digits):
    X, y = digits
    TABLE.update(X=X, y=y)
    model = ea.BonsaiClassifier(**QUICK, teacher=Contrarian()).fit(X, y)
    assert (model.predict(X) == (y + 1) % 10).mean() > 0.85
    assert not hasattr(model.teacher, "classes_")  # fitted on a clone


@pytest.mark.parametrize(
    "student", [ea.ProtoNNClassifier(**QUICK), ea.FastGRNNClassifier(epochs=25, step_size=8, random_state=0)]
)
def test_any_family_learns_string_labels_from_a_forest(student, digits):
    X, y = digits
    names = np.array([f"digit {d}" for d in y])
    teacher = RandomForestClassifier(50, random_state=0).fit(X, names)
    model = clone(student).set_params(teacher=FrozenEstimator(teacher)).fit(X, names)
    assert model.score(X, names) > 0.8


def test_columns_follow_the_labels_whatever_the_order(digits):
    X, y = digits
    forest = RandomForestClassifier(20, random_state=0).fit(X, 9 - y)
    shuffled = Shuffled(forest)
    answer = answers_of(shuffled, X, y, np.arange(10))
    np.testing.assert_allclose(answer(X), forest.predict_proba(X), rtol=1e-6)
    binary = answers_of(LinearSVC(), X, y > 4, np.array([False, True]))(X)
    assert binary.shape == (len(X), 1)
    assert ((binary[:, 0] == 1) == (y > 4)).mean() > 0.8


class Shuffled(BaseEstimator):
    """A fitted classifier whose classes come in descending order."""

    def __init__(self, inner):
        self.inner, self.classes_ = inner, inner.classes_[::-1]

    def fit(self, X, y):
        raise AssertionError("it is fitted")

    def predict(self, X):
        return self.inner.predict(X)

    def predict_proba(self, X):
        return self.inner.predict_proba(X)[:, ::-1]


def test_a_regressor_learns_from_a_teacher_in_its_units():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(500, 3))
    y = 5000 + 300 * np.sign(X[:, 0]) * X[:, 1]
    forest = RandomForestRegressor(30, random_state=0).fit(X, y)
    model = ea.BonsaiRegressor(epochs=150, random_state=0, teacher=FrozenEstimator(forest)).fit(X, rng.permutation(y))
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.8
    assert abs(model.predict(X).mean() - 5000) < 100


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("logits", [False, True])
def test_a_keras_teacher_is_asked_in_its_own_shape(logits, digits):
    keras = pytest.importorskip("keras")
    X, y = digits
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 16), keras.layers.Flatten(), keras.layers.Dense(10)]
    net = keras.Sequential(layers + ([] if logits else [keras.layers.Softmax()]))
    net.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=logits))
    net.fit(X.reshape(-1, 8, 8, 1), y, epochs=15, verbose=0)
    shares = answers_of(net, X, y, np.arange(10))(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-4)
    assert (shares.argmax(axis=1) == y).mean() > 0.8
    with pytest.raises(ValueError, match="10 columns for 3 classes"):
        answers_of(net, X, y, np.arange(3))(X)
    model = ea.BonsaiClassifier(**QUICK, teacher=net).fit(X, y)
    assert (model.predict(X) == y).mean() > 0.8
    assert (clone(model).fit(X, y).predict(X) == model.predict(X)).all()


def test_a_teacher_that_knows_too_little(digits):
    X, y = digits
    teacher = RandomForestClassifier(5, random_state=0).fit(X[y < 5], y[y < 5])
    with pytest.raises(ValueError, match=r"does not know these labels: \[5, 6, 7, 8, 9\]"):
        ea.BonsaiClassifier(**QUICK, teacher=teacher).fit(X, y)


def test_a_search_fits_the_teacher_on_each_part_alone(digits):
    X, y = digits
    model = ea.BonsaiClassifier(epochs=2, random_state=0, teacher=RandomForestClassifier(5, random_state=0))
    search = GridSearchCV(model, {"teacher__n_estimators": [2, 4]}, cv=2).fit(X, y)
    assert search.best_estimator_.teacher.n_estimators in (2, 4)


@pytest.mark.parametrize("option", [{"teacher": "forest"}, {"teacher": RandomForestClassifier}, {"augment": 3},
                                    {"restarts": 0}, {"label_smoothing": -0.1}])  # fmt: skip
def test_wrong_options_are_named(option, digits):
    with pytest.raises(ValueError, match=next(iter(option))):
        ea.BonsaiClassifier(**QUICK, **option).fit(*digits)


def test_label_smoothing_makes_less_certain(digits):
    X, y = digits
    options = QUICK | {"teacher": None, "epochs": 60, "bits": 8}
    plain, smooth = (ea.BonsaiClassifier(**options, label_smoothing=s).fit(X, y) for s in (0.0, 0.4))
    assert smooth.predict_proba(X).max(axis=1).mean() < plain.predict_proba(X).max(axis=1).mean() - 0.1
    assert smooth.score(X, y) > 0.9


def test_restarts_keep_the_best_on_rows_held_out(digits, monkeypatch):
    X, y = digits
    monkeypatch.setattr(
        "edgealgos.estimators.precision.error_on", lambda program, *rows: judged.append(len(rows[1])) or errors.pop(0)
    )
    fits = []
    for wanted in range(3):
        judged, errors = [], [0.5, 0.5, 0.5]
        errors[wanted] = 0.1
        fits.append(ea.BonsaiClassifier(epochs=4, random_state=0, restarts=3).fit(X, y))
        assert judged == [len(X) // 6] * 3
    programs = [model.to_program() for model in fits]
    assert not same_program(programs[0], programs[1])
    assert not same_program(programs[1], programs[2])
    assert all(model.model_bytes_ == ea.compile_model(model).report.model_bytes for model in fits)


@pytest.mark.parametrize("kind", [ea.BonsaiClassifier, ea.ProtoNNRegressor])
def test_restarts_with_the_true_judge(kind, digits):
    X, y = digits
    model = kind(epochs=20, random_state=0, restarts=2).fit(X, y)
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.6


def test_a_saved_model_leaves_teacher_and_augmenter_behind(digits, tmp_path):
    X, y = digits
    model = ea.BonsaiClassifier(
        **QUICK, teacher=RandomForestClassifier(5, random_state=0), augment=ea.augment.ImageShift((8, 8)), restarts=2
    ).fit(X, y)
    ea.save(model, tmp_path / "m.edgealgos")
    loaded = ea.load(tmp_path / "m.edgealgos")
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    assert (loaded.teacher, loaded.augment, loaded.restarts) == ("auto", None, 2)
