"""Forged files: whatever is changed in a saved model, it loads and answers, or is refused; nothing else, and soon."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

import edgealgos as ea
from edgealgos import ModelFileError
from tests.support.forgery import Saved, node, places

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("EDGEALGOS_FUZZ", "1"))
SMALL = (
    "bonsai-iris",
    "protonn-bits-3",
    "fastgrnn-tanh",
    "fastrnn-windows",
    "motion-protonn",
    "pipeline-minmax-protonn",
)
FOLDER = Path(__file__).parent / "data" / "saved_v1"
OLD = [path for path in sorted(FOLDER.glob("*.edgealgos")) if ROUNDS > 1 or path.stem in SMALL]
MOST_MEMORY = 64 * 2**20
NASTY = [
    0, 1, -1, 2, 3, 255, 256, 10**9, 2**31, 2**63, -(2**63), 10**30, True, None, "", "x", "a\0", [], {}, {"list": []},
    {"float": "nan"}, {"float": "inf"}, {"float": "-0x0.0p+0"}, {"float": "0x1p+1023"}, {"float": "0x1p-1074"},
    {"float": "0x1p+99999"}, {"tuple": []}, {"dict": []}, {"array": 0}, {"array": 10**9}, {"scalar": 0},
    {"objects": [], "shape": [10**9, 0]}, {"objects": [1], "shape": [1]}, {"qtype": [32, 40]}, {"qtype": [8, 1023]},
    {"qtype": [2, -5]}, {"estimator": "StandardScaler", "params": {"dict": []}, "state": {"dict": []}},
]  # fmt: skip


@pytest.fixture(params=OLD, ids=lambda path: path.stem)
def old(request):
    """A file of version 1, rows, and how many features they have."""
    with np.load(request.param.with_suffix(".npz")) as then:
        return request.param, then["X"], ea.load(request.param).n_features_in_


@pytest.fixture
def saved(old, tmp_path):
    """The same model in today's version."""
    return ea.save(ea.load(old[0]), tmp_path / "today.edgealgos")


def answers(model, X):
    """All that a model that was loaded must be able to do."""
    compiled = ea.compile_model(model)
    if hasattr(model, "decision_function"):
        assert np.isfinite(model.decision_function(X)).all()
    return compiled.scores(X), model.predict(X)


def survives(path, X, width, expected=None):
    """Load and use a file, or see it refused; whether it was loaded."""
    try:
        model = ea.load(path)
    except ModelFileError:
        return False
    if not hasattr(model, "predict"):  # a scaler or an extractor alone is no model, and may be saved
        return True
    found = answers(model, X if model.n_features_in_ == width else np.zeros((1, model.n_features_in_)))
    if expected is not None:
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    return True


def test_flipped_missing_and_added_bytes_change_no_answer(old, saved, tmp_path, rng_of):
    path, X, width = old
    rng, expected = rng_of(path.stem), answers(ea.load(path), X)
    for source in (path, saved):
        blob = source.read_bytes()
        for _ in range(5 * ROUNDS):
            at = int(rng.integers(len(blob)))
            for changed in (
                blob[:at] + bytes([blob[at] ^ (1 << int(rng.integers(8)))]) + blob[at + 1 :],
                blob[:at],
                blob[:at] + rng.bytes(3) + blob[at:],
                blob[:at] + rng.bytes(40) + blob[at + 40 :],
            ):
                (tmp_path / "bad").write_bytes(changed)
                survives(tmp_path / "bad", X, width, expected)


def test_values_changed_by_a_forger_make_a_model_or_are_refused(old, saved, tmp_path, rng_of):
    path, X, width = old
    rng, loaded = rng_of(path.stem), 0
    for source in (path, saved):
        true = Saved.read(source)
        everywhere = list(places(true.index["model"]))[1:]
        for _ in range(25 * ROUNDS):
            forged = true.copy()
            *way, last = everywhere[int(rng.integers(len(everywhere)))]
            other = node(true.index["model"], everywhere[int(rng.integers(len(everywhere)))])
            value = other if rng.random() < 0.3 else NASTY[int(rng.integers(len(NASTY)))]
            node(forged.index["model"], way)[last] = value
            loaded += survives(forged.write(tmp_path / "bad"), X, width)
    assert loaded < 30 * ROUNDS  # most are noticed


def test_arrays_changed_by_a_forger_make_a_model_or_are_refused(old, saved, tmp_path, rng_of):
    path, X, width = old
    rng = rng_of(path.stem)
    for source in (path, saved):
        true = Saved.read(source)
        for _ in range(15 * ROUNDS):
            forged, i = true.copy(), int(rng.integers(len(true.arrays)))
            values = true.array(i)
            kinds = [
                lambda a: np.zeros((10**5,), "U1"), lambda a: a.astype("f8") * 1e300, lambda a: a.ravel(),
                lambda a: a.astype("f4") + np.float32(0.3), lambda a: a.reshape(*a.shape, 1), lambda a: a.ravel()[:0],
                lambda a: np.full_like(a, 127), lambda a: a.astype(str), lambda a: np.full(a.shape, np.nan),
                lambda a: np.resize(a, (3, 5)), lambda a: a.astype(bool), lambda a: -a,
                lambda a: a.astype("i8") + 2**40,
                lambda a: a.astype("c16") if rng.random() < 0.5 else a.astype(">i2"),
            ]  # fmt: skip
            with np.errstate(all="ignore"):
                try:
                    forged.set_array(i, kinds[int(rng.integers(len(kinds)))](values))
                except (ValueError, TypeError):  # text is not that easily changed
                    continue
            survives(forged.write(tmp_path / "bad"), X, width)


@pytest.fixture
def rng_of():
    """Random numbers that depend on a name alone."""
    return lambda name: np.random.default_rng(list(name.encode()))


# ---- what each number means ------------------------------------------------------------------------------------------


def set_value(name, value, part="state"):
    return lambda forged: forged.part(name, part).__setitem__(1, value)


def set_entry(name, key, value):
    return lambda forged: forged.entry(name, key).__setitem__(1, value)


def encoding(part, value):
    """Another value of a part of the encoding: arrays as a function of the old one."""

    def change(forged):
        record = forged.part("encoding_")[1]["encoding"]
        old = record[part]
        record[part] = {"array": forged.add_array(value(forged.array(old["array"])))} if callable(value) else value

    return change


def array(name, change, key=None):
    """Other values of an array: of a fitted attribute, or of an entry of one."""

    def forge(forged):
        pair = forged.part(name) if key is None else forged.entry(name, key)
        pair[1] = {"array": forged.add_array(change(forged.array(pair[1]["array"])))}

    return forge


def random_state(*state):
    """A random generator of a forged state, as the parameter that it may be."""

    def forge(forged):
        name, words, position, has_gauss, gauss = state
        words = {"array": forged.add_array(words)}
        value = {"random_state": {"tuple": [name, words, position, has_gauss, gauss]}}
        forged.part("random_state", "params")[1] = value

    return forge


WORDS, ZERO = np.random.RandomState(0).get_state()[1], {"float": "0x0.0p+0"}
MEANINGLESS = {
    "position behind the table": random_state("MT19937", WORDS, 625, 0, ZERO),
    "position far behind the table": random_state("MT19937", WORDS, 2**31 - 1, 0, ZERO),
    "position before the table": random_state("MT19937", WORDS, -1, 0, ZERO),
    "short table": random_state("MT19937", WORDS[:3], 0, 0, ZERO),
    "table of zeros": random_state("MT19937", 0 * WORDS, 0, 0, ZERO),
    "table of reals": random_state("MT19937", WORDS.astype(float), 0, 0, ZERO),
    "another generator": random_state("PCG64", WORDS, 0, 0, ZERO),
    "half a Gaussian number": random_state("MT19937", WORDS, 0, 2, {"float": "nan"}),
    "fewer features": set_value("n_features_in_", 3),
    "more features": set_value("n_features_in_", 5),
    "no features": set_value("n_features_in_", 0),
    "a billion features": set_value("n_features_in_", 10**9),
    "features of a truth value": set_value("n_features_in_", True),
    "half a feature": set_value("n_features_in_", {"float": "0x1.2p+2"}),
    "encoding of fewer features": lambda forged: [encoding(p, lambda a: a[:3])(forged) for p in ("offset", "scale")],
    "offsets of fewer features": encoding("offset", lambda a: a[:3]),
    "encoding of two axes": lambda forged: [encoding(p, lambda a: a[None])(forged) for p in ("offset", "scale")],
    "scale of zero": encoding("scale", lambda a: 0 * a),
    "negative scale": encoding("scale", lambda a: -a),
    "infinite scale": encoding("scale", lambda a: a + np.inf),
    "offset that is no number": encoding("offset", lambda a: a * np.nan),
    "range upside down": encoding("high", -128),
    "range beyond its type": encoding("high", 4000),
    "range of reals": encoding("high", {"float": "0x1.8p+3"}),
    "inputs of 32 bits": encoding("qtype", {"qtype": [32, 5]}),
    "inputs of an exponent of 1023": encoding("qtype", {"qtype": [8, 1023]}),
    "encoding without a part": lambda forged: forged.part("encoding_")[1]["encoding"].pop("low"),
    "fewer classes": array("classes_", lambda a: a[:2]),
    "more classes": array("classes_", lambda a: np.append(a, 7)),
    "one class twice": array("classes_", lambda a: a * 0),
    "classes of two axes": array("classes_", lambda a: a[:, None]),
    "complex classes": array("classes_", lambda a: a.astype(complex)),
    "weights of 32 bits with 40 fractional": set_entry("qtypes_", "Z", {"qtype": [32, 40]}),
    "weights of an exponent of 1023": set_entry("qtypes_", "Z", {"qtype": [8, 1023]}),
    "weights of an exponent of -1023": set_entry("qtypes_", "W", {"qtype": [8, -1023]}),
    "weights of one bit": set_entry("qtypes_", "V", {"qtype": [1, 0]}),
    "activations of 40 bits": set_entry("qtypes_", "z", {"qtype": [40, 7]}),
    "a bias finer than its sum": set_entry("qtypes_", "b", {"qtype": [32, 90]}),
    "a type that is none": set_entry("qtypes_", "Z", 8),
    "weights that are no numbers": array("weights_", lambda a: a * np.nan, "Z"),
    "weights between two numbers": array("weights_", lambda a: a + 0.3, "Z"),
    "weights beyond their type": array("weights_", lambda a: a.astype("i4") + 300, "Z"),
    "unsigned weights": array("weights_", lambda a: a.view("u1"), "Z"),
    "weights of 64 bits without a sign": array("weights_", lambda a: np.abs(a.astype("i8")).astype("u8"), "Z"),
    "weights of half precision": array("weights_", lambda a: (a * 2.0**-7).astype("f2"), "Z"),
    "weights of single precision": array("weights_", lambda a: (a * 2.0**-7).astype("f4"), "Z"),
    "weights of truth values": array("weights_", lambda a: a.astype(bool), "Z"),
    "weights of text": array("weights_", lambda a: a.astype(str), "Z"),
    "weights of another shape": array("weights_", lambda a: a[:, :-1], "Z"),
    "a tree of other nodes": array("weights_", lambda a: a[:-1], "W"),
    "no weights": lambda forged: forged.part("weights_")[1]["dict"].clear(),
    "one weight too few": lambda forged: forged.part("weights_")[1]["dict"].pop(),
    "a tree of sixty levels": set_entry("structure_", "depth", 60),
    "a tree of a billion levels": set_entry("structure_", "depth", 10**9),
    "a tree of other levels": set_entry("structure_", "depth", 0),
    "another projection": set_entry("structure_", "projection_dim", 200),
    "structure of nothing": set_value("structure_", {"dict": []}),
    "structure that is none": set_value("structure_", {"dict": [["cell", "FastGRNN"]]}),
    "epochs that are no count": set_value("n_iter_", -3),
    "history that is none": set_value("history_", {"list": [1]}),
    "representation of a stranger": lambda forged: forged.part("n_iter_").__setitem__(0, "representations_"),
    "a parameter that cannot be": set_value("max_model_bytes", -1, "params"),
    "a parameter of another kind": set_value("sigma", "steep", "params"),
    "an attribute that is none": lambda forged: forged.part("n_iter_").__setitem__(0, "n_features_out_"),
    "a method": lambda forged: forged.part("n_iter_").__setitem__(0, "predict"),
    "an attribute that a class computes": lambda forged: forged.part("n_iter_").__setitem__(0, "early_exit_"),
}  # fmt: skip


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """A saved tree, taken apart."""
    X, y = np.random.default_rng(0).normal(size=(90, 4)) * [1, 10, 100, 1000], np.arange(90) % 3
    model = ea.BonsaiClassifier(depth=1, projection_dim=4, epochs=3, random_state=0).fit(X, y)
    return Saved.read(ea.save(model, tmp_path_factory.mktemp("iris") / "m.edgealgos"))


@pytest.mark.parametrize("change", MEANINGLESS.values(), ids=MEANINGLESS)
def test_a_number_without_a_meaning_is_refused(change, iris, tmp_path):
    forged = iris.copy()
    ea.load(forged.write(tmp_path / "true"))
    change(forged)
    with pytest.raises(ModelFileError, match="forged"):
        ea.load(forged.write(tmp_path / "forged"))


@pytest.mark.parametrize(("name", "value"), [
    ("window_steps", 10**9), ("window_stride", 0), ("window_stride", 5), ("early_exit", {"float": "0x1p-2"}),
    ("early_exit", {"float": "0x1p+10"}), ("hidden_size", 10**6), ("cell", "LSTM"), ("nonlinearity", "relu"),
    ("nonlinearity", {"list": []}),
])  # fmt: skip
def test_a_structure_without_a_meaning_is_refused(name, value, tmp_path):
    path = next(path for path in OLD if path.stem == "fastrnn-windows")
    forged = Saved.read(ea.save(ea.load(path), tmp_path / "true"))
    set_entry("structure_", name, value)(forged)
    with pytest.raises(ModelFileError, match="forged"):
        ea.load(forged.write(tmp_path / "forged"))


@pytest.mark.parametrize(("kind", "name", "change"), [
    ("minmax", "scale_", lambda a: a * 0), ("minmax", "scale_", lambda a: a[:-1]),
    ("minmax", "min_", lambda a: a + np.inf), ("minmax", "min_", lambda a: a + 1e300),
    ("minmax", "data_max_", lambda a: a[None]),
    ("minmax", "scale_", lambda a: a.astype(str)),
])  # fmt: skip
def test_a_scaler_that_goes_with_no_model_is_refused(kind, name, change, tmp_path):
    path = next(path for path in OLD if kind in path.stem)
    forged = Saved.read(ea.save(ea.load(path), tmp_path / "true"))
    pair = next(p for p in next(forged.estimators())["state"]["dict"] if p[0] == name)
    pair[1] = {"array": forged.add_array(change(forged.array(pair[1]["array"])))}
    with pytest.raises(ModelFileError, match="forged"):
        ea.load(forged.write(tmp_path / "forged"))


@pytest.mark.parametrize(("name", "value"), [
    ("step_size_", 10**6), ("n_steps_", 2), ("n_steps_", 10**9), ("window_", 8), ("n_features_in_", 7),
])  # fmt: skip
def test_an_extractor_that_fits_no_samples_is_refused(name, value, tmp_path):
    path = next(path for path in OLD if path.stem == "motion-protonn")
    forged = Saved.read(ea.save(ea.load(path), tmp_path / "true"))
    next(p for p in next(forged.estimators())["state"]["dict"] if p[0] == name)[1] = value
    with pytest.raises(ModelFileError, match="forged"):
        ea.load(forged.write(tmp_path / "forged"))


# ---- sizes -----------------------------------------------------------------------------------------------------------


def header(descr, shape):
    """The head of an array without its data."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


HUGE = {
    "labels of width 0": header("<U0", (10**8,)),
    "labels of no bytes": header("|S0", (10**8,)),
    "rows of no columns": header("<f8", (10**8, 0)),
    "columns of no rows": header("<f8", (0, 10**8)),
    "more than its data": header("<f8", (2**40,)) + bytes(64),
    "negative length": header("<f8", (-1,)),
    "objects": header("|O", (1,)) + bytes(8),
    "records": header([("a", "<f8")], (1,)) + bytes(8),
    "a header of four kilobytes": b"\x93NUMPY\x01\x00" + (4000).to_bytes(2, "little") + b"(" * 4000,
}


@pytest.mark.parametrize("blob", HUGE.values(), ids=HUGE)
def test_an_array_that_is_larger_than_its_file_is_refused_before_memory_is_taken(blob, iris, tmp_path):
    forged = iris.copy()
    i = forged.part("classes_")[1]["array"]
    forged.arrays[i] = blob
    refused_in_little_memory(forged.write(tmp_path / "forged"))


def refused_in_little_memory(path):
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match="forged"):
            ea.load(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def test_a_file_that_unpacks_to_much_more_is_refused_before_it_is_unpacked(iris, tmp_path):
    path = iris.write(tmp_path / "forged")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arrays/bomb.npy", bytes(80 * 2**20))
    refused_in_little_memory(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(method, iris, tmp_path):
    path = iris.write(tmp_path / "forged")
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("arrays/9.npy", bytes(100))
    refused_in_little_memory(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_parts_of_one_name_are_refused(iris, tmp_path):
    path = iris.write(tmp_path / "forged")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("arrays/0.npy", bytes(100))
    refused_in_little_memory(path)


def doubled(name):
    return lambda forged: forged.part(name)[1]["dict"].append(forged.part(name)[1]["dict"][0])


SAID_TWICE = {
    "a weight": doubled("weights_"), "a type": doubled("qtypes_"), "a part of the structure": doubled("structure_"),
    "a part of the history": doubled("history_"),
    "an attribute": lambda forged: next(forged.estimators())["state"]["dict"].append(["n_iter_", 1]),
    "a parameter": lambda forged: next(forged.estimators())["params"]["dict"].append(["sigma", {"float": "0x1p+0"}]),
    "a part of a value": lambda forged: forged.entry("qtypes_", "Z")[1].update(float="0x1p+0"),
    "a part of an estimator": lambda forged: next(forged.estimators()).update(list=[]),
}  # fmt: skip


@pytest.mark.parametrize("change", SAID_TWICE.values(), ids=SAID_TWICE)
def test_what_is_said_twice_is_refused(change, iris, tmp_path):
    forged = iris.copy()
    change(forged)
    with pytest.raises(ModelFileError, match=r"twice|other parts than it has"):
        ea.load(forged.write(tmp_path / "forged"))


@pytest.mark.parametrize("name", ["format", "version", "model", "arrays", "estimator", "dict"])
def test_a_key_of_the_index_that_is_there_twice_is_refused(name, iris, tmp_path):
    text = re.sub(rf'"{name}": ', rf'"{name}": 1, "{name}": ', json.dumps(iris.index), count=1).encode()
    with zipfile.ZipFile(iris.copy().write(tmp_path / "true")) as true, zipfile.ZipFile(tmp_path / "f", "w") as forged:
        for part in true.namelist():
            contents = {"model.json": text, "model.sha256": hashlib.sha256(text).hexdigest()}
            forged.writestr(part, contents.get(part, true.read(part)))
    with pytest.raises(ModelFileError, match="twice"):
        ea.load(tmp_path / "f")


@pytest.mark.parametrize("text", [
    '{"list":[' * 100_000, "[" * 200_000, '{"format": ' + "9" * 5000 + "}", '{"format": 1e999}', '{"version": NaN}',
    "[]", "1", '"edgealgos model"', "{}", '{"format": "edgealgos model", "version": [2]}',
    '{"format": "edgealgos model", "version": true, "arrays": []}',
])  # fmt: skip
def test_an_index_that_is_none_is_refused(text, tmp_path):
    with zipfile.ZipFile(tmp_path / "forged", "w") as archive:
        archive.writestr("model.json", text)
    refused_in_little_memory(tmp_path / "forged")
