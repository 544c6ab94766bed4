"""Where kernels lie as they move along a row of a picture; plain numbers and arrays, no programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..program.geometry import MOST


class Moving(Protocol):
    """An op with a kernel of `columns`, whose places are `stride` apart, the first one `left` before the row."""

    @property
    def columns(self) -> int: ...

    @property
    def stride(self) -> int: ...

    @property
    def left(self) -> int: ...


def check_columns(op: Moving, width: int, positions: int) -> None:
    """The last position's kernel begins inside the row, the first one's does not begin before all of it."""
    kind = type(op).__name__
    if op.left >= op.columns or positions < 1 or (positions - 1) * op.stride - op.left >= width:
        raise ValueError(f"{kind}: {positions} positions {op.stride} apart do not lie on a row of {width}")
    if positions > MOST:
        raise ValueError(f"{kind}: {positions} positions, its kernel counts at most {MOST}")


def per_row(sums: NDArray[Any]) -> NDArray[Any]:
    """Positions and channels side by side."""
    return sums.reshape(len(sums), -1)


def padded_row(ring: NDArray[Any], op: Moving, positions: int) -> NDArray[Any]:
    """The ring with zeros left and right of it, as far as the kernel reaches."""
    right = max(0, (positions - 1) * op.stride - op.left + op.columns - ring.shape[2])
    return np.pad(ring, ((0, 0), (0, 0), (op.left, right), (0, 0)))


def rows_in_order(v: Mapping[str, NDArray[Any]], ring: str, position: str, row: str | None) -> NDArray[Any]:
    """The rows of a ring, the oldest first, and one more behind them: (n, rows, positions, channels)."""
    kept = v[ring]
    ordered = np.roll(kept, -int(v[position][0, 0]), axis=1) if len(kept) else kept
    return ordered if row is None else np.concatenate([ordered, v[row].reshape(-1, 1, *kept.shape[2:])], axis=1)


def columns_inside(op: Moving, width: int, positions: int) -> list[int]:
    """Columns of the kernel that lie on a row of that width, at every position."""
    starts = (p * op.stride - op.left for p in range(positions))
    return [min(start + op.columns, width) - max(start, 0) for start in starts]
