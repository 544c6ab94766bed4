"""Tensors: a name, a shape, a type and where it lives; knows number types alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .qtype import QType

Shape = tuple[int, ...]


class Space(Enum):
    """Where a tensor lives on the device."""

    INPUT = "input"  # the caller's buffer
    FLASH = "flash"  # constants
    STATE = "state"  # survives from push to push
    SCRATCH = "scratch"  # lives inside one function; planned into the arena
    OUTPUT = "output"  # scores: read by the caller after a prediction


@dataclass(frozen=True, eq=False, slots=True)
class Tensor:
    """A named array.

    Parameters
    ----------
    name : str
        C identifier.
    shape : tuple of int
        Dimensions; empty for a scalar.
    space : Space
        Where it lives.
    qtype : QType or None
        Its integer type. In a float program it is the type that training chose (a wish of the passes), or None.
    data : array or None
        Values of a FLASH tensor: reals in a float program, raw integers in an integer program.
    storage : str
        How flash holds it: the name of a record of :mod:`~edgealgos.codegen.storage`; decided by the packing pass.
    packed : str or None
        Storage that the model's bytes are counted in, where speed has chosen another; decided with the forms of code.
    unrolled : int
        How many matrices of it AVR flash holds as operands of straight-line code: of a tree's nodes the first ones, of
        other tensors 1 for the whole; decided with the forms of code.
    doc : str
        One phrase for the report and the generated comment.
    """

    name: str
    shape: Shape
    space: Space
    qtype: QType | None = None
    data: NDArray[Any] | None = None
    storage: str = "dense"
    doc: str = ""
    packed: str | None = None
    unrolled: int = 0

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def ram_bytes(self) -> int:
        """Bytes it takes in RAM."""
        return self.size * self.type.container // 8

    @property
    def type(self) -> QType:
        """The integer type; ValueError where there is none yet."""
        if self.qtype is None:
            raise ValueError(f"tensor {self.name!r} has no integer type; train it, or pass rows (X_calibration=)")
        return self.qtype

    @property
    def values(self) -> NDArray[Any]:
        """The data of a constant; ValueError for other tensors."""
        if self.data is None:
            raise ValueError(f"tensor {self.name!r} lives in {self.space.value} and has no data")
        return self.data

    @property
    def table(self) -> Tensor | None:
        """What of a constant stays a table where straight-line code holds the rest: itself, its last matrices, None."""
        if not self.unrolled:
            return self
        if len(self.shape) != 3 or self.unrolled >= self.shape[0]:
            return None
        values = self.values[self.unrolled :]
        return replace(self, shape=values.shape, data=values, unrolled=0)

    def equals(self, other: Tensor) -> bool:
        """Whether the two are the same in all but their documentation."""
        same = all(
            getattr(self, name) == getattr(other, name)
            for name in ("name", "shape", "space", "qtype", "storage", "packed", "unrolled")
        )
        if self.data is None or other.data is None:
            return same and self.data is other.data
        return same and self.data.dtype == other.data.dtype and np.array_equal(self.data, other.data)
