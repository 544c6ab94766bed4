"""Loaders prefer the user's folder, keep what they download, and refuse what is not what it should be."""

from __future__ import annotations

import bz2
import hashlib
import io
import tarfile

import numpy as np
import pytest
from sklearn.utils import Bunch

from edgealgos import EdgeAlgosError, datasets
from edgealgos.datasets import fetch

LOADERS = {
    "usps10": datasets.load_usps,
    "mnist": datasets.load_mnist,
    "pendigits": datasets.load_pendigits,
    "concrete": datasets.load_concrete,
    "smartwatch_har": datasets.load_smartwatch_har,
    "magic_wand": datasets.load_magic_wand,
    "gesturepod_taps": datasets.load_gesturepod_taps,
    "speech_commands_8k": datasets.load_speech_commands,
    "arabic_commands_8k": datasets.load_arabic_commands,
    "fsdd_digits_8k": datasets.load_fsdd_digits,
    "air_quality_co": datasets.load_air_quality,
}


@pytest.fixture(autouse=True)
def own_homes(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEALGOS_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "kept"))
    (tmp_path / "own").mkdir()


@pytest.mark.parametrize("name", LOADERS)
def test_a_folder_of_ones_own_goes_first(name, tmp_path):
    arrays = {"X_train": np.zeros((3, 2, 2), np.int16), "X_test": np.ones((1, 2, 2), np.int16),
              "y_train": np.zeros(3, np.uint8), "y_test": np.zeros(1, np.uint8),
              "X": np.zeros((5, 6), np.int16), "fs": np.array(100.0)}  # fmt: skip
    np.savez(tmp_path / "own" / f"{name}.npz", **arrays)
    data = LOADERS[name]()
    assert data.y_train.shape == (3,)
    assert data.X_train.shape == ((3, 4) if name in ("usps10", "mnist") else (3, 2, 2))


@pytest.mark.parametrize("name", sorted(set(LOADERS) - {"usps10", "mnist", "pendigits", "concrete"}))
def test_without_a_source_the_loader_says_what_to_do(name):
    with pytest.raises(EdgeAlgosError, match="EDGEALGOS_DATA"):
        LOADERS[name]()


def test_files_that_are_broken_or_incomplete(tmp_path):
    path = tmp_path / "own" / "mnist.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(EdgeAlgosError, match="cannot be read"):
        datasets.load_mnist()
    np.savez(path, X_train=np.zeros((1, 4)))
    with pytest.raises(EdgeAlgosError, match="lacks the arrays y_train"):
        datasets.load_mnist()


def libsvm_file(path, labels, value):
    """A compressed file as LIBSVM's pages offer; returns its MD5."""
    lines = [f"{label} " + " ".join(f"{i}:{value}" for i in range(1, 257)) for label in labels]
    path.write_bytes(bz2.compress("\n".join(lines).encode()))
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_usps_is_downloaded_checked_and_kept(tmp_path, monkeypatch):
    sums = {"usps.bz2": libsvm_file(tmp_path / "usps.bz2", [1, 10], -1),
            "usps.t.bz2": libsvm_file(tmp_path / "usps.t.bz2", [5], 1)}  # fmt: skip
    monkeypatch.setattr(fetch, "USPS_URL", f"{tmp_path.as_uri()}/")
    monkeypatch.setattr(fetch, "USPS_MD5", sums)
    data = datasets.load_usps()
    assert data.X_train.shape == (2, 256)
    assert data.X_train.max() == 0
    assert data.X_test.min() == 255
    assert data.y_train.tolist() == [0, 9]
    monkeypatch.setattr(fetch, "USPS_URL", "file:///nowhere/")
    assert datasets.load_usps().y_test.tolist() == [4]


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    libsvm_file(tmp_path / "usps.bz2", [1], 0)
    monkeypatch.setattr(fetch, "USPS_URL", f"{tmp_path.as_uri()}/")
    with pytest.raises(EdgeAlgosError, match="MD5"):
        datasets.load_usps()
    monkeypatch.setattr(fetch, "USPS_URL", f"{tmp_path.as_uri()}/nowhere/")
    with pytest.raises(EdgeAlgosError, match="did not answer"):
        datasets.load_usps()


def openml(monkeypatch, X, y):
    monkeypatch.setattr(fetch, "fetch_openml", lambda *args, **kw: Bunch(data=X, target=y))


def test_sets_from_openml(monkeypatch):
    openml(monkeypatch, np.zeros((70_000, 4)), np.array(["3"] * 70_000))
    assert datasets.load_mnist().X_test.shape == (10_000, 4)
    y = np.repeat(np.arange(10), fetch.PENDIGITS_TRAIN_COUNTS)
    openml(monkeypatch, np.zeros((10_992, 16)), np.concatenate([y, np.zeros(3498, int)]).astype(str))
    assert datasets.load_pendigits().X_train.shape == (7494, 16)
    openml(monkeypatch, np.zeros((1030, 9)), None)
    assert datasets.load_concrete().X_train.shape == (824, 8)


def test_pendigits_in_another_order_are_refused(monkeypatch):
    openml(monkeypatch, np.zeros((10_992, 16)), np.zeros(10_992))
    with pytest.raises(EdgeAlgosError, match="order"):
        datasets.load_pendigits()


def test_openml_out_of_reach(monkeypatch):
    def unreachable(*args, **kw):
        raise OSError("no route")

    monkeypatch.setattr(fetch, "fetch_openml", unreachable)
    with pytest.raises(EdgeAlgosError, match="no route"):
        datasets.load_mnist()


# ---- GesturePod's archive ----


def archive(path, tables):
    """A tar of CSV tables."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in tables.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def table(labels, head="millis,ax,ay,az,gx,gy,gz,toggle,mlabel"):
    rows = [f"{10 * i},{i},-8192,{-i},1,-2.0,3,0,{label}" for i, label in enumerate(labels)]
    return "\n".join([head, *rows]) + "\n"


RAW = "millis,ax,ay,az,gx,gy,gz,toggle\n" + "".join(f"{10 * i},1,2,3,4,5,6,0\n" for i in range(5))
TABLES = {
    "data/raw_data/ann.csv": RAW,
    "data/raw_data/stairs.csv": RAW,
    "data/labelled_data/ann_labelled.csv": table([0, 3, 3, 3, 9]),
    "data/extracted_data/ann_labelled_extracted.csv": table([3, 3]),
    "data/_train.csv": "label,bin_0_norm_ax\n3,12\n",
    "data/README": "not a table",
}


def test_gesturepods_archive(tmp_path):
    data = datasets.load_gesturepod(archive(tmp_path / "dataTR_v1.tar.gz", TABLES))
    ann, stairs = data.recordings
    assert (ann.name, stairs.name) == ("ann", "stairs")
    assert ann.X.dtype == np.int16
    assert ann.X[2].tolist() == [2, -8192, -2, 1, -2, 3]
    assert [data.label_names[v] for v in ann.label.tolist()] == [
        "silence", "double tap", "double tap", "double tap", "double swipe",
    ]  # fmt: skip
    assert set(stairs.label.tolist()) == {1}
    assert stairs.millis[-1] == 40


def test_gesturepods_archive_in_ones_own_folder(tmp_path):
    archive(tmp_path / "own" / "dataTR_v1.tar.gz", TABLES)
    assert len(datasets.load_gesturepod().recordings) == 2


@pytest.mark.parametrize(
    ("tables", "match"),
    [
        ({"a/README": "x"}, "but no tables"),
        ({"a.csv": "millis,ax\n1,2\n"}, "no tables with the columns"),
        ({"a_labelled.csv": table([0, 77])}, "unknown labels"),
        ({"a_labelled.csv": table([0]) + "10,1,2\n"}, "no reading"),
        ({"a.csv": RAW.replace("1,2,3", "1,99999,3")}, "beyond 16 bits"),
    ],
)
def test_archives_that_are_none(tmp_path, tables, match):
    with pytest.raises(EdgeAlgosError, match=match):
        datasets.load_gesturepod(archive(tmp_path / "a.tar.gz", tables))


def test_no_archive_and_half_an_archive(tmp_path):
    with pytest.raises(EdgeAlgosError, match="GesturePod's page"):
        datasets.load_gesturepod()
    whole = archive(tmp_path / "a.tar.gz", {"a_labelled.csv": table([0, 3] * 2000)}).read_bytes()
    (tmp_path / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EdgeAlgosError, match="cannot be read"):
        datasets.load_gesturepod(tmp_path / "half.tar.gz")
