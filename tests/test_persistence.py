"""Models survive a file; files that are broken, foreign or forged never become models."""

from __future__ import annotations

import io
import os
import pickle
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import edgealgos
from edgealgos import EdgeAlgosError, ModelFileError, load, save
from edgealgos.codegen.program import same_program
from tests.support.forgery import Saved
from tests.support.interrupts import file_system_calls, interrupted_at

ROWS = np.random.default_rng(5).normal(size=(30, 6))
QUICK = {"epochs": 3, "random_state": 0, "depth": 0, "projection_dim": 4}


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


@pytest.fixture
def saved(fitted_bonsai, tmp_path):
    return save(fitted_bonsai, tmp_path / "m.edgealgos")


def test_a_loaded_model_is_the_saved_one(fitted_bonsai, saved, digits):
    again = load(saved)
    assert type(again) is edgealgos.BonsaiClassifier
    assert again.get_params() == fitted_bonsai.get_params()
    assert same_program(again.to_program(), fitted_bonsai.to_program())
    assert again.history_ == fitted_bonsai.history_
    assert list(again.classes_) == list(fitted_bonsai.classes_)
    np.testing.assert_array_equal(again.predict_proba(digits[0]), fitted_bonsai.predict_proba(digits[0]))


def test_saving_twice_gives_the_same_bytes(fitted_bonsai, saved, tmp_path):
    assert save(load(saved), tmp_path / "again.edgealgos").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("labels", [
    np.array(["no", "yes"]), np.array([False, True]), np.array([-3, 7]), np.array([1.0, 2.0]),
    np.array(["nein", "ja"], dtype=object),
])  # fmt: skip
def test_labels_of_any_kind(labels, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), labels[rng.integers(2, size=60)]
    model = edgealgos.BonsaiClassifier(**QUICK).fit(X, y)
    again = load(save(model, tmp_path / "m.edgealgos"))
    assert again.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_feature_names_class_weights_and_random_states(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 2)), columns=["temperature °C", "humidity"])
    weight = {np.int64(0): 1.0, 1: 2.5}
    model = edgealgos.BonsaiClassifier(**QUICK | {"random_state": np.random.RandomState(7)}, class_weight=weight).fit(
        table, rng.integers(2, size=60)
    )
    again = load(save(model, tmp_path / "m.edgealgos"))
    assert list(again.feature_names_in_) == list(table.columns)
    assert again.class_weight == weight
    assert again.random_state.randint(1000) == model.random_state.randint(1000)
    with pytest.raises(ValueError, match="feature names"):
        again.predict(table.rename(columns={"humidity": "pressure"}))


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1)), MaxAbsScaler(), RobustScaler()])
def test_pipelines(scaler, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)) * [1, 10, 100], rng.normal(size=60)
    pipeline = make_pipeline(scaler, "passthrough", edgealgos.BonsaiRegressor(**QUICK)).fit(X, y)
    again = load(save(pipeline, tmp_path / "m.edgealgos"))
    np.testing.assert_array_equal(again.predict(X), pipeline.predict(X))


def test_refuses_what_it_cannot_load_again(tmp_path):
    X, y = np.array([[0.0], [1.0]]), [0, 1]
    with pytest.raises(EdgeAlgosError, match="LogisticRegression cannot be saved"):
        save(LogisticRegression().fit(X, y), tmp_path / "m")
    with pytest.raises(NotFittedError):
        save(edgealgos.BonsaiClassifier(), tmp_path / "m")
    assert not list(tmp_path.iterdir())


class Own(edgealgos.BonsaiClassifier):
    """A user's own kind of tree."""


def foreign(fitted):
    """Objects that are no models of this library, and what the refusal says of each."""
    keras_like = type("Sequential", (), {"__module__": "keras.src.models.sequential", "save": lambda self: None})()
    X, y = np.array([[0.0], [1.0]]), [0, 1]
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2)
    return {
        "a Sequential cannot be saved; a Keras model has a method save() of its own": keras_like,
        "the class BonsaiClassifier cannot be saved": edgealgos.BonsaiClassifier,
        "a NoneType cannot be saved": None,
        "a str cannot be saved": "model",
        "a dict cannot be saved": {},
        "a ndarray cannot be saved": X,
        "a function cannot be saved": foreign,
        "a CompiledModel cannot be saved; of a compiled model save the estimator": edgealgos.compile_model(fitted),
        "a LogisticRegression cannot be saved; scikit-learn's own": LogisticRegression().fit(X, y),
        "a GridSearchCV cannot be saved; scikit-learn's own": search.fit(np.repeat(X, 4, axis=0), y * 4),
        "a Own cannot be saved": Own(**QUICK).fit(ROWS, [0, 1] * 15),
        "a LogisticRegression cannot": make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y),
        "a PCA cannot": make_pipeline(PCA(1), edgealgos.BonsaiClassifier(**QUICK)).fit(ROWS, [0, 1] * 15),
    }


def test_what_is_no_model_is_refused_with_what_can_be_saved(fitted_bonsai, tmp_path):
    for words, thing in foreign(fitted_bonsai).items():
        with pytest.raises(EdgeAlgosError, match=re.escape(words)) as refusal:
            save(thing, tmp_path / "m")
        assert "Can be saved, when fitted: AutoClassifier, " in str(refusal.value)
    for place in (3, 2.5, None, ["m"]):
        with pytest.raises(EdgeAlgosError, match="saved to a path, not to a"):
            save(fitted_bonsai, place)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("random_state", [np.random.RandomState(np.random.PCG64(0)), np.random.RandomState(3)])
def test_a_random_generator_is_saved_as_it_is_or_refused(random_state, tmp_path):
    model = edgealgos.BonsaiClassifier(**QUICK | {"random_state": random_state}).fit(ROWS, [0, 1] * 15)
    random_state.standard_normal()  # half of a pair is left
    if random_state.get_state(legacy=False)["bit_generator"] != "MT19937":
        with pytest.raises(EdgeAlgosError, match="PCG64"):
            save(model, tmp_path / "m")
        return
    again = load(save(model, tmp_path / "m")).random_state
    assert again.standard_normal(5).tolist() == random_state.standard_normal(5).tolist()


def test_the_file_holds_the_model_and_not_what_packing_made_of_it(saved, fitted_bonsai, monkeypatch):
    names = [key for key, _ in Saved.read(saved).index["model"]["state"]["dict"]]
    assert "model_bytes_" not in names
    assert load(saved).model_bytes_ == fitted_bonsai.model_bytes_
    monkeypatch.setattr("edgealgos.persistence.meaning.model_bytes", lambda program: 7)  # a better packer
    assert load(saved).model_bytes_ == 7


def test_weights_are_kept_as_the_integers_that_they_are(saved, fitted_bonsai):
    file = Saved.read(saved)
    for name, values in fitted_bonsai.weights_.items():
        raw = file.array(file.entry("weights_", name)[1]["array"])
        assert raw.dtype.kind == "i"
        assert raw.itemsize <= max(1, fitted_bonsai.qtypes_[name].container // 8)
        np.testing.assert_array_equal(np.ldexp(raw.astype(float), -fitted_bonsai.qtypes_[name].frac), values)


def test_an_interrupted_save_leaves_the_old_file_and_no_litter(saved, fitted_bonsai):
    before = saved.read_bytes()
    other = edgealgos.BonsaiClassifier(**QUICK).fit(ROWS, [0, 1] * 15)
    new = save(other, saved.with_suffix(".new")).read_bytes()
    for n in range(file_system_calls(lambda: save(other, saved))):
        saved.write_bytes(before)
        with interrupted_at(n, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
            save(other, saved)
        assert saved.read_bytes() in (before, new)
        assert {p.name for p in saved.parent.iterdir()} == {saved.name, saved.with_suffix(".new").name}


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("nowhere", path)])
def test_what_is_no_file_is_neither_read_nor_replaced(make, fitted_bonsai, tmp_path):
    make(tmp_path / "thing")
    before = os.lstat(tmp_path / "thing")
    with pytest.raises(ModelFileError, match=r"a folder|a named pipe|a link to nowhere"):
        load(tmp_path / "thing")
    with pytest.raises(EdgeAlgosError, match=r"a folder|a named pipe|a link to nowhere"):
        save(fitted_bonsai, tmp_path / "thing")
    assert os.lstat(tmp_path / "thing") == before


def test_the_old_file_survives_a_failure(saved, fitted_bonsai, monkeypatch):
    before = saved.read_bytes()

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(EdgeAlgosError, match="No space left"):
        save(fitted_bonsai, saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_is_missing(fitted_bonsai, tmp_path):
    with pytest.raises(EdgeAlgosError, match="cannot write"):
        save(fitted_bonsai, tmp_path / "nowhere" / "m.edgealgos")


def test_missing_file(tmp_path):
    with pytest.raises(ModelFileError, match="cannot read"):
        load(tmp_path / "nothing.edgealgos")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files(saved, share):
    blob = saved.read_bytes()
    saved.write_bytes(blob[: int(share * len(blob))])
    with pytest.raises(ModelFileError):
        load(saved)


def test_no_flipped_byte_becomes_another_model(saved, fitted_bonsai):
    blob = saved.read_bytes()
    program = fitted_bonsai.to_program()
    for position in np.random.default_rng(0).integers(len(blob), size=60):
        saved.write_bytes(blob[:position] + bytes([blob[position] ^ 0x41]) + blob[position + 1 :])
        try:
            again = load(saved)
        except ModelFileError:
            continue
        assert same_program(again.to_program(), program)  # bytes that mean nothing, such as a time stamp


@pytest.mark.parametrize("blob", [b"", b"PK", b"hello", pickle.dumps({"a": 1}), b"\x93NUMPY"])
def test_foreign_files(blob, tmp_path):
    path = tmp_path / "foreign"
    path.write_bytes(blob)
    with pytest.raises(ModelFileError):
        load(path)


def forge(saved, change):
    """Change what the index says, with everything else intact and the digests right."""
    forged = Saved.read(saved)
    change(forged.index)
    forged.write(saved)


@pytest.mark.parametrize("change", [
    lambda index: index.update(format="other"),
    lambda index: index.update(version=99),
    lambda index: index.update(model={"estimator": "Popen", "params": {"dict": []}, "state": {"dict": []}}),
    lambda index: index.update(model={"__class__": "x"}),
    lambda index: index.update(model={"decode": 1}),
    lambda index: index.update(model=3),
    lambda index: index["model"]["state"]["dict"].append(["predict", 1]),
    lambda index: index["model"]["state"]["dict"].append(["__class__", 1]),
    lambda index: index["model"]["state"]["dict"].append(["_sneaky", 1]),
    lambda index: index["model"]["params"]["dict"].append(["unknown", 1]),
    lambda index: index["model"]["state"].update(dict=[]),
    lambda index: index["model"]["state"]["dict"].append(["model_bytes_", 1]),
])  # fmt: skip
def test_forged_structure(saved, change):
    forge(saved, change)
    with pytest.raises(ModelFileError):
        load(saved)


def test_deeply_nested_structure(saved):
    contents = members(saved)
    rewrite(saved, contents | {"model.json": '{"list":[' * 100_000})
    with pytest.raises(ModelFileError):
        load(saved)


def test_altered_and_pickled_arrays(saved):
    contents = members(saved)
    for name, data in contents.items():
        rewrite(saved, contents | {name: data + b" "})
        with pytest.raises(ModelFileError, match="altered"):
            load(saved)
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    rewrite(saved, contents | {"arrays/0.npy": buffer.getvalue()})
    with pytest.raises(ModelFileError):
        load(saved)
