"""Nearest neighbours as a family: rows kept or centres of them, budgets, ties, refusals, what is saved."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.neighbors import KNeighborsClassifier

from edgealgos import AutoClassifier, compile_model, load, save
from edgealgos.estimators.neighbours import NeighboursClassifier
from tests.support.equivalence import check_host, check_uno


def stripes(count=240, features=2, classes=3, seed=0):
    """Classes in stripes, which lines do not part."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (count, features))
    return X, (np.floor(X[:, 0] * 4).astype(int) % classes).astype(int)


def test_rows_that_all_fit_answer_as_scikit_learn_does():
    X, y = stripes()
    rest, wanted = stripes(seed=1)  # .86 are right
    model = NeighboursClassifier(max_model_bytes=4096, random_state=0).fit(X, y)
    assert len(model.weights_["samples"]) == len(X)
    encode = model.encoding_.encode
    same = KNeighborsClassifier(model.structure_["n_neighbors"]).fit(encode(X), y)
    agreed = compile_model(model).predict(rest) == same.predict(encode(rest))
    assert np.mean(agreed) > 0.98  # ties are broken otherwise
    assert np.mean(compile_model(model).predict(rest) == wanted) > 0.8


@pytest.mark.parametrize("budget", [700, 2048])
def test_centres_fill_the_budget_and_a_projection_is_taken_where_it_pays(budget):
    X, y = load_digits(return_X_y=True)
    model = NeighboursClassifier(max_model_bytes=budget, random_state=0).fit(X[:900], y[:900])
    assert model.model_bytes_ <= budget
    compiled = compile_model(model)
    assert compiled.report.model_bytes == model.model_bytes_
    assert np.mean(compiled.predict(X[900:]) == y[900:]) > 0.8
    assert model.structure_["projection_dim"] == len(model.weights_.get("W", ()))


def test_the_least_budget_that_is_named_works_and_less_does_not():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="the least that works is max_model_bytes=") as error:
        NeighboursClassifier(max_model_bytes=5).fit(X, y)
    least = int(str(error.value).rsplit("=", 1)[1])
    assert NeighboursClassifier(max_model_bytes=least).fit(X, y).model_bytes_ <= least
    with pytest.raises(ValueError, match=f"max_model_bytes={least}"):
        NeighboursClassifier(max_model_bytes=least - 1).fit(X, y)


def test_cycles_are_kept_or_refused():
    X, y = stripes()
    model = NeighboursClassifier(max_cycles=5000, random_state=0).fit(X, y)
    assert compile_model(model).report.cycles <= 5000
    with pytest.raises(ValueError, match="max_cycles=100 is too few"):
        NeighboursClassifier(max_cycles=100).fit(X, y)


@pytest.mark.parametrize("features", [2, 30])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_device_answers_as_the_twin(features, classes, tmp_path):
    X, y = stripes(120, features, classes)
    model = NeighboursClassifier(max_model_bytes=700, random_state=0).fit(X, np.array(["b", "a", "c"])[y])
    check_host(model.to_program(), tmp_path)
    check_uno(model.to_program())


def test_rows_of_no_weight_are_no_neighbours_and_weights_judge():
    X, y = stripes()
    wrong = np.concatenate([y, (y + 1) % 3])
    weight = np.concatenate([np.ones(len(y)), np.zeros(len(y))])
    both = NeighboursClassifier(random_state=0).fit(np.concatenate([X, X]), wrong, sample_weight=weight)
    assert np.array_equal(both.predict(X), NeighboursClassifier(random_state=0).fit(X, y).predict(X))


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.ones((50, 40)), np.arange(50) % 2),
        (np.repeat(np.arange(20.0)[:, None], 10, 0), np.arange(200) % 3),
        (np.arange(10.0).reshape(5, 2), np.arange(5)),
    ],
    ids=["constant columns", "duplicates with several labels", "a row a class"],
)
def test_rows_that_tell_little_are_learned_without_an_error(X, y):
    model = NeighboursClassifier(random_state=0).fit(X, y)
    assert set(model.predict(X)) <= set(y)
    assert len(compile_model(model).predict(X)) == len(X)


def test_a_search_takes_it_where_classes_are_many_and_rows_few_and_saves_it(tmp_path):
    X, y = stripes(150, classes=4)
    found = AutoClassifier(families=["linear", "neighbours"], time_limit=60, random_state=0).fit(X, y)
    assert type(found.best_estimator_) is NeighboursClassifier
    save(found, tmp_path / "m.edgealgos")
    again = load(tmp_path / "m.edgealgos")
    assert np.array_equal(compile_model(again).scores(X), compile_model(found).scores(X))
