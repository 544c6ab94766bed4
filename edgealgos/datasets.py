"""Loads the field's data sets: from a folder of yours, else from a source with a checksum; knows nothing of models.

``EDGEALGOS_DATA`` may name a folder with files ``<name>.npz`` (arrays ``X_train, y_train, X_test, y_test`` and
those that each loader names). It goes first. Without it USPS, MNIST, Pendigits and Concrete are downloaded once and
kept in scikit-learn's data folder; the other sets have no source with a checksum: their loaders say who made them.
"""

from __future__ import annotations

import bz2
import csv
import hashlib
import io
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml, get_data_home, load_svmlight_file
from sklearn.utils import Bunch

from .errors import DatasetError
from .files import write_file

USPS_URL = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
USPS_MD5 = {"usps.bz2": "ec16c51db3855ca6c91edd34d0e9b197", "usps.t.bz2": "8ea070ee2aca1ac39742fdd1ef5ed118"}
GESTUREPOD_ARCHIVE = "dataTR_v1.tar.gz"
PENDIGITS_TRAIN_COUNTS = (780, 779, 780, 719, 780, 720, 720, 778, 719, 719)
Arrays = dict[str, NDArray[Any]]


def load_usps() -> Bunch:
    """Handwritten digits of the US postal service, official split: 7,291 / 2,007 rows of 256 pixels 0..255.

    Returns
    -------
    Bunch
        ``X_train``, ``y_train``, ``X_test``, ``y_test``. Downloaded from LIBSVM's pages (MD5 checked).
    """
    return _images(_load("usps10", _fetch_usps))


def load_mnist() -> Bunch:
    """MNIST digits, official split: 60,000 / 10,000 rows of 784 pixels 0..255. Downloaded from OpenML (MD5 checked)."""
    return _images(_load("mnist", _fetch_mnist))


def load_pendigits() -> Bunch:
    """Pen strokes of ten digits: 16 integers 0..100, 7,494 / 3,498 rows, other writers in the test part.

    Downloaded from OpenML (MD5 checked); the split is checked by its class counts.
    """
    return _load("pendigits", _fetch_pendigits)


def load_concrete() -> Bunch:
    """Strength of concrete (MPa) from eight properties, 824 / 206 rows (Yeh, 1998).

    Downloaded from OpenML (MD5 checked) and split at random with seed 0. A file of yours keeps its own split.
    """
    return _load("concrete", _fetch_concrete)


def load_smartwatch_har() -> Bunch:
    """Wrist motion, int16 (n, 100, 6) at 100 Hz, five activities, split by person; ``X * scale`` is in SI units."""
    return _load("smartwatch_har", _no_source("github.com/GeoTecINIT/sp-sw-har-dataset, CC BY 4.0"))


def load_magic_wand() -> Bunch:
    """Wand gestures, accelerometer int16 (n, 48, 3) at 25 Hz, four classes, split by person; ``X * scale`` is in g."""
    return _load("magic_wand", _no_source("TensorFlow Lite Micro's magic wand recordings"))


def load_gesturepod_taps() -> Bunch:
    """One stream of a white cane's motion sensor with a double tap: ``X`` int16 (1500, 6) at ``fs`` Hz, no labels."""
    return _load("gesturepod_taps", _no_source("github.com/microsoft/EdgeML, GesturePod, MIT"), ("X", "fs"))


def load_gesturepod(path: str | os.PathLike[str] | None = None) -> Bunch:
    """GesturePod's published recordings of a white cane's motion sensor (Microsoft Research India, MIT licence).

    Parameters
    ----------
    path : path, optional
        The archive ``dataTR_v1.tar.gz``, from microsoft.com/en-us/research/uploads/prod/2018/05/. Default: the file of
        that name in the folder ``EDGEALGOS_DATA``.

    Returns
    -------
    Bunch
        ``recordings``, each a Bunch of ``name``, ``X`` (int16, (n, 6): acceleration with 8192 for 1 g, turns in degrees
        a second), ``label`` (int64, (n,)) and ``millis``; ``label_names``, by number.

    Raises
    ------
    DatasetError
        If there is no archive, or nothing in it that is a recording.
    """
    own = Path(os.environ.get("EDGEALGOS_DATA", ".")) / GESTUREPOD_ARCHIVE
    return read_gesturepod(Path(path) if path is not None else own)


def load_speech_commands() -> Bunch:
    """yes, no, stop, go, unknown, silence: int16 (n, 8000) at 8 kHz, split by speaker."""
    return _load("speech_commands_8k", _no_source("Google Speech Commands v0.02 (test set), CC BY 4.0"))


def load_arabic_commands() -> Bunch:
    """Five Arabic command words: int16 (n, 8000) at 8 kHz, split by speaker, with ``X_val``, ``y_val``."""
    origin = "abdulkaderghandoura/arabic-speech-commands-dataset on GitHub, CC BY 4.0"
    return _load("arabic_commands_8k", _no_source(origin))


def load_fsdd_digits() -> Bunch:
    """Spoken digits: int16 (n, 8000) at 8 kHz, split by speaker."""
    return _load("fsdd_digits_8k", _no_source("github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0"))


def load_air_quality() -> Bunch:
    """CO (mg/m3) from five gas sensors, temperature and humidity, 5,508 / 1,836 hours, split in time (De Vito)."""
    return _load("air_quality_co", _no_source("archive.ics.uci.edu, data set 360 (Air Quality)"))


# ---- where data come from --------------------------------------------------------------------------------------------


def _load(
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


def _images(bunch: Bunch) -> Bunch:
    """Pictures as rows, as scikit-learn's load_digits gives them."""
    for part in ("X_train", "X_test"):
        bunch[part] = bunch[part].reshape(len(bunch[part]), -1)
    return bunch


def _no_source(origin: str) -> Callable[[], Arrays]:
    def refuse() -> Arrays:
        raise DatasetError(
            f"this data set ({origin}) has no source with a checksum that edgealgos could download from; prepare it as "
            "its loader describes, save it with numpy.savez, and name its folder in the variable EDGEALGOS_DATA"
        )

    return refuse


def _fetch_usps() -> Arrays:
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


def _fetch_mnist() -> Arrays:
    X, y = _openml("mnist_784", 1)
    X, y = X.astype(np.uint8), y.astype(np.uint8)
    return {"X_train": X[:60_000], "y_train": y[:60_000], "X_test": X[60_000:], "y_test": y[60_000:]}


def _fetch_pendigits() -> Arrays:
    X, y = _openml("pendigits", 1)
    X, y = X.astype(np.uint8), y.astype(np.uint8)
    if tuple(np.bincount(y[:7494], minlength=10)) != PENDIGITS_TRAIN_COUNTS:
        raise DatasetError("OpenML's pendigits are no longer in the order of the official split; use EDGEALGOS_DATA")
    return {"X_train": X[:7494], "y_train": y[:7494], "X_test": X[7494:], "y_test": y[7494:]}


def _fetch_concrete() -> Arrays:
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


# ---- GesturePod's archive --------------------------------------------------------------------------------------------

_AXES = ("ax", "ay", "az", "gx", "gy", "gz")
_LABEL_NAMES = {
    0: "silence", 1: "noise", 3: "double tap", 4: "right twist", 5: "left twist", 7: "twirl", 9: "double swipe",
}  # fmt: skip
_LABELLED = "_labelled"


def read_gesturepod(path: Path) -> Bunch:
    """Every table of the archive with the six axes and labels; of raw ones those that nobody labelled, as noise.

    Nothing is unpacked: members are read where they are.
    """
    try:
        with tarfile.open(path) as archive:
            tables = {}
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and member.name.endswith(".csv") else None
                if file is not None and "_extracted" not in member.name:
                    tables[member.name] = _motion_table(member.name, file.read())
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DatasetError(
            f"{path} cannot be read ({error}); download {GESTUREPOD_ARCHIVE} from GesturePod's page and pass its path, "
            "or name its folder in the variable EDGEALGOS_DATA"
        ) from error
    stems = {Path(name).stem for name in tables}
    kept = [t for name, t in sorted(tables.items()) if t is not None and f"{Path(name).stem}{_LABELLED}" not in stems]
    if not kept:
        found = ", ".join(tables) or "no tables"
        raise DatasetError(f"{path} holds no tables with the columns {', '.join(_AXES)}, but {found}")
    return Bunch(recordings=kept, label_names=dict(_LABEL_NAMES))


def _motion_table(name: str, content: bytes) -> Bunch | None:
    """One recording, or None for a table of something else."""
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8", errors="replace"))))
    if not rows or not set(_AXES) <= set(rows[0]):
        return None
    has_labels = "mlabel" in rows[0]
    try:
        X = np.array([[float(row[axis]) for axis in _AXES] for row in rows])
        label = np.array([int(float(row["mlabel"])) if has_labels else 1 for row in rows])
        millis = np.array([float(row.get("millis") or 0) for row in rows])
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{name} in the archive has a row that is no reading ({error}); remove it") from error
    if np.abs(X).max() > 32768 or not set(label.tolist()) <= set(_LABEL_NAMES):
        raise DatasetError(f"{name} in the archive holds readings beyond 16 bits or unknown labels; remove that table")
    samples = np.clip(np.rint(X), -32768, 32767).astype(np.int16)
    return Bunch(name=Path(name).stem.removesuffix(_LABELLED), X=samples, label=label, millis=millis)
