"""Saves fitted estimators and Pipelines to one versioned file and loads them; loading runs no code from the file.

A file holds the model: parameters, numbers on their grids, types, structure. What packing makes of it is found anew
when it is loaded, so a file outlives the packer. No pickle: classes come from a fixed list, values from a fixed set of
kinds, and each number is checked for what it means. Knows estimators and scalers, nothing of TensorFlow or C++.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from ..errors import EdgeAlgosError, ModelFileError
from ..files import what_is, write_file
from .container import LARGEST_FILE, pack, unpack
from .kinds import check_kind
from .meaning import check
from .values import Reader, Writer
from .versions import READERS

FORMAT, VERSION = "edgealgos model", 2


def save(model: BaseEstimator, path: str | Path) -> Path:
    """Write a fitted estimator or Pipeline to a file.

    The file appears whole or not at all: when writing fails, an older file of that name stays as it was. The same
    model gives the same bytes.

    Parameters
    ----------
    model : estimator or Pipeline
        Fitted; a Pipeline may hold the scalers and transformers that also compile.
    path : str or Path
        By custom ``*.edgealgos``. Parameters that only training needs, `teacher` and `augment`, are not written.

    Returns
    -------
    Path

    Raises
    ------
    EdgeAlgosError
        For a kind of model that cannot be saved, or a place that cannot be written.
    sklearn.exceptions.NotFittedError

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from edgealgos import BoostedTreesClassifier, load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BoostedTreesClassifier(n_estimators=3, max_depth=2, learning_rate=0.5).fit(X, y)
    >>> again = load(save(model, "iris.edgealgos"))
    >>> bool((again.predict(X) == model.predict(X)).all())
    True
    """
    check_kind(model)
    if not isinstance(path, (str, os.PathLike)):
        raise EdgeAlgosError(f"a model is saved to a path, not to a {type(path).__name__}; give the name of a file")
    writer = Writer()
    index = {"format": FORMAT, "version": VERSION, "model": writer.encode(model)}
    return write_file(path, pack(index, writer.arrays))


def load(path: str | Path) -> Any:
    """Read back what :func:`save` wrote, in this version of edgealgos or an earlier one.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    estimator or Pipeline
        Fitted; predicts and compiles without TensorFlow.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, altered, or written by a later version.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from edgealgos import BoostedTreesClassifier, load, save
    >>> model = BoostedTreesClassifier(n_estimators=3, max_depth=2, learning_rate=0.5).fit(*load_iris(return_X_y=True))
    >>> path = save(model, "iris.edgealgos")
    >>> load(path).model_bytes_ == model.model_bytes_
    True
    """
    blob = _read(path)
    try:
        return _parse(blob)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    except Exception as error:  # whatever a forged file makes Python, NumPy or scikit-learn say
        raise ModelFileError(
            f"{path} is not an intact edgealgos model ({type(error).__name__}: {str(error)[:200]}); save it again"
        ) from error


def _read(path: str | Path) -> bytes:
    found = what_is(path)
    if found not in (None, "a file"):
        raise ModelFileError(f"cannot read {path}: it is {found}, not a file; check the path")
    try:
        size = os.stat(path).st_size
        if size > LARGEST_FILE:
            raise ModelFileError(f"{path} has {size} bytes, more than any model for a microcontroller")
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelFileError(f"cannot read {path}: {reason}; check the path") from error


def _parse(blob: bytes) -> Any:
    index, arrays = unpack(blob)
    if index.get("format") != FORMAT:
        raise ModelFileError("is no edgealgos model file")
    version = index.get("version")
    if type(version) is not int or version not in READERS:
        raise ModelFileError(
            f"has format version {version!r}, this edgealgos reads versions up to {VERSION}; update edgealgos"
        )
    reader: Reader = READERS[version](arrays)
    model = reader.decode(index["model"])
    if not isinstance(model, BaseEstimator):
        raise ModelFileError("holds no model")
    check(model)
    return model
