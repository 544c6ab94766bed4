"""One file of an index and arrays: a zip without dates, limits on every size, digests; knows nothing of models."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFileError

INDEX, DIGEST = "model.json", "model.sha256"
LARGEST_FILE = 64 * 2**20  # bytes: far above any model for a microcontroller, far below a computer's memory
ALLOWANCE, LARGEST_RATIO = 2 * 2**20, 300  # unpacked bytes of any file, and more for each of its own
MOST_MEMBERS = 4096
LONGEST_INTEGER = 40  # digits
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def pack(index: Mapping[str, Any], arrays: list[NDArray[Any]]) -> bytes:
    """The bytes of a file; equal contents give equal bytes."""
    blobs = [_array_bytes(array) for array in arrays]
    index = {**index, "arrays": [hashlib.sha256(blob).hexdigest() for blob in blobs]}
    text = json.dumps(index, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(text).hexdigest().encode()
    members = {INDEX: text, DIGEST: digest} | {_array_name(i): blob for i, blob in enumerate(blobs)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack(blob: bytes) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """Index and arrays of a file; ModelFileError for what is too large or was altered."""
    members = _members(blob)
    text = members.pop(INDEX)
    index = json.loads(
        text, parse_int=_integer, parse_float=_refused, parse_constant=_refused, object_pairs_hook=_object
    )
    if not isinstance(index, dict):
        raise ModelFileError("is no edgealgos model file")
    digest = members.pop(DIGEST, None)
    if index.get("version") != 1 and digest != hashlib.sha256(text).hexdigest().encode():  # version 1 has none
        raise ModelFileError(f"{INDEX} was altered; save the model again")
    digests = {_array_name(i): digest for i, digest in enumerate(index["arrays"])}
    if set(digests) != set(members):
        raise ModelFileError("has missing or additional arrays; save the model again")
    for name, data in members.items():
        if hashlib.sha256(data).hexdigest() != digests[name]:
            raise ModelFileError(f"array {name} was altered; save the model again")
    return index, [_read_array(members[_array_name(i)]) for i in range(len(members))]


def _members(blob: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        infos = archive.infolist()
        size, most = sum(info.file_size for info in infos), min(ALLOWANCE + LARGEST_RATIO * len(blob), 4 * LARGEST_FILE)
        if size > most or len(infos) > MOST_MEMBERS:
            raise ModelFileError(f"claims {len(infos)} parts of {size} bytes unpacked, more than any such model has")
        if len({info.filename for info in infos}) != len(infos) or any(i.compress_type not in METHODS for i in infos):
            raise ModelFileError("is packed as no edgealgos packs its models")
        return {info.filename: archive.read(info) for info in infos}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ModelFileError("says something twice")
    return found


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ModelFileError(f"holds an integer of {len(text)} digits")
    return int(text)


def _refused(text: str) -> Any:
    raise ModelFileError(f"holds {text[:LONGEST_INTEGER]!r}, which is no number of this format")


# ---- arrays ----------------------------------------------------------------------------------------------------------


def _array_name(index: int) -> str:
    return f"arrays/{index}.npy"


def _array_bytes(value: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(value).reshape(value.shape), allow_pickle=False)
    return buffer.getvalue()


def _read_array(data: bytes) -> NDArray[Any]:
    """An array of plain numbers or strings whose size in the header is the size of its data."""
    stream = io.BytesIO(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ModelFileError(f"holds an array of .npy version {version}")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    plain = dtype.kind in "biufUS" and dtype.itemsize > 0 and (shape == (0,) or all(length > 0 for length in shape))
    if not plain or prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ModelFileError(f"holds an array whose header ({shape}, {dtype}) does not match its data")
    stream.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return array
