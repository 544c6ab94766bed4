"""Choices of boosting: what the best of many trials on the same rows is worth."""

from __future__ import annotations

import numpy as np
import pytest

from edgealgos import BoostedTreesClassifier
from edgealgos.training.boosting.boost import Task
from edgealgos.training.boosting.choose import Chosen, Verdict
from edgealgos.training.boosting.fit import Wanted

TASK = Task("binary", 1, 5, 512)


@pytest.mark.parametrize(("error", "trees"), [(0.20, 9), (0.25, 0)])
def test_trees_have_to_lead_a_line_by_more_than_luck_gives(error, trees):
    first = Wanted().first(TASK, 2)
    line = first, Verdict(0.28, 0.28, 0)
    tried = first, Verdict(error, error, 9)
    found = Chosen(*tried, [tried], line, doubt=0.02).unless_lucky()
    assert found.verdict.trees == found.told()[0]["trees"] == trees
    assert len(found.told()) == 1 + (trees == 0)


def test_noise_beside_a_line_is_left_to_the_line():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6))
    y = rng.random(300) < 1 / (1 + np.exp(-X[:, 0]))
    model = BoostedTreesClassifier(max_model_bytes=256, random_state=0).fit(X, y)
    assert model.to_program().family == "Linear"
    asked = BoostedTreesClassifier(max_model_bytes=256, n_estimators=3, random_state=0).fit(X, y)
    assert asked.to_program().family == "BoostedTrees"
