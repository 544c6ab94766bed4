"""Searches: what is tried, judged, refused and kept; several processes with one study; manners of an estimator."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import edgealgos as ea
from edgealgos.auto.families import FAMILIES, Family, families_for
from edgealgos.auto.judge import Candidate, Data, Judge, Limits, doubt, score
from edgealgos.auto.plot import front
from edgealgos.auto.propose import OwnProposer
from edgealgos.auto.search import Search
from edgealgos.deadline import OutOfTime, check_time, time_left, within

QUICK = {"families": ["linear", "boosted_trees"], "time_limit": 300, "random_state": 0}


def rows(count=120, classes=2, seed=0):
    """Classes that a line does not part."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 3))
    return X, (np.abs(X[:, 0]) + 0.1 * rng.normal(size=count) > 0.7).astype(int) + (X[:, 1] > 0) * (classes > 2)


def shorten(patch):
    """Few candidates, and few settings of each: the clock decides nothing here."""
    for name, count in (("search.BATCH", 2), ("search.PATIENCE", 1), ("judge.FEW_ROWS", 0), ("judge.SOME_ROWS", 0)):
        patch.setattr(f"edgealgos.auto.{name}", count)
    for room in ("choose", "fit"):
        patch.setattr(f"edgealgos.training.boosting.{room}.ALLOWED", 0.3)


@pytest.fixture(scope="module", autouse=True)
def short_searches():
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        yield


@pytest.fixture(scope="module")
def found(short_searches):
    X, y = rows()
    return ea.AutoClassifier(**QUICK, max_model_bytes=256).fit(X, np.array(["no", "yes"])[y])


def test_the_best_of_the_leaderboard_is_refitted_within_the_budget(found):
    assert found.leaderboard_[0]["family"] == "boostedtrees"
    assert type(found.best_estimator_) is ea.BoostedTreesClassifier
    assert found.model_bytes_ == ea.compile_model(found).report.model_bytes <= 256
    scores = [row["validation_score"] for row in found.leaderboard_]
    assert scores == sorted(scores, reverse=True)
    keys = {
        "family",
        "params",
        "validation_score",
        "validation_spread",
        "model_bytes",
        "cycles",
        "ram_bytes",
        "seconds",
    }
    assert all(set(row) == keys for row in found.leaderboard_)


def test_a_search_answers_pickles_clones_compiles_and_saves_like_any_estimator(found, tmp_path):
    X, _ = rows()
    device = ea.compile_model(found)
    assert np.mean(device.predict(X) == found.predict(X)) > 0.97
    ea.save(found, tmp_path / "auto.edgealgos")
    for copy in (ea.load(tmp_path / "auto.edgealgos"), pickle.loads(pickle.dumps(found))):
        assert type(copy) is ea.AutoClassifier
        assert np.array_equal(ea.compile_model(copy).scores(X), device.scores(X))
        assert np.array_equal(copy.predict_proba(X), found.predict_proba(X))
        assert copy.leaderboard_ == found.leaderboard_
    assert clone(found).get_params() == found.get_params()


def test_a_loaded_search_of_other_rows_than_its_best_is_refused(found, tmp_path):
    wrong = pickle.loads(pickle.dumps(found))
    wrong.n_features_in_ = 4
    ea.save(wrong, tmp_path / "auto.edgealgos")
    with pytest.raises(ea.ModelFileError, match="other rows"):
        ea.load(tmp_path / "auto.edgealgos")


def test_names_of_columns_reach_the_best_estimator():
    X, y = rows()
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    model = ea.AutoClassifier(**QUICK | {"families": "linear"}).fit(table, y)
    assert model.best_estimator_.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[["b", "a", "c"]])


def test_a_regressor_beats_a_line_where_the_target_is_none():
    X, _ = rows(100)
    y = 100 + 5 * np.abs(X[:, 0])
    model = ea.AutoRegressor(**QUICK).fit(X, y)
    assert model.score(X, y) > 0.9
    assert type(model.best_estimator_) is ea.BoostedTreesRegressor


def test_a_picture_is_written_and_its_line_is_what_is_not_beaten(found, tmp_path):
    pytest.importorskip("matplotlib")
    found.plot(tmp_path / "front.png")
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    best = front(found.leaderboard_)
    for row in found.leaderboard_:
        small = [other for other in best if other["model_bytes"] <= row["model_bytes"]]
        assert max(other["validation_score"] for other in small) >= row["validation_score"]
    assert [row["model_bytes"] for row in best] == sorted(row["model_bytes"] for row in best)


# ---- what cannot be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_model_bytes": 2}, r"linear: .*least that works is max_model_bytes=\d+; boostedtrees: .*=\d+$"),
        ({"max_cycles": 10}, "linear: .*too few.*; boostedtrees: .*too few"),
        ({"max_ram_bytes": 40}, "linear: [0-9]+ RAM bytes, 40 allowed; boostedtrees: "),
    ],
)
def test_limits_that_no_family_keeps_are_refused_with_each_ones_reason(limits, reason):
    with pytest.raises(ValueError, match=reason):
        ea.AutoClassifier(**QUICK, **limits).fit(*rows())


def test_too_little_time_gives_the_simplest_model_and_says_so():
    with pytest.warns(UserWarning, match=r"time_limit=1e-06 seconds is too short"):
        model = ea.AutoClassifier(time_limit=1e-6, random_state=0).fit(*rows())
    assert model.best_estimator_.to_program().family == "Linear"


def test_one_row_a_class_gives_the_simplest_model():
    model = ea.AutoClassifier(**QUICK).fit(np.eye(5), list("abcde"))
    assert model.leaderboard_ == []
    assert set(model.predict(np.eye(5))) <= set("abcde")


def test_duplicated_rows_with_other_labels_constant_columns_and_many_classes_are_fitted():
    X, y = rows(60)
    X = np.concatenate([X, X])
    X[:, 2] = 7
    assert ea.AutoClassifier(**QUICK).fit(X, np.concatenate([y, 1 - y])).predict(X).shape == (120,)
    X = np.repeat(np.arange(100.0), 3).reshape(-1, 1)
    model = ea.AutoClassifier(**QUICK | {"families": "linear"}).fit(X, X[:, 0].astype(int))
    assert len(model.classes_) == 100


def test_names_of_families_are_read_however_they_are_written():
    spelled = ["Linear", "BoostedTreesClassifier", "boosted_trees", "proto-nn"]
    assert [f.name for f in families_for(spelled, True, False)] == ["linear", "boostedtrees", "protonn"]
    with pytest.raises(ValueError, match="families has 'forest'; possible are 'auto' and linear"):
        families_for(["forest"], True, False)
    with pytest.raises(ValueError, match="none of them takes tables with classes; linear, boostedtrees"):
        families_for(["fastgrnn"], True, False)


@pytest.mark.parametrize("bad", [{"time_limit": 0}, {"board": 3}, {"families": 1}, {"max_cycles": 0}])
def test_bad_parameters_are_named(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))!r} parameter"):
        ea.AutoClassifier(**bad).fit(*rows())


def test_a_board_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"no board is called .arduino."):
        ea.AutoClassifier(board="arduino").fit(*rows())


# ---- judging --------------------------------------------------------------------------------------------------------


def test_groups_are_held_out_as_a_whole():
    X, y = rows(100)
    groups = np.repeat(np.arange(20), 5)
    for fitted, judged in Data(X, y, None, groups, True).splits(0):
        assert not set(fitted.groups) & set(judged.groups)
        assert len(judged)


def test_weights_count_where_models_are_judged():
    X, y = np.zeros((4, 1)), np.array([0, 0, 0, 1])
    data = Data(X, y, np.array([1.0, 1.0, 1.0, 9.0]), None, True)
    assert score(np.zeros(4), data) == pytest.approx(3 / 12)
    real = Data(X, np.array([0.0, 0.0, 0.0, 10.0]), np.array([1.0, 1.0, 1.0, 0.0]), None, False)
    assert score(np.zeros(4), real) == pytest.approx(1.0)


def test_the_last_fit_does_not_choose_again_what_the_first_one_has_chosen():
    X, y = rows()
    data, judge = Data(X, y, None, None, True), Judge(Limits(256, None, None, "uno"), {"random_state": 0})
    candidate = Candidate(FAMILIES[1], {})
    judge.judge(candidate, data, data, None)
    again = judge.fit(candidate, data, None, decided=True)
    assert again.history_["choices"] == [candidate.decided]
    assert "_decided" not in vars(again)


def test_a_further_split_does_not_choose_again_what_the_first_one_has_chosen(monkeypatch):
    X, y = rows()
    data, judge = Data(X, y, None, None, True), Judge(Limits(256, None, None, "uno"), {"random_state": 0})
    candidate, fitted, fit = Candidate(FAMILIES[1], {}), [], Judge.fit
    monkeypatch.setattr(Judge, "fit", lambda *args, **kw: fitted.append(fit(*args, **kw)) or fitted[-1])
    for _ in range(2):
        judge.judge(candidate, data, data, None)
    first, second = (estimator.history_["choices"] for estimator in fitted)
    assert len(first) > 1
    assert second == [candidate.decided] == first[:1]
    assert len(candidate.scores) == 2


class Clock:
    """Time that passes when somebody fits."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


class FakeJudge:
    """Families by name have their score and seconds."""

    def __init__(self, clock, facts):
        self.clock, self.facts, self.fits = clock, facts, []

    def judge(self, candidate, fitted, judged, seconds, hard=True):
        value, spent = self.facts[candidate.family.name]
        self.fits.append(candidate.family.name)
        self.clock.now += min(spent, seconds) if hard else spent
        if hard and spent > seconds:
            raise OutOfTime
        candidate.scores.append(value)
        candidate.seconds = spent


def searched(facts, limit, monkeypatch, splits=1, judged=100):
    clock = Clock()
    monkeypatch.setattr("edgealgos.auto.search.time", clock)
    families = [Family(name, "linear", name, None, False, {}, least_seconds=1.0) for name in facts]
    judge = FakeJudge(clock, facts)
    held = Data(None, np.zeros(judged), None, None, True)
    search = Search(judge, OwnProposer(families, 0), [(None, held)] * splits, limit, lambda *_: None)
    return search.run(len(families)), judge, clock


def test_time_is_left_for_the_last_fit(monkeypatch):
    facts = {"a": (0.8, 1.0), "b": (0.9, 10.0), "c": (0.95, 30.0)}
    found, judge, clock = searched(facts, 40, monkeypatch)
    assert judge.fits == ["a", "b", "c"]
    assert found.best.family.name == "b"
    assert clock.now + 1.3 * found.best.seconds <= 40


def test_what_chance_may_have_kept_from_being_best_is_judged_on_further_splits(monkeypatch):
    facts = {"a": (0.90, 1.0), "b": (0.91, 1.0), "c": (0.5, 1.0), "d": (0.86, 1.0)}
    found, judge, _ = searched(facts, 1000, monkeypatch, splits=3, judged=200)  # errors of 0.020, then 0.014
    assert judge.fits == [*"abcd", *"ba", *"ba"]  # d is behind by more than two
    assert found.best.family.name == "b"
    assert found.best.scores == [0.91] * 3
    _, judge, _ = searched(facts, 1000, monkeypatch, splits=2, judged=100)
    assert judge.fits == [*"abcd", *"bad"]


def test_doubt_is_the_deviation_of_scores_over_draws_of_rows():
    rng = np.random.default_rng(0)
    hits = Data(None, np.zeros(50), None, None, True)
    drawn = (rng.random((4000, 100)) < 0.8).mean(axis=1).std()
    assert doubt(0.8, [hits, hits]) == pytest.approx(drawn, rel=0.05)
    truth, mistakes = rng.normal(size=(2, 4000, 200))
    scores = 1 - 0.25 * (mistakes**2).mean(axis=1) / truth.var()
    assert doubt(0.75, [Data(None, np.zeros(200), None, None, False)]) == pytest.approx(scores.std(), rel=0.05)


def test_the_chosen_one_leads_those_that_did_better_on_fewer_splits():
    class Told:
        def ask(self, count):
            return []

        def known(self):
            candidates = {"lucky": [0.95], "chosen": [0.94, 0.86], "worse": [0.80, 0.80], "worst": [0.7]}
            return [Candidate(FAMILIES[0], {"name": name}, scores=scores) for name, scores in candidates.items()]

    rows = Data(None, np.zeros(100), None, None, True)
    found = Search(None, Told(), [(None, rows)] * 2, 10, lambda *_: None).run(4)
    assert found.best is found.known[0]
    assert [c.params["name"] for c in found.known] == ["chosen", "lucky", "worse", "worst"]


@pytest.mark.parametrize(
    ("scores", "winner"),  # of a line, trees, trees with knobs turned; a standard error of theirs is about 0.03
    [((0.91, 0.92, 0.92), 0), ((0.89, 0.92, 0.94), 1), ((0.89, 0.92, 0.96), 2)],
)
def test_what_is_less_simple_has_to_lead_by_more_than_luck_gives(scores, winner):
    class Told:
        def ask(self, count):
            return []

        def known(self):
            kinds = ((FAMILIES[0], {}), (FAMILIES[1], {}), (FAMILIES[1], {"max_depth": 2}))
            return [Candidate(*kind, scores=[of]) for kind, of in zip(kinds, scores, strict=True)]

    rows = Data(None, np.zeros(100), None, None, True)
    found = Search(None, Told(), [(None, rows)], 10, lambda *_: None).run(4)
    assert found.best.scores == [scores[winner]]
    assert bool(found.best.params) is (winner == 2)


@pytest.mark.parametrize("again", [False, True])
def test_the_last_fit_chooses_again_where_there_is_time(again, monkeypatch):
    monkeypatch.setattr("edgealgos.auto.search.WHOLE_FIT", 0 if again else 1e9)
    model = ea.AutoClassifier(**QUICK | {"families": ["boosted_trees"]}, max_model_bytes=256).fit(*rows())
    assert (len(model.best_estimator_.history_["choices"]) > 1) is again


def test_a_time_limit_reaches_what_trains():
    assert time_left() == float("inf")
    with pytest.raises(OutOfTime), within(-1):
        check_time()
    check_time()
    X, y = rows()
    with pytest.raises(OutOfTime), within(-1):
        ea.BonsaiClassifier(epochs=2, random_state=0).fit(X, y)
    with pytest.raises(OutOfTime), within(-1):
        ea.BoostedTreesClassifier(random_state=0).fit(X, y)


def test_a_limit_that_is_not_hard_ends_the_choosing_alone():
    X, y = rows()
    with within(-1, hard=False):
        check_time()
        model = ea.BoostedTreesClassifier(max_model_bytes=128, random_state=0).fit(X, y)
    assert len(model.history_["choices"]) == 1
    with pytest.raises(OutOfTime), within(-1):
        check_time()


# ---- sharing --------------------------------------------------------------------------------------------------------

WORKER = """
    import sys
    import numpy as np
    import edgealgos as ea
    import pytest
    from tests.test_auto import QUICK, rows, shorten
    if __name__ == "__main__":
        shorten(pytest.MonkeyPatch())
        model = ea.AutoClassifier(**QUICK, max_model_bytes=200, storage=sys.argv[1])
        model.fit(*rows())
        print(len(model.leaderboard_), model.best_estimator_.model_bytes_)
"""


def test_two_processes_share_a_study_and_a_third_goes_on_with_it(tmp_path):
    optuna = pytest.importorskip("optuna")
    journal = tmp_path / "study.log"
    script = tmp_path / "worker.py"
    script.write_text(textwrap.dedent(WORKER))
    command = [sys.executable, str(script), str(journal)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}  # workers know the tests
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=here) for _ in range(2)]
    answers = [worker.communicate(timeout=300)[0].split() for worker in workers]
    assert all(worker.returncode == 0 for worker in workers)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
    (study,) = optuna.get_all_study_names(storage)
    trials = optuna.load_study(study_name=study, storage=storage).get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    defaults = [t.params["family"] for t in trials if all(v == "default" for k, v in t.params.items() if k != "family")]
    assert sorted(set(defaults)) == ["boostedtrees", "linear"]
    assert max(int(answer[0]) for answer in answers) <= len(trials)
    third = ea.AutoClassifier(**QUICK | {"time_limit": 1e-6}, max_model_bytes=200, storage=str(journal)).fit(*rows())
    assert len(third.leaderboard_) >= len(trials)


def test_another_table_has_another_study(tmp_path):
    optuna = pytest.importorskip("optuna")
    journal = str(tmp_path / "study.log")
    for seed in range(2):
        ea.AutoClassifier(families="linear", time_limit=300, random_state=0, storage=journal).fit(*rows(seed=seed))
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(journal))
    assert len(optuna.get_all_study_names(storage)) == 2


def test_a_shared_search_without_optuna_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ea.MissingToolError, match=r"edgealgos\[search\]"):
        ea.AutoClassifier(**QUICK, storage=tmp_path / "study.log").fit(*rows())


# ---- sequences ------------------------------------------------------------------------------------------------------


def test_sequences_get_families_for_sequences():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8, 2))
    y = (X[:, :, 0].mean(axis=1) > 0).astype(int)
    with pytest.warns(UserWarning, match="too short"):
        model = ea.AutoClassifier(time_limit=0.1, random_state=0).fit(X, y)
    assert type(model.best_estimator_) is ea.FastGRNNClassifier
    assert model.predict(X).shape == (60,)
    assert ea.compile_model(model).predict(X).shape == (60,)
