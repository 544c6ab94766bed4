"""Columns that a ColumnTransformer chooses, names, weighs and leaves out; what divides by nothing is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVR

import edgealgos as ea

X, y = make_blobs(200, 5, centers=4, random_state=3, cluster_std=3.0)
TABLE = pd.DataFrame(X, columns=list("abcde"))
COLUMNS = {
    "weights": ColumnTransformer([("s", StandardScaler(), [0, 1])], transformer_weights={"s": 3.0}),
    "from the end": ColumnTransformer([("s", StandardScaler(), [-1, -2])], remainder="passthrough"),
    "none": ColumnTransformer([("s", StandardScaler(), []), ("m", MinMaxScaler(), [1, 2])]),
    "names": ColumnTransformer([("s", StandardScaler(), ["c", "a"])], remainder="passthrough"),
    "a mask": ColumnTransformer([("s", StandardScaler(), np.array([True, False, True, False, False]))]),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_chosen_columns_come_out_as_scikit_learn_has_them(kind):
    rows = TABLE if kind == "names" else X
    model = make_pipeline(COLUMNS[kind], GaussianNB()).fit(rows, y)
    compiled = ea.compile_model(model, "host", X_calibration=rows)
    assert np.mean(compiled.predict(rows) == model.predict(rows)) >= 0.995


def test_what_answers_every_row_alike_or_divides_by_nothing_is_refused():
    with pytest.raises(ea.UnsupportedModelError, match="answers every row alike"):
        ea.compile_model(SVR().fit(X, np.ones(len(X))), "host", X_calibration=X)
    doubled = np.c_[X, X[:, 0]]
    whitened = make_pipeline(PCA(whiten=True), LogisticRegression()).fit(doubled, y)
    with pytest.raises(ea.UnsupportedModelError, match="a spread of nothing"):
        ea.compile_model(whitened, "host", X_calibration=doubled)
