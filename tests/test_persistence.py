"""Models survive a file; files that are broken, foreign or forged never become models."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import edgealgos
from edgealgos import EdgeAlgosError, ModelFileError, load, save
from edgealgos.codegen.program import same_program

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
    """Rewrite model.json after `change` worked on it, with everything else intact."""
    contents = members(saved)
    index = json.loads(contents["model.json"])
    change(index)
    rewrite(saved, contents | {"model.json": json.dumps(index)})


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
    lambda index: index["arrays"].append("00"),
    lambda index: index["model"]["state"]["dict"].__setitem__(
        slice(None), [[k, 1 if k == "model_bytes_" else v] for k, v in index["model"]["state"]["dict"]]),
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
    rewrite(saved, contents | {"arrays/0.npy": contents["arrays/0.npy"] + b"x"})
    with pytest.raises(ModelFileError, match="altered"):
        load(saved)
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    rewrite(saved, contents | {"arrays/0.npy": buffer.getvalue()})
    with pytest.raises(ModelFileError):
        load(saved)


def test_a_header_that_claims_terabytes(saved):
    import hashlib

    contents = members(saved)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)})
    contents["arrays/0.npy"] = header.getvalue()
    index = json.loads(contents["model.json"])
    index["arrays"][0] = hashlib.sha256(header.getvalue()).hexdigest()
    rewrite(saved, contents | {"model.json": json.dumps(index)})
    with pytest.raises(ModelFileError, match="does not match its data"):
        load(saved)


def test_a_bomb_is_not_unpacked(saved):
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arrays/bomb.npy", bytes(300 * 2**20))
    with pytest.raises(ModelFileError, match="unpacked"):
        load(saved)
