"""Names of columns count wherever rows are taken: a table of other columns, or in another order, is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import edgealgos as ea

NAMES = ["sepal", "petal", "stem", "leaf"]
QUICK = {"epochs": 3, "random_state": 0}
WRONG = {
    "another order": lambda table: table[NAMES[::-1]],
    "two exchanged": lambda table: table[["petal", "sepal", "stem", "leaf"]],
    "another name": lambda table: table.rename(columns={"leaf": "root"}),
    "another case": lambda table: table.rename(columns=str.upper),
    "one too few": lambda table: table[NAMES[:3]],
    "one too many": lambda table: table.assign(root=0.0),
    "names that only look alike": lambda table: table.rename(columns={"stem": "stem "}),
}
USES = {
    "predict": lambda compiled, model, X: compiled.predict(X),
    "scores": lambda compiled, model, X: compiled.scores(X),
    "quantize": lambda compiled, model, X: compiled.quantize(X),
    "saturated": lambda compiled, model, X: compiled.saturated(X),
    "simulate": lambda compiled, model, X: compiled.simulate(X),
    "X_calibration": lambda compiled, model, X: ea.compile_model(model, X_calibration=X),
    "the estimator": lambda compiled, model, X: model.predict(X),
}


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(60, 4)) * [1, 2, 3, 4], columns=NAMES)


@pytest.fixture(scope="module", params=["tree", "pipeline", "passthrough first", "sequence", "regressor"])
def fitted(request, table):
    y = (table["sepal"] > 0).to_numpy()
    tree = ea.BonsaiClassifier(**QUICK)
    model = {
        "tree": tree,
        "pipeline": make_pipeline(StandardScaler(), MinMaxScaler(), tree),
        "passthrough first": make_pipeline("passthrough", StandardScaler(), tree),
        "sequence": ea.FastGRNNClassifier(**QUICK, step_size=2),
        "regressor": ea.ProtoNNRegressor(**QUICK),
    }[request.param].fit(table, y)
    return ea.compile_model(model, board="host"), model


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_table_of_other_columns_is_refused_wherever_rows_are_taken(fitted, table, use, wrong):
    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        use(*fitted, wrong(table))


@pytest.mark.parametrize("use", [USES[name] for name in ("predict", "scores", "quantize", "X_calibration")])
def test_the_same_table_and_rows_without_names_are_taken_as_they_are(fitted, table, use):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [use(*fitted, X) for X in (table, table.to_numpy())]
        use(*fitted, pd.DataFrame(table.to_numpy()))
    if isinstance(found[0], np.ndarray):
        np.testing.assert_array_equal(*found)


def test_a_compiled_model_knows_the_names(fitted, table):
    compiled, _ = fitted
    assert compiled.feature_names_in_.tolist() == NAMES
    unnamed = ea.compile_model(ea.BonsaiClassifier(**QUICK).fit(table.to_numpy(), table["sepal"] > 0))
    assert not hasattr(unnamed, "feature_names_in_")
    assert unnamed.predict(table).shape == (60,)


def test_names_survive_a_file(fitted, table, tmp_path):
    again = ea.compile_model(ea.load(ea.save(fitted[1], tmp_path / "m.edgealgos")))
    assert again.feature_names_in_.tolist() == NAMES
    with pytest.raises(ValueError, match="feature names"):
        again.predict(table[NAMES[::-1]])


def test_rows_of_a_self_test_are_rows_like_others(fitted, table, tmp_path):
    with pytest.raises(ValueError, match="feature names"):
        ea.export_cpp(fitted[1], tmp_path / "m", target="host", self_test=table[NAMES[::-1]])
    assert not list(tmp_path.iterdir())
