"""How far training is, as whoever listens hears it."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris

import edgealgos as ea
from edgealgos.progress import heard_by, tell


def test_a_search_tells_of_every_trial():
    X, y = load_iris(return_X_y=True)
    told: list[tuple[str, dict]] = []
    with heard_by(lambda what, facts: told.append((what, facts))):
        search = ea.AutoClassifier(families="linear", time_limit=20, random_state=0).fit(X, y)
    trials = {str(facts["params"]): facts["validation_score"] for what, facts in told if what == "candidate"}
    assert trials == {str(row["params"]): row["validation_score"] for row in search.leaderboard_}


def test_nobody_need_listen():
    tell("epoch", loss=np.inf)
    heard: list[str] = []
    with heard_by(lambda what, _: heard.append(what)):
        tell("a")
    tell("b")
    assert heard == ["a"]
