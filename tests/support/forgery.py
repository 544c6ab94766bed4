"""Opens saved models, changes what they say, and packs them again with digests that agree: what a forger would do."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

INDEX, DIGEST = "model.json", "model.sha256"


@dataclass
class Saved:
    """A file taken apart: the index, and the bytes of each array."""

    index: dict[str, Any]
    arrays: list[bytes] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Saved:
        """Take a file apart."""
        with zipfile.ZipFile(path) as archive:
            index = json.loads(archive.read(INDEX))
            return cls(index, [archive.read(f"arrays/{i}.npy") for i in range(len(index["arrays"]))])

    def copy(self) -> Saved:
        """Another one."""
        return Saved(copy.deepcopy(self.index), list(self.arrays))

    def write(self, path: Path) -> Path:
        """Pack it, with digests of what it holds now."""
        self.index["arrays"] = [hashlib.sha256(blob).hexdigest() for blob in self.arrays]
        text = json.dumps(self.index).encode("utf-8", "surrogatepass")
        members = {INDEX: text, DIGEST: hashlib.sha256(text).hexdigest().encode()}
        if self.index.get("version") == 1:
            del members[DIGEST]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
            for i, blob in enumerate(self.arrays):
                archive.writestr(f"arrays/{i}.npy", blob)
        return path

    def array(self, i: int) -> np.ndarray:
        """One of the arrays."""
        return np.load(io.BytesIO(self.arrays[i]), allow_pickle=False)

    def set_array(self, i: int, values: np.ndarray) -> None:
        """Put other values in its place."""
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        self.arrays[i] = buffer.getvalue()

    def add_array(self, values: np.ndarray) -> int:
        """One more; its number."""
        self.arrays.append(b"")
        self.set_array(len(self.arrays) - 1, values)
        return len(self.arrays) - 1

    # ------------------------------------------------------------------ what the model says

    def estimators(self) -> Iterator[dict[str, Any]]:
        """Every estimator's record, the last step of a Pipeline last."""
        model = self.index["model"]
        yield from (step for _, step in model["pipeline"] if isinstance(step, dict)) if "pipeline" in model else [model]

    def part(self, name: str, part: str = "state") -> list[Any]:
        """The [key, value] pair of a fitted attribute (or parameter) of the last estimator."""
        record = list(self.estimators())[-1][part]["dict"]
        return next(pair for pair in record if pair[0] == name)

    def entry(self, name: str, key: str) -> list[Any]:
        """The [key, value] pair of an entry of a fitted dict, such as one weight."""
        return next(pair for pair in self.part(name)[1]["dict"] if pair[0] == key)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every node of a piece of JSON."""
    yield at
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*at, key))


def node(value: Any, path: tuple[Any, ...]) -> Any:
    """The node at a path."""
    for key in path:
        value = value[key]
    return value
