"""Arrays of .npz files as samples and targets, in every way they are named; knows no text."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from .content import LARGEST, read_bytes

NAMES = (("X_train", "y_train", "X_test", "y_test"), ("X_train", "y_train"), ("X", "y"), ("data", "target"))
KEPT = ("X", "y", "X_test", "y_test")
_BROKEN = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, MemoryError)


def is_archive_of_arrays(path: str) -> bool:
    """Whether a path is to be read as arrays: by its name, or by what is in it."""
    if Path(path).suffix == ".npz":
        return True
    if not os.path.isfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        return bool(names) and all(name.endswith(".npy") for name in names)
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return False


def read_arrays(path: str) -> dict[str, Any]:
    """``X``, ``y`` and, where there is a test part, ``X_test``, ``y_test``.

    Raises
    ------
    DatasetError
        For a damaged file, other arrays than are needed, and arrays that are no samples.
    """
    read_bytes(path)  # refuses what is no file
    arrays = _load(path)
    folded = {key.casefold(): key for key in arrays}
    for names in NAMES:
        if all(name.casefold() in folded for name in names):
            found = {kept: arrays[folded[name.casefold()]] for kept, name in zip(KEPT, names, strict=False)}
            break
    else:
        listed = ", ".join(arrays) or "none"
        raise DatasetError(f"{path} has the arrays {listed}; needed are X, y or X_train, y_train (and X_test, y_test)")
    for part in ("", "_test") if "X_test" in found else ("",):
        found[f"X{part}"] = _samples(path, f"X{part}", found[f"X{part}"])
        found[f"y{part}"] = _targets(path, f"y{part}", found[f"y{part}"], len(found[f"X{part}"]))
    if "X_test" in found and found["X_test"].shape[1:] != found["X"].shape[1:]:
        raise DatasetError(
            f"{path}: a sample of X_test has the shape {found['X_test'].shape[1:]}, one of X {found['X'].shape[1:]}; "
            "save both parts alike"
        )
    return found


def _load(path: str) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > LARGEST:
                raise DatasetError(f"{path} unpacks to more than {LARGEST >> 20} MB; save a part of the rows")
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(_array(path, file, name)) for name in file.files}
    except _BROKEN as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path} is no intact .npz file ({error}); write it again with numpy.savez") from error


def _array(path: str, file: Any, name: str) -> Any:
    try:
        return file[name]
    except ValueError as error:
        if "pickle" in str(error) or "Object arrays" in str(error):
            raise DatasetError(
                f"{path}: array {name} holds Python objects; save plain numbers or text, for rows of different lengths "
                "padded to one"
            ) from error
        raise


def _samples(path: str, name: str, X: NDArray[Any]) -> NDArray[Any]:
    if X.ndim < 2:
        raise DatasetError(f"{path}: {name} has the shape {X.shape}; samples are rows: (n, n_features) or more")
    if X.dtype.kind not in "biuf":
        raise DatasetError(f"{path}: {name} holds {X.dtype}, no numbers; save it as float or integers")
    if not X.size:
        raise DatasetError(f"{path}: {name} has the shape {X.shape}: there are no values in it")
    X = X.astype(np.int8) if X.dtype.kind == "b" else X
    wrong = np.argwhere(~np.isfinite(X))
    if len(wrong):
        place = wrong[0].tolist()
        raise DatasetError(
            f"{path}: {name}{place} is {X[tuple(place)]}, one of {len(wrong)} values that are no finite numbers; fill "
            "them in or leave out their rows"
        )
    return X


def _targets(path: str, name: str, y: NDArray[Any], count: int) -> NDArray[Any]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and len(y) == count and y.shape[1] > 1 and _is_one_hot(y):
        y = y.argmax(axis=1)
    if y.ndim != 1:
        raise DatasetError(f"{path}: {name} has the shape {y.shape}; it is one label or number a sample")
    if len(y) != count:
        raise DatasetError(f"{path}: there are {count} samples and {len(y)} values in {name}; save as many of each")
    if y.dtype.kind not in "biufUS":
        raise DatasetError(f"{path}: {name} holds {y.dtype}; labels are text or numbers")
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argmin(np.isfinite(y)))
        raise DatasetError(f"{path}: {name}[{row}] is {y[row]}; leave out such rows")
    return y


def _is_one_hot(y: NDArray[Any]) -> bool:
    return y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
