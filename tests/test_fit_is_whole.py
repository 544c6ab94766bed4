"""A fit that fails or is interrupted leaves the estimator as it was; a family needs little; programs are pure."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone

import edgealgos as ea
from edgealgos.codegen.program import same_program
from tests.support.plain_family import MeansClassifier, MeansRegressor

pytestmark = pytest.mark.slow

QUICK = {"epochs": 3, "random_state": 0}
FAMILIES = [
    ea.BonsaiClassifier(**QUICK), ea.BonsaiRegressor(**QUICK), ea.ProtoNNClassifier(**QUICK),
    ea.ProtoNNRegressor(**QUICK), ea.FastGRNNClassifier(**QUICK), ea.FastGRNNRegressor(**QUICK),
    ea.BoostedTreesClassifier(**QUICK), ea.BoostedTreesRegressor(**QUICK),
    ea.FastRNNClassifier(**QUICK, window_steps=2, early_exit="auto"),
]  # fmt: skip
PLAIN = [MeansClassifier(random_state=0), MeansRegressor(random_state=0)]


def rows(seed=0, columns=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, columns))
    return X, (X[:, 0] + 0.3 * rng.normal(size=60) > 0).astype(int)


def name_of(estimator):
    return type(estimator).__name__


def state(estimator):
    return pickle.dumps(vars(estimator))


@pytest.mark.parametrize("estimator", [*FAMILIES, *PLAIN], ids=name_of)
@pytest.mark.parametrize(("fault", "stage"), [
    (KeyboardInterrupt, "_train"), (MemoryError, "_train"), (RuntimeError, "_train"), (KeyboardInterrupt, "_settle"),
    (KeyboardInterrupt, "_check_budgets"), (KeyboardInterrupt, "_become"),
], ids=str)  # fmt: skip
def test_a_fit_that_stops_at_any_stage_leaves_a_fitted_and_a_fresh_estimator_as_they_were(
    estimator, fault, stage, monkeypatch
):
    fitted = _fitted(estimator)
    for model in (clone(estimator), fitted):
        before = state(model)

        def stop(*args, **kwargs):
            raise fault

        with monkeypatch.context() as patch:
            patch.setattr(type(estimator), stage, stop)
            with pytest.raises(fault):
                model.fit(*rows(1, columns=6))
        assert state(model) == before


_FITTED: dict[str, object] = {}


def _fitted(estimator):
    """One fitted model a class for the whole module."""
    name = name_of(estimator)
    if name not in _FITTED:
        _FITTED[name] = clone(estimator).fit(*rows())
    return _FITTED[name]


@pytest.mark.parametrize("estimator", [*FAMILIES, *PLAIN], ids=name_of)
@pytest.mark.parametrize("bad", [
    lambda X, y: (X * np.nan, y), lambda X, y: (X, y[:-1]), lambda X, y: (X[:0], y[:0]), lambda X, y: (X, None),
    lambda X, y: (X * 1e35, y), lambda X, y: (np.full(X.shape, "a"), y),
], ids=["nan", "fewer targets", "no rows", "no targets", "beyond float", "text"])  # fmt: skip
def test_a_fit_that_is_refused_leaves_the_estimator_as_it_was(estimator, bad):
    X, y = rows(1, columns=6)
    for model in (clone(estimator), _fitted(estimator)):
        before = state(model)
        with pytest.raises((ValueError, TypeError)):
            model.fit(*bad(X, y))
        assert state(model) == before


class _Interrupt:
    """Raises KeyboardInterrupt at the n-th line of the estimators' code that runs."""

    def __init__(self, n):
        self.left = n

    def __call__(self, frame, event, arg):
        if "estimators" not in frame.f_code.co_filename and "plain_family" not in frame.f_code.co_filename:
            return None
        if event == "line":
            self.left -= 1
            if self.left < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


def interrupted(n, action):
    """Whether the action was interrupted at its n-th line."""
    before = sys.gettrace()
    sys.settrace(_Interrupt(n))
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("options", [{}, {"restarts": 2}, {"bits": "mixed"}], ids=str)
def test_an_interrupt_at_any_line_finds_the_old_model_or_the_new_one(options):
    import pandas as pd

    X, y = rows()
    table = pd.DataFrame(X, columns=list("abcd"))  # the new model has no names of columns
    wanted = state(MeansClassifier(random_state=0, **options).fit(*rows(1)))
    n, found = 0, set()
    while True:
        model = MeansClassifier(random_state=0, **options).fit(table, y)
        old = state(model)
        again = interrupted(n, lambda: model.fit(*rows(1)))  # noqa: B023
        assert state(model) in (old, wanted)
        found.add(state(model) == wanted)
        if not again:
            break
        n += 3
    assert n > 100
    assert state(model) == wanted
    assert found == {False, True}


@pytest.mark.parametrize("estimator", [*FAMILIES, *PLAIN], ids=name_of)
def test_a_program_depends_on_its_numbers_alone_and_changes_none(estimator):
    model = _fitted(estimator)
    before, other = state(model), clone(estimator)
    first = model.to_program()
    model.predict(rows()[0])
    ea.compile_model(model).scores(rows()[0])
    assert state(model) == before
    vars(other).update({name: value for name, value in vars(model).items() if name.endswith("_")})
    assert same_program(other.to_program(), first)


@pytest.mark.parametrize("name", ["nonlinearity", "window_steps", "window_stride", "early_exit", "step_size"])
def test_a_parameter_set_after_fit_changes_no_program(name):
    X, y = rows()
    model = ea.FastGRNNClassifier(**QUICK, window_steps=2, early_exit=0.9, nonlinearity="tanh").fit(
        X.reshape(60, 4, 1), y
    )
    before = model.to_program()
    model.set_params(**{name: {"nonlinearity": "hard_tanh", "step_size": 2}.get(name)})
    assert same_program(model.to_program(), before)


@pytest.mark.parametrize("options", [{}, {"restarts": 3}, {"bits": 4}, {"bits": 16}, {"bits": "mixed"},
                                     {"bits": "kmeans16"}, {"max_model_bytes": 100}], ids=str)  # fmt: skip
def test_a_family_without_a_training_loop_has_all_that_the_base_gives(options):
    X, y = rows()
    model = MeansClassifier(random_state=0, **options).fit(X, np.array(["no", "yes"])[y])
    compiled = ea.compile_model(model)
    assert model.model_bytes_ == compiled.report.model_bytes
    assert (compiled.predict(X) == model.predict(X)).mean() > 0.9
    assert model.score(X, np.array(["no", "yes"])[y]) > 0.8
    assert MeansRegressor(random_state=0, **options).fit(X, X[:, 0] * 5).score(X, X[:, 0] * 5) > 0.8


def test_a_family_that_takes_more_than_its_budget_is_named():
    with pytest.raises(RuntimeError, match=r"MeansClassifier was trained to \d+ bytes, more than max_model_bytes=1"):
        MeansClassifier(max_model_bytes=1).fit(*rows())


def test_a_family_without_a_training_loop_fits_without_tensorflow():
    code = (
        "import sys, numpy as np; from tests.support.plain_family import MeansClassifier;"
        "X = np.random.default_rng(0).normal(size=(40, 3)); MeansClassifier().fit(X, X[:, 0] > 0);"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
