"""Searches over structures and budgets: scorers, the Pareto front, and many machines through Dask."""

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV, cross_val_score

import edgealgos as ea
from edgealgos.tuning import SCORING, device_score, negative_bytes, pareto

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def search(digits):
    X, y = digits
    grid = {"max_model_bytes": [700, 1400]}
    model = ea.BonsaiClassifier(epochs=4, random_state=0)
    return GridSearchCV(model, grid, scoring=SCORING, refit="score", cv=2).fit(X, y)


def test_scorers_speak_of_the_device(digits):
    X, y = digits
    model = ea.BonsaiClassifier(epochs=4, random_state=0).fit(X, y)
    assert device_score(model, X, y) == np.mean(ea.compile_model(model).predict(X) == y)
    assert negative_bytes(model) == -model.model_bytes_


def test_a_search_keeps_score_and_bytes(search):
    sizes = -search.cv_results_["mean_test_bytes"]
    assert np.all(sizes <= [700, 1400])
    assert search.best_estimator_.model_bytes_ <= 1400


def test_the_front_has_no_beaten_candidate(tmp_path):
    results = {
        "mean_test_score": [0.9, 0.8, 0.95, 0.7, np.nan],
        "std_test_score": [0.01] * 5,
        "mean_test_bytes": [-1000.0, -500.0, -2000.0, -900.0, -100.0],
    }
    assert pareto(results, tmp_path / "front.png").tolist() == [1, 0, 2]
    assert (tmp_path / "front.png").stat().st_size > 1000


def test_a_search_runs_unchanged_on_a_dask_cluster(digits):
    X, y = digits
    model = ea.ProtoNNClassifier(epochs=3, random_state=0)
    here = cross_val_score(model, X, y, cv=2)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
        joblib.parallel_backend("dask"),
    ):
        there = cross_val_score(model, X, y, cv=2)
    np.testing.assert_array_equal(here, there)
