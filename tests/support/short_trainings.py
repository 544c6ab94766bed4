"""Trainings made short from outside, for pages that are run to see that they work; knows no page."""

from __future__ import annotations

import pytest
import sklearn.datasets

from edgealgos.auto.estimators import _Auto
from edgealgos.cli import models
from edgealgos.estimators.base import EdgeEstimator

QUICK = {"epochs": 2, "max_depth": 2, "n_estimators": 3}  # at most
SECONDS = 1.0  # of a search


def shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit takes about a second: few passes over few rows, small trees, short searches, one family for motion."""
    fit, search, digits = EdgeEstimator.fit, _Auto.fit, sklearn.datasets.load_digits(return_X_y=True)

    def quick_fit(self, *data, **more):
        mine = self.get_params(deep=False)
        self.set_params(**{name: min(mine[name] or most, most) for name, most in QUICK.items() if name in mine})
        return fit(self, *data, **more)

    def quick_search(self, *data, **more):
        return search(self.set_params(time_limit=SECONDS), *data, **more)

    monkeypatch.setattr(EdgeEstimator, "fit", quick_fit)
    monkeypatch.setattr(_Auto, "fit", quick_search)
    monkeypatch.setattr(models, "TRIED", models.TRIED[:1])
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda return_X_y: tuple(part[::6] for part in digits))
