"""Rows held out for judging: every class gives its share, groups stay whole, no class loses its last row."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

from edgealgos import BonsaiClassifier
from edgealgos.estimators.model import Examples
from edgealgos.estimators.splits import held_out

RNG = np.random.default_rng(0)


def examples(y, groups=None):
    return Examples(np.zeros((len(y), 1)), np.asarray(y), np.ones(len(y)), groups)


@pytest.mark.parametrize("sizes", [(300, 300), (970, 30), (50, 49, 1), (5, 4, 3, 2, 1), (2, 1), (1, 1, 1)])
def test_every_class_gives_its_share_and_keeps_a_row(sizes):
    y = RNG.permutation(np.repeat(np.arange(len(sizes)), sizes))
    mask = held_out(examples(y), 1 / 6, 1000, 3, True)
    for c, size in enumerate(sizes):
        assert abs((mask & (y == c)).sum() - size / 6) < 1
        assert (~mask & (y == c)).any()
    assert mask.sum() <= sum(sizes) / 6


def test_at_most_so_many_rows_are_held_out():
    assert held_out(examples(np.arange(50_000) % 3), 0.25, 1000, 0, True).sum() == 1000
    assert held_out(examples(RNG.normal(size=9000)), 0.25, 1000, 0, False).sum() == 1000


@pytest.mark.parametrize("count", [2, 3, 10, 40])
@pytest.mark.parametrize("classes", [True, False])
def test_groups_are_held_out_as_a_whole(count, classes):
    groups = RNG.integers(0, count, 600)
    y = RNG.integers(0, 3, 600)
    mask = held_out(examples(y, groups), 0.2, 1000, 1, classes)
    assert not set(groups[mask]) & set(groups[~mask])
    assert mask.any()
    assert not mask.all()
    assert mask.mean() <= max(0.31, 1.2 / count)


def test_a_group_that_holds_a_whole_class_stays():
    y = np.repeat([0, 1, 2], 100)
    assert not held_out(examples(y, groups=y.copy()), 0.2, 1000, 0, True).any()


def test_groups_of_a_wrong_length_are_refused():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"groups.shape == \(3,\)"):
        BonsaiClassifier(epochs=1).fit(X, y, groups=[1, 2, 3])


def test_restarts_are_judged_on_whole_groups(monkeypatch):
    X, y = load_iris(return_X_y=True)
    seen = []
    monkeypatch.setattr("edgealgos.estimators.precision.error_on", lambda _program, rows, *_: seen.append(rows) or 0.0)
    X = X + np.arange(150)[:, None] % 10  # the group can be told from the row
    BonsaiClassifier(epochs=2, restarts=2, random_state=0).fit(X, y, groups=np.arange(150) % 10)
    rows = {tuple(row) for row in seen[0]}
    belongs = {i % 10 for i, row in enumerate(X) if tuple(row) in rows}
    assert len(rows) == 15 * len(belongs)
