"""Saves fitted estimators and Pipelines to one versioned file and loads them; loading runs no code from the file.

The file is a zip of ``model.json`` (structure, parameters, digests) and ``.npy`` arrays. No pickle: classes come from a
fixed list, values from a fixed set of kinds. Knows estimators and scalers, nothing of TensorFlow or C++.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from .codegen.passes import model_bytes, to_integer
from .codegen.program.encoding import InputEncoding
from .codegen.program.qtype import QType
from .errors import EdgeAlgosError, ModelFileError
from .estimators.base import EdgeEstimator
from .estimators.bonsai import BonsaiClassifier, BonsaiRegressor
from .estimators.fastgrnn import FastGRNNClassifier, FastGRNNRegressor, FastRNNClassifier
from .estimators.protonn import ProtoNNClassifier, ProtoNNRegressor
from .estimators.shared import TRAINING_ONLY
from .features import LogMel, MotionFeatures
from .files import write_file

FORMAT, VERSION = "edgealgos model", 1
INDEX = "model.json"
LARGEST_FILE = 256 * 2**20  # unpacked bytes: far above any model for a microcontroller, far below a computer's memory
LARGEST_INDEX = 64 * 2**20
_CLASSES: dict[str, type[BaseEstimator]] = {
    kind.__name__: kind
    for kind in (
        BonsaiClassifier, BonsaiRegressor, ProtoNNClassifier, ProtoNNRegressor, FastGRNNClassifier, FastGRNNRegressor,
        FastRNNClassifier, StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, LogMel, MotionFeatures,
    )
}  # fmt: skip
_FITTED = re.compile(r"[A-Za-z][A-Za-z0-9_]*_")
_UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, EOFError, RecursionError, RuntimeError,
    NotImplementedError, MemoryError, AssertionError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


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
    """
    check_is_fitted(model)
    path = Path(path)
    writer = _Writer()
    index = {"format": FORMAT, "version": VERSION, "model": writer.encode(model)}
    index["arrays"] = [hashlib.sha256(data).hexdigest() for data in writer.arrays]
    text = json.dumps(index, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8")
    members = {INDEX: text} | {_array_name(i): data for i, data in enumerate(writer.arrays)}
    return write_file(path, _zip(members))


def load(path: str | Path) -> Any:
    """Read back what :func:`save` wrote.

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
    """
    path = Path(path)
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    try:
        return _parse(blob)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    except _UNREADABLE as error:
        raise ModelFileError(
            f"{path} is not an intact edgealgos model ({type(error).__name__}: {error}); save the model again"
        ) from error


def _parse(blob: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        if sum(sizes.values()) > LARGEST_FILE or sizes.get(INDEX, 0) > LARGEST_INDEX:
            raise ModelFileError(f"claims {sum(sizes.values())} bytes unpacked, more than any model for such a board")
        members = {name: archive.read(name) for name in sizes}
    index = json.loads(members.pop(INDEX))
    if index.get("format") != FORMAT:
        raise ModelFileError("is no edgealgos model file")
    if index.get("version") != VERSION:
        raise ModelFileError(
            f"has format version {index.get('version')!r}, this edgealgos reads version {VERSION}; update edgealgos"
        )
    digests = {_array_name(i): digest for i, digest in enumerate(index["arrays"])}
    if set(digests) != set(members):
        raise ModelFileError("has missing or additional arrays; save the model again")
    for name, data in members.items():
        if hashlib.sha256(data).hexdigest() != digests[name]:
            raise ModelFileError(f"array {name} was altered; save the model again")
    arrays = [_read_array(members[_array_name(i)]) for i in range(len(members))]
    model = _Reader(arrays).decode(index["model"])
    if not isinstance(model, BaseEstimator):
        raise ModelFileError("holds no model")
    _check_consistent(model)
    return model


def _check_consistent(model: BaseEstimator) -> None:
    """A model that loads must also run: its program verifies and takes the bytes that it says."""
    estimator = model.steps[-1][1] if isinstance(model, Pipeline) else model
    if isinstance(estimator, EdgeEstimator):
        size = model_bytes(to_integer(estimator.to_program()))
        if size != estimator.model_bytes_:
            raise ModelFileError(f"says {estimator.model_bytes_} model bytes and holds {size}; save the model again")


# ---- values ----------------------------------------------------------------------------------------------------------


class _Writer:
    """Turns values into JSON and a list of .npy blobs; what it cannot express it refuses."""

    def __init__(self) -> None:
        self.arrays: list[bytes] = []

    def encode(self, value: Any) -> Any:
        """JSON for one value: plain scalars as they are, everything else an object with one telling key."""
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float) and not isinstance(value, np.generic):
            return {"float": value.hex()}
        if isinstance(value, (list, tuple)):
            return {type(value).__name__: [self.encode(v) for v in value]}
        if isinstance(value, dict):
            return {"dict": [[self.encode(k), self.encode(v)] for k, v in value.items()]}
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if isinstance(value, np.ndarray):
            if value.dtype == object:
                return {"objects": [self.encode(v) for v in value.ravel().tolist()], "shape": list(value.shape)}
            return {"array": self._array(value)}
        return self._encode_object(value)

    def _encode_object(self, value: Any) -> Any:
        if isinstance(value, QType):
            return {"qtype": [value.bits, value.frac]}
        if isinstance(value, InputEncoding):
            fields = (value.offset, value.scale, value.low, value.high, value.qtype)
            return {"encoding": [self.encode(v) for v in fields]}
        if isinstance(value, np.random.RandomState):
            return {"random_state": self.encode(value.get_state(legacy=True))}
        if isinstance(value, Pipeline):
            return {"pipeline": [[name, self.encode(step)] for name, step in value.steps]}
        if _CLASSES.get(type(value).__name__) is type(value):
            state = {k: v for k, v in vars(value).items() if _FITTED.fullmatch(k)}
            return {
                "estimator": type(value).__name__,
                "params": self.encode(_kept_parameters(value)),
                "state": self.encode(state),
            }
        raise EdgeAlgosError(
            f"a {type(value).__name__} cannot be saved. Can be saved: Pipelines of {', '.join(sorted(_CLASSES))}. "
            "Save the model without it."
        )

    def _array(self, value: NDArray[Any]) -> int:
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(value).reshape(value.shape), allow_pickle=False)
        self.arrays.append(buffer.getvalue())
        return len(self.arrays) - 1


def _kept_parameters(value: BaseEstimator) -> dict[str, Any]:
    """Parameters without the objects that only training needs; a loaded model has the defaults there."""
    drop = TRAINING_ONLY if isinstance(value, EdgeEstimator) else ()
    return {k: v for k, v in value.get_params(deep=False).items() if k not in drop or v is None or isinstance(v, str)}


class _Reader:
    """Turns JSON and arrays back into values; each kind builds exactly one harmless type."""

    def __init__(self, arrays: list[NDArray[Any]]) -> None:
        self.arrays = arrays

    def decode(self, value: Any) -> Any:
        """The value of one piece of JSON."""
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if not isinstance(value, dict) or not value:
            raise ModelFileError(f"holds a value of unknown kind: {str(value)[:40]!r}")
        kind = next(iter(value))
        decoder = getattr(self, f"_{kind}", None) if kind in _KINDS else None
        if decoder is None:
            raise ModelFileError(f"holds a value of unknown kind: {kind!r}")
        return decoder(value)

    def _float(self, value: dict[str, Any]) -> float:
        return float.fromhex(value["float"])

    def _list(self, value: dict[str, Any]) -> list[Any]:
        return [self.decode(v) for v in value["list"]]

    def _tuple(self, value: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(self.decode(v) for v in value["tuple"])

    def _dict(self, value: dict[str, Any]) -> dict[Any, Any]:
        return {self.decode(k): self.decode(v) for k, v in value["dict"]}

    def _array(self, value: dict[str, Any]) -> NDArray[Any]:
        return self.arrays[_whole(value["array"])]

    def _scalar(self, value: dict[str, Any]) -> Any:
        return self.arrays[_whole(value["scalar"])][()]

    def _objects(self, value: dict[str, Any]) -> NDArray[Any]:
        out = np.empty(len(value["objects"]), dtype=object)
        out[:] = [self.decode(v) for v in value["objects"]]
        return out.reshape([_whole(n) for n in value["shape"]])

    def _qtype(self, value: dict[str, Any]) -> QType:
        bits, frac = value["qtype"]
        if not (2 <= _whole(bits) <= 32 and isinstance(frac, int) and abs(frac) < 1024):
            raise ModelFileError(f"holds an impossible number type: {bits} bits, {frac} fractional")
        return QType(bits, frac)

    def _encoding(self, value: dict[str, Any]) -> InputEncoding:
        offset, scale, low, high, qtype = (self.decode(v) for v in value["encoding"])
        sound = isinstance(low, int) and isinstance(high, int) and isinstance(qtype, QType)
        if not sound or not (qtype.low <= low <= high <= qtype.high) or offset.shape != scale.shape:
            raise ModelFileError("holds an impossible input encoding")
        return InputEncoding(offset.astype(np.float64), scale.astype(np.float32), low, high, qtype)

    def _random_state(self, value: dict[str, Any]) -> np.random.RandomState:
        state = np.random.RandomState()
        state.set_state(self.decode(value["random_state"]))
        return state

    def _pipeline(self, value: dict[str, Any]) -> Pipeline:
        return Pipeline([(str(name), self.decode(step)) for name, step in value["pipeline"]])

    def _estimator(self, value: dict[str, Any]) -> BaseEstimator:
        name = value["estimator"]
        if name not in _CLASSES:
            raise ModelFileError(f"holds a {name!r}, which this edgealgos does not know; update edgealgos")
        estimator = _CLASSES[name](**self.decode(value["params"]))
        state = self.decode(value["state"])
        if isinstance(estimator, EdgeEstimator) and "structure_" not in state:
            state["structure_"] = _structure_of(estimator, state)
        for attribute, content in state.items():
            if not _FITTED.fullmatch(attribute) or callable(getattr(type(estimator), attribute, None)):
                raise ModelFileError(f"sets {attribute!r} of {name}, which is no fitted attribute")
            setattr(estimator, attribute, content)
        return estimator


def _structure_of(estimator: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The structure of a model that was saved without one."""
    weights = state["weights_"]
    if isinstance(estimator, (BonsaiClassifier, BonsaiRegressor)):
        return {"projection_dim": len(weights["Z"]), "depth": (len(weights["W"]) + 1).bit_length() - 2}
    if isinstance(estimator, (ProtoNNClassifier, ProtoNNRegressor)):
        return {"projection_dim": len(weights["W"]), "n_prototypes": len(weights["B"])}
    ranks = {f"rank_{m.lower()}": len(weights[f"{m}2"]) if f"{m}2" in weights else None for m in "WU"}
    cell = "FastGRNN" if "zeta" in weights else "FastRNN"
    structure = {"hidden_size": weights["FC"].shape[1], **ranks, "cell": cell, "nonlinearity": estimator.nonlinearity}
    width = getattr(estimator, "window_steps", None)
    if width is None:
        return structure
    stride = estimator.window_stride or width // 2 or 1
    return structure | {"window_steps": width, "window_stride": stride, "early_exit": state.pop("early_exit_")}


_KINDS = frozenset({
    "float", "list", "tuple", "dict", "array", "scalar", "objects", "qtype", "encoding", "random_state", "pipeline",
    "estimator",
})  # fmt: skip


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ModelFileError(f"holds {value!r} where a count belongs")
    return value


# ---- bytes -----------------------------------------------------------------------------------------------------------


def _array_name(index: int) -> str:
    return f"arrays/{index}.npy"


def _read_array(data: bytes) -> NDArray[Any]:
    """An array of plain numbers or strings whose size in the header is the size of its data."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ModelFileError(f"holds an array of .npy version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in "biufUS" or prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ModelFileError(f"holds an array whose header ({shape}, {dtype}) does not match its data")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def _zip(members: dict[str, bytes]) -> bytes:
    """Zip without dates, so that equal models are equal files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
