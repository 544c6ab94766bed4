"""Forged files of searches: each line of their leaderboard tells all that people, and the picture of it, read."""

from __future__ import annotations

import numpy as np
import pytest

import edgealgos as ea
from edgealgos import ModelFileError
from tests.support.forgery import Saved


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A saved search, taken apart."""
    X, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 2
    model = ea.AutoClassifier(families=["linear"], time_limit=2, random_state=0).fit(X, y)
    return Saved.read(ea.save(model, tmp_path_factory.mktemp("search") / "m.edgealgos"))


@pytest.mark.parametrize(("name", "value"), [
    ("family", 1), ("family", {"list": []}), ("params", 3), ("validation_score", "good"),
    ("validation_score", {"float": "nan"}), ("validation_spread", -1), ("validation_spread", {"float": "inf"}),
    ("model_bytes", {"array": 0}), ("cycles", None), ("ram_bytes", True), ("seconds", {"float": "-0x1p+3"}),
])  # fmt: skip
def test_a_line_of_a_leaderboard_without_a_meaning_is_refused(name, value, search, tmp_path):
    forged = search.copy()
    ea.load(forged.write(tmp_path / "true")).plot()
    line = forged.part("leaderboard_")[1]["list"][0]["dict"]
    next(pair for pair in line if pair[0] == name)[1] = value
    with pytest.raises(ModelFileError, match="forged"):
        ea.load(forged.write(tmp_path / "forged"))


def test_a_leaderboard_that_lacks_a_column_is_refused(search, tmp_path):
    forged = search.copy()
    forged.part("leaderboard_")[1]["list"][0]["dict"].pop()
    with pytest.raises(ModelFileError, match="forged"):
        ea.load(forged.write(tmp_path / "forged"))
