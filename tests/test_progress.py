"""How far training is, as whoever listens hears it."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris

import edgealgos as ea
from edgealgos.progress import heard_by, tell


def test_every_epoch_and_every_trial_is_told():
    X, y = load_iris(return_X_y=True)
    told: list[tuple[str, dict]] = []
    with heard_by(lambda what, facts: told.append((what, facts))):
        model = ea.BonsaiClassifier(epochs=3, depth=1, projection_dim=4, random_state=0).fit(X, y)
        search = ea.AutoClassifier(families="linear", time_limit=20, random_state=0).fit(X, y)
    epochs = [facts for what, facts in told if what == "epoch"]
    assert [each["epoch"] for each in epochs] == [1, 2, 3]
    assert [each["loss"] for each in epochs] == model.history_["loss"]
    assert {each["epochs"] for each in epochs} == {3}
    trials = {str(facts["params"]): facts["validation_score"] for what, facts in told if what == "candidate"}
    assert trials == {str(row["params"]): row["validation_score"] for row in search.leaderboard_}


def test_nobody_need_listen():
    tell("epoch", loss=np.inf)
    heard: list[str] = []
    with heard_by(lambda what, _: heard.append(what)):
        tell("a")
    tell("b")
    assert heard == ["a"]
