"""Where the field's data sets come from: the user's folder, an earlier download, or a source with a checksum."""

from __future__ import annotations

import bz2
import hashlib
import io
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml, get_data_home, load_svmlight_file
from sklearn.utils import Bunch

from ..errors import DatasetError
from ..files import write_file

USPS_URL = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
USPS_MD5 = {"usps.bz2": "ec16c51db3855ca6c91edd34d0e9b197", "usps.t.bz2": "8ea070ee2aca1ac39742fdd1ef5ed118"}
PENDIGITS_TRAIN_COUNTS = (780, 779, 780, 719, 780, 720, 720, 778, 719, 719)
Arrays = dict[str, NDArray[Any]]


def load_set(
    name: str, fetch: Callable[[], Arrays], needed: tuple[str, ...] = ("X_train", "y_train", "X_test", "y_test")
) -> Bunch:
    """The user's file, else what was kept of an earlier download, else the download."""
    own = os.environ.get("EDGEALGOS_DATA")
    kept = Path(get_data_home()) / "edgealgos" / f"{name}.npz"
    if own and (Path(own) / f"{name}.npz").exists():
        return _read(Path(own) / f"{name}.npz", needed)
    if kept.exists():
        return _read(kept, needed)
    arrays = fetch()
    kept.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    write_file(kept, packed.getvalue())
    return Bunch(**arrays)


def _read(path: Path, needed: tuple[str, ...]) -> Bunch:
    try:
        with np.load(path, allow_pickle=False) as file:
            bunch = Bunch(**{key: file[key] for key in file.files})
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); remove it or replace it") from error
    missing = [key for key in needed if key not in bunch]
    if missing:
        raise DatasetError(f"{path} lacks the arrays {', '.join(missing)}; it has {', '.join(bunch) or 'none'}")
    return bunch


def no_source(origin: str) -> Callable[[], Arrays]:
    def refuse() -> Arrays:
        raise DatasetError(
            f"this data set ({origin}) has no source with a checksum that edgealgos could download from; prepare it as "
            "its loader describes, save it with numpy.savez, and name its folder in the variable EDGEALGOS_DATA"
        )

    return refuse


def fetch_usps() -> Arrays:
    arrays: Arrays = {}
    for part, name in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        text = bz2.decompress(download(USPS_URL + name, USPS_MD5[name]))
        with tempfile.TemporaryFile() as file:
            file.write(text)
            file.seek(0)
            values, labels = load_svmlight_file(file, n_features=256)
        # -1..1 came from 0..255; labels 1..10 are the digits 0..9
        arrays[f"X_{part}"] = np.rint((values.toarray() + 1) * 127.5).astype(np.uint8)
        arrays[f"y_{part}"] = (labels - 1).astype(np.uint8)
    return arrays


def fetch_mnist() -> Arrays:
    X, y = _openml("mnist_784", 1)
    X, y = X.astype(np.uint8), y.astype(np.uint8)
    return {"X_train": X[:60_000], "y_train": y[:60_000], "X_test": X[60_000:], "y_test": y[60_000:]}


def fetch_pendigits() -> Arrays:
    X, y = _openml("pendigits", 1)
    X, y = X.astype(np.uint8), y.astype(np.uint8)
    if tuple(np.bincount(y[:7494], minlength=10)) != PENDIGITS_TRAIN_COUNTS:
        raise DatasetError("OpenML's pendigits are no longer in the order of the official split; use EDGEALGOS_DATA")
    return {"X_train": X[:7494], "y_train": y[:7494], "X_test": X[7494:], "y_test": y[7494:]}


def fetch_concrete() -> Arrays:
    table = _fetch_openml("Concrete_Data", 1).data
    table = np.asarray(table, dtype=np.float32)
    order = np.random.default_rng(0).permutation(len(table))
    train, test = order[:824], order[824:]
    return {
        "X_train": table[train, :8], "y_train": table[train, 8], "X_test": table[test, :8], "y_test": table[test, 8],
    }  # fmt: skip


def _openml(name: str, version: int) -> tuple[NDArray[Any], NDArray[Any]]:
    found = _fetch_openml(name, version)
    return np.asarray(found.data, dtype=np.float64), np.asarray(found.target)


def _fetch_openml(name: str, version: int) -> Bunch:
    """OpenML through scikit-learn, which checks the MD5 sum that OpenML states."""
    try:
        return fetch_openml(name, version=version, as_frame=False, parser="liac-arff")
    except (OSError, ValueError) as error:
        raise DatasetError(f"OpenML did not give {name!r} ({error}); try again later or set EDGEALGOS_DATA") from error


def download(url: str, md5: str, timeout: float = 60.0) -> bytes:
    """The bytes behind a URL, if their MD5 sum is the expected one.

    Raises
    ------
    DatasetError
        When there is no answer, or another file than expected.

    Examples
    --------
    >>> import hashlib
    >>> from pathlib import Path
    >>> from edgealgos.datasets import download
    >>> _ = Path("rows.csv").write_bytes(b"1,2,oak")  # any URL: here that of a file
    >>> download(Path("rows.csv").absolute().as_uri(), hashlib.md5(b"1,2,oak").hexdigest())
    b'1,2,oak'
    """
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            data: bytes = answer.read()
    except (OSError, urllib.error.URLError) as error:
        raise DatasetError(f"{url} did not answer ({error}); try again later or set EDGEALGOS_DATA") from error
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise DatasetError(f"{url} gave a file with MD5 {found}, expected {md5}; it was not used")
    return data
