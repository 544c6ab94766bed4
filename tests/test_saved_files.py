"""Files of format version 1, written by edgealgos 0.1, load for ever and answer what they answered then.

``tools/corpus.py`` wrote them: ``record`` the models, ``freeze`` the copies here. Beside each file lie rows, the last
three far outside of what was trained on, and the device's scores and labels of that day.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import edgealgos as ea

SAVED = sorted((Path(__file__).parent / "data" / "saved_v1").glob("*.edgealgos"))
KINDS = {
    "BonsaiClassifier", "BonsaiRegressor", "ProtoNNClassifier", "ProtoNNRegressor", "FastGRNNClassifier",
    "FastGRNNRegressor", "FastRNNClassifier", "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler",
    "LogMel", "MotionFeatures",
}  # fmt: skip
# A packer could store these in fewer bytes than version 1 did, and they must load all the same:
PACKED_WORSE = [
    "bonsai-bits-16",  # biases of 32 bits that fit in 24
    "bonsai-wide-600-few",  # one weight in eleven, in rows too wide for byte indices: 75 bytes of bitmap a row
    "protonn-bits-3",  # weights of three bits, each in four; biases and prototypes with bits to spare
]


def steps_of(model):
    return [step for _, step in model.steps if step != "passthrough"] if hasattr(model, "steps") else [model]


@pytest.mark.parametrize("file", SAVED, ids=lambda file: file.stem)
def test_a_file_of_version_1_answers_as_on_the_day_it_was_written(file, tmp_path):
    with np.load(file.with_suffix(".npz")) as then:
        X, scores, labels, model_bytes = (then[name] for name in ("X", "scores", "labels", "model_bytes"))
    model = ea.load(file)
    for today in (model, ea.load(ea.save(model, tmp_path / "again.edgealgos"))):
        compiled = ea.compile_model(today)
        assert np.array_equal(compiled.scores(X), scores)
        assert np.array_equal(compiled.predict(X), labels)
        assert compiled.predict(X).dtype == labels.dtype
        assert compiled.report.model_bytes <= model_bytes


def test_every_kind_that_version_1_could_hold_has_a_file():
    assert {type(step).__name__ for file in SAVED for step in steps_of(ea.load(file))} == KINDS


def forge_clip(file, value, target):
    """A saved Pipeline whose MaxAbsScaler has a parameter that scikit-learn has only in some version to come."""
    with zipfile.ZipFile(file) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    index = json.loads(members["model.json"])
    scaler = next(step for _, step in index["model"]["pipeline"] if step["estimator"] == "MaxAbsScaler")
    scaler["params"]["dict"].append(["clamp", value])
    members["model.json"] = json.dumps(index).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return target


def test_a_parameter_that_the_installed_scikit_learn_lacks_may_be_off_and_no_more(tmp_path):
    file = next(file for file in SAVED if file.stem == "pipeline-fastrnn")
    loaded = ea.load(forge_clip(file, False, tmp_path / "off.edgealgos"))
    with np.load(file.with_suffix(".npz")) as then:
        assert np.array_equal(ea.compile_model(loaded).predict(then["X"]), then["labels"])
    with pytest.raises(ea.ModelFileError, match=r"MaxAbsScaler with clamp=True.*update scikit-learn"):
        ea.load(forge_clip(file, True, tmp_path / "on.edgealgos"))


@pytest.mark.parametrize("name", PACKED_WORSE)
def test_a_file_whose_packer_was_worse_than_todays_still_loads(name, tmp_path):
    """What such a file says is larger than what today's packer makes of it."""
    file = next(file for file in SAVED if file.stem == name)
    with zipfile.ZipFile(file) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    index = json.loads(members["model.json"])
    state = index["model"]["state"]["dict"]
    index["model"]["state"]["dict"] = [[key, value + 44 if key == "model_bytes_" else value] for key, value in state]
    older = tmp_path / "older.edgealgos"
    with zipfile.ZipFile(older, "w") as archive:
        for member, data in (members | {"model.json": json.dumps(index)}).items():
            archive.writestr(member, data)
    with np.load(file.with_suffix(".npz")) as then:
        assert np.array_equal(ea.compile_model(ea.load(older)).scores(then["X"]), then["scores"])
