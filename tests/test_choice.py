"""What is left open is chosen on rows held out: which rows these are, what is tried, what comes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_moons

from edgealgos import BonsaiClassifier, BonsaiRegressor, ProtoNNClassifier, compile_model, load, save
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.estimators import choice, gradient
from edgealgos.estimators.model import Choice, Examples, Frame, Lesson
from edgealgos.training import engine
from edgealgos.training.rows import Neighbours, Rows, varied
from edgealgos.training.schedule import Recipe

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


def lesson(count=400, classes=3, groups=None):
    rows = np.random.default_rng(1).normal(size=(count, 4))
    encoding = choose_encoding(rows)
    frame = Frame(BonsaiClassifier.program_of, (4,), encoding, tuple("abcdef"[:classes]))
    examples = Examples(rows, np.arange(count) % classes, np.ones(count), groups)
    return Lesson(examples, encoding.encode(rows), frame, 8, 0)


@pytest.mark.parametrize("groups", [None, np.arange(400) // 20])
def test_rows_that_judge_are_not_trained_on_and_sizes_stay(groups):
    for split in choice.splits_of(lesson(groups=groups)):
        seen = {tuple(row) for row in split.lesson.examples.rows}
        assert len(split.lesson.examples) == 400
        assert not seen & {tuple(row) for row in split.judged.rows}
        assert len(seen) + len(split.judged) == 400
        if groups is not None:
            assert not set(split.lesson.examples.groups) & set(split.judged.groups)


def test_few_rows_are_judged_more_than_once_and_many_by_some():
    assert len(choice.splits_of(lesson(120))) == choice.MOST_FOLDS
    many = choice.splits_of(lesson(9000))
    assert len(many) == 1
    assert len(many[0].lesson.examples) == choice.MOST_ROWS


def test_rounds_go_on_from_the_best_and_try_nothing_twice(monkeypatch):
    errors = {"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.1}
    tried = []

    def judged(found, *_):
        tried.append(found.variation)
        return errors[found.variation]

    monkeypatch.setattr(choice, "_error", judged)
    made = lambda *names: [Choice(8, {}, name) for name in names]  # noqa: E731
    began = []
    rounds = (lambda best: began.append(best) or made("a", "b"), lambda best: began.append(best) or made("b", "c", "d"))
    trials = choice.race(rounds, lesson(), None)
    assert tried == ["a", "b", "c", "d"]
    assert began[0] is None
    assert began[1].variation == "b"
    assert [trial.choice.variation for trial in trials] == ["b", "d", "c", "a"]  # of equal ones the first


def test_with_a_lead_the_likelier_stays_unless_chance_is_ruled_out(monkeypatch):
    errors = {"likely": 0.1, "a little better": 0.08, "better": 0.02, "worse": 0.3}
    monkeypatch.setattr(choice, "_error", lambda found, *_: errors[found.variation])  # of 100 rows: chance .03
    rounds = [lambda _, name=name: [Choice(8, {}, name)] for name in errors]
    few = choice.race(rounds[:2], lesson(), None, 1.5)
    assert [trial.choice.variation for trial in few] == ["likely", "a little better"]
    every = choice.race(rounds, lesson(), None, 1.5)
    assert [trial.choice.variation for trial in every] == ["better", "a little better", "likely", "worse"]
    assert choice.race(rounds[:2], lesson(), None)[0].choice.variation == "a little better"
    even = [lambda _: [Choice(8, {}, "likely"), Choice(8, {}, "a little better")]]
    assert choice.race(even, lesson(), None, 1.5)[0].choice.variation == "a little better"  # of one round


@pytest.mark.parametrize("options", [{"epochs": 20}, {"max_cycles": 20_000, "epochs": 60}, {"max_model_bytes": None}])
def test_quick_fits_and_other_budgets_choose_by_rule(options, monkeypatch):
    monkeypatch.setattr(gradient, "race", lambda *_: pytest.fail("it searched"))
    X, y = make_moons(300, noise=0.1, random_state=0)
    model = BonsaiClassifier(random_state=0, **{"epochs": 20, "teacher": None} | options).fit(X, y)
    assert "choices" not in model.history_


@pytest.mark.parametrize("given", ["teacher", "augment", "structure", "bits"])
def test_what_the_user_gives_is_not_tried(given, monkeypatch):
    from sklearn.tree import DecisionTreeClassifier

    options = {"teacher": {"teacher": DecisionTreeClassifier()}, "augment": {"augment": lambda X, rng: X},
               "structure": {"depth": 1, "projection_dim": 7}, "bits": {"bits": 6}}[given]  # fmt: skip
    X, y = make_moons(300, noise=0.1, random_state=0)
    model = BonsaiClassifier(random_state=0, epochs=60, **options).fit(X, y)
    tried = model.history_["choices"]
    column = lambda name: {trial[name] for trial in tried}  # noqa: E731
    if given in ("teacher", "augment"):
        assert column("variation") == {"spread"}
    elif given == "structure":
        assert (column("depth"), column("projection_dim"), column("bits")) == ({1}, {7}, {4, 8})
    else:
        assert column("bits") == {6}


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("kind", [BonsaiClassifier, ProtoNNClassifier])
def test_every_structure_that_is_tried_fits_into_the_bytes(kind, classes):
    for budget in (300, 512, 2048, 8192):
        model, given = kind(max_model_bytes=budget), lesson(classes=classes)
        for structure in model._structures(given, gradient.NARROW):
            tried = Choice(gradient.NARROW, structure, "near")
            assert model._fits(given, tried, gradient.NARROW), (budget, structure)


@pytest.mark.parametrize("kind", [BonsaiClassifier, ProtoNNClassifier])
def test_a_default_fit_finds_what_is_small_and_is_repeatable(kind, tmp_path):
    X, y = make_moons(900, noise=0.2, random_state=0)
    X = X @ np.diag([1.0, 40.0])
    fits = [kind(max_model_bytes=600, random_state=3).fit(X[:600], y[:600]) for _ in range(2)]
    twins = [compile_model(model) for model in fits]
    assert np.array_equal(twins[0].scores(X), twins[1].scores(X))
    assert np.mean(twins[0].predict(X[600:]) == y[600:]) > 0.95
    assert twins[0].report.model_bytes == fits[0].model_bytes_ <= 600
    errors = [trial["validation_error"] for trial in fits[0].history_["choices"]]
    assert errors == sorted(errors)
    used = fits[0].model_bytes_ / 600
    assert bool(fits[0].history_["unused"]) == (used < gradient.MUCH_USED)
    save(fits[0], tmp_path / "m.edgealgos")
    assert load(tmp_path / "m.edgealgos").history_["choices"] == fits[0].history_["choices"]


def test_many_classes_and_few_rows_do_not_collapse():
    X, y = make_classification(240, 40, n_informative=25, n_classes=12, n_clusters_per_class=1, class_sep=2.0,
                               random_state=0)  # fmt: skip
    model = ProtoNNClassifier(random_state=0).fit(X[::2], y[::2])
    assert np.mean(compile_model(model).predict(X[1::2]) == y[1::2]) > 0.4  # chance is 0.08
    assert model.model_bytes_ <= 2048


def test_a_regressor_chooses_as_well():
    X = RNG.uniform(-1, 1, (500, 3))
    y = np.sin(4 * X[:, 0]) + X[:, 1] * X[:, 2]
    model = BonsaiRegressor(random_state=0).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > 0.95
    assert model.history_["choices"]


def test_rows_near_are_mixed_with_near_ones_and_moved_less_than_their_distance():
    centres = RNG.normal(size=(40, 6)) * 30
    x = np.clip(np.rint(np.repeat(centres, 20, axis=0) + RNG.normal(size=(800, 6))), -127, 127).astype(np.int8)
    y = np.repeat(np.arange(40) % 2, 20)
    around = Neighbours.of(x, np.random.default_rng(0))
    assert 0.2 < around.distance < 2
    rows = Rows(x, np.eye(2, dtype=np.float32)[y], np.ones(800, np.float32))
    made = varied(rows, mixup=1.0, noise=0.3 * around.distance, augment=None, answer=None, around=around,
                  rng=np.random.default_rng(0))  # fmt: skip
    origin = np.resize(np.arange(800), len(made.x_q))
    assert np.abs(made.x_q.astype(int) - x[origin]).max() < 12
    assert (np.argmax(made.targets, axis=1) == y[origin]).mean() > 0.99


def test_widths_of_weights_share_one_compiled_step():
    X, y = make_moons(300, noise=0.1, random_state=0)
    options = {"epochs": 40, "depth": 1, "projection_dim": 5, "random_state": 0, "teacher": None}
    engine._compiled.clear()
    fits = {bits: BonsaiClassifier(bits=bits, **options).fit(X, y) for bits in (3, 4, 5, 8)}
    assert [name for name, *_ in engine._compiled] == ["_epoch_body"]
    for bits, model in fits.items():
        raw = model.qtypes_["Z"].quantize(model.weights_["Z"])
        assert np.abs(raw).max() <= 2 ** (bits - 1)
        assert len(np.unique(raw)) > 2


def test_variations_differ_in_what_they_do_to_rows():
    recipe = Recipe(loss="hinge", mixup=0.3, noise=0.4, teacher=True)
    assert recipe.varying("spread") == recipe
    near, plain, taught = (recipe.varying(kind) for kind in ("near", "plain", "spread taught"))
    assert (near.near, near.loss, near.teacher) == (True, "log", False)
    assert plain == replace(near, mixup=0.0)
    assert taught == replace(recipe, loss="log", teacher=False, most_rows=near.most_rows)
