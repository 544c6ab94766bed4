"""Weights of rows count in every judgement: a row of weight two counts as two rows do, one of weight 0 not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier

import edgealgos as ea
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.mixed import error_on, narrow
from edgealgos.codegen.program.qtype import QType
from edgealgos.estimators.model import Examples
from edgealgos.estimators.precision import device_error
from edgealgos.estimators.teacher import answers_of
from tests.support.plain_family import MeansClassifier

pytestmark = pytest.mark.slow

QUICK = {"epochs": 3, "random_state": 0}
rng = np.random.default_rng(0)
X = rng.normal(size=(240, 5))
Y = (X[:, 0] + rng.normal(size=240) > 0.8).astype(int)
WEIGHT = rng.integers(0, 4, 240).astype(float)
TWICE = np.repeat(np.arange(240), WEIGHT.astype(int))


@pytest.fixture(scope="module", params=[ea.BonsaiClassifier, ea.ProtoNNRegressor])
def program(request):
    return request.param(**QUICK).fit(X, Y).to_program()


def test_errors_of_weighted_rows_are_those_of_repeated_rows(program):
    integer = to_integer(program)
    assert error_on(integer, X, Y, WEIGHT) == pytest.approx(error_on(integer, X[TWICE], Y[TWICE]))
    assert error_on(integer, X, Y, WEIGHT) != error_on(integer, X, Y)


@pytest.mark.parametrize("most", [0.0, 0.01, 0.05, 0.3])
def test_the_search_for_narrow_weights_sees_weights_as_repeated_rows(program, most):
    weighted, repeated = narrow(program, X, Y, most, weight=WEIGHT), narrow(program, X[TWICE], Y[TWICE], most)
    assert weighted.representations == repeated.representations
    assert weighted.loss == pytest.approx(repeated.loss)


class Stubborn(MeansClassifier):
    """Answers one class whatever it is asked, another one after each restart."""

    def _train(self, lesson):
        model = super()._train(lesson)
        answer = 1.0 if lesson.seed == 0 else -1.0
        qtype = QType(32, model.qtypes["b"].frac)
        return replace(model, weights={"M": 0 * model.weights["M"], "b": qtype.dequantize(qtype.quantize([answer]))})


@pytest.mark.parametrize(("heavy", "wanted"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("how", ["sample_weight", "class_weight"])
def test_the_restart_is_kept_that_answers_the_heavy_rows(heavy, wanted, how, monkeypatch):
    y = np.arange(240) % 2
    weight = np.where(y == heavy, 20.0, 1.0)
    model = Stubborn(restarts=2, random_state=0)
    if how == "class_weight":
        model.class_weight, weight = {heavy: 20.0, 1 - heavy: 1.0}, None
    assert set(model.fit(X, y, weight).predict(X)) == {wanted}


def test_early_exits_are_judged_by_weights():
    sequences = rng.normal(size=(240, 12, 1))
    model = ea.FastGRNNClassifier(**QUICK, window_steps=4, hidden_size=4).fit(sequences, Y)
    held_out = Examples(sequences, Y, WEIGHT)
    from edgealgos.estimators.model import Frame, Model

    frame = Frame(type(model).program_of, (12, 1), model.encoding_, tuple(model.classes_.tolist()), model.structure_)
    for confidence in (0.8, None):
        found = Model(model.weights_, model.qtypes_, frame).with_structure(early_exit=confidence)
        repeated = Examples(sequences[TWICE], Y[TWICE], np.ones(len(TWICE)))
        assert device_error(found, held_out) == pytest.approx(device_error(found, repeated))


@pytest.mark.parametrize("name", ["bonsai", "fastgrnn"])
def test_the_best_epoch_is_chosen_by_weights(name):
    """Validation rows of weight zero are as if absent, in the scores by which training stops."""
    pytest.importorskip("tensorflow")
    from edgealgos.training.bonsai import Bonsai
    from edgealgos.training.fastgrnn import FastGRNN
    from edgealgos.training.loop import train, with_options

    x = np.clip(np.rint(X * 32), -128, 127).astype(np.int8)
    make = {"bonsai": lambda: Bonsai(5, 1, "binary", projection_dim=3, depth=1),
            "fastgrnn": lambda: FastGRNN(1, 1, "binary", n_steps=5, hidden_size=4)}[name]  # fmt: skip
    model, ones = make(), Y == 1
    options = {"x_frac": 5, "recipe": with_options(model.recipe, epochs=10, batch_size=32), "jit": False}
    weighted = train(model, x, Y, validation=(x, Y, ones.astype(float)), **options)
    alone = train(make(), x, Y, validation=(x[ones], Y[ones]), **options)
    np.testing.assert_allclose(weighted.history["validation"], alone.history["validation"], atol=1e-6)
    assert all(np.array_equal(weighted.weights[n], alone.weights[n]) for n in alone.weights)
    every = train(make(), x, Y, validation=(x, Y), **options)
    assert every.history["validation"] != weighted.history["validation"]


class Noting(RandomForestClassifier):
    """A forest that notes the weights it is fitted with."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y, sample_weight=None):
        self.seen.append(sample_weight)
        return super().fit(X, y, sample_weight)


def test_a_teacher_that_is_fitted_first_gets_the_weights():
    Noting.seen.clear()
    weight = WEIGHT + 0.5
    ea.BonsaiClassifier(**QUICK, teacher=Noting(3)).fit(X, Y, weight)
    np.testing.assert_allclose(Noting.seen[0], weight / weight.mean())
    ea.BonsaiClassifier(**QUICK, teacher=Noting(3), class_weight={0: 1.0, 1: 5.0}).fit(X, Y)
    np.testing.assert_allclose(Noting.seen[1], np.where(Y == 1, 5.0, 1.0))
    ea.BonsaiClassifier(**QUICK, teacher=Noting(3)).fit(X, Y)
    assert Noting.seen[2] is None


@pytest.mark.parametrize("teacher", [KNeighborsClassifier(3), LogisticRegression(), Ridge()])
def test_teachers_with_and_without_weights_are_fitted(teacher):
    classes = None if isinstance(teacher, Ridge) else np.array([0, 1])
    answer = answers_of(teacher, X, Y, classes, WEIGHT + 0.5)(X)
    assert answer.shape == (240, 1)
    if not isinstance(teacher, KNeighborsClassifier):
        expected = type(teacher)().fit(X, Y, WEIGHT + 0.5)
        wanted = expected.predict(X) if classes is None else expected.predict_proba(X)[:, 1]
        np.testing.assert_allclose(answer[:, 0], wanted, rtol=1e-5)
