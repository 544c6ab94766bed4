"""What a convolutional net would need in other orders of computing: whole tensors, patches; plain numbers.

Patches as in MCUNetV2 (Lin et al., NeurIPS 2021): the first layers run for one part of their last picture after the
other, each from the window of the input that it needs; what windows share is computed again. The layers behind run as
whole tensors.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ops.chain import stages_of
from ..program.geometry import Stage
from ..program.program import Program

PARTS = (2, 4)  # along each axis
Windows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Schedule:
    """One order of computing a net over a picture.

    Parameters
    ----------
    name : str
    ram_bytes : int
        Peak of the activations, the input's included. A camera gives a picture once: whole tensors and patches keep it.
    products : int
        Multiply-accumulates of one prediction, those with zeros around a picture included.
    recomputed : int
        Those among them that compute again what was computed before.
    """

    name: str
    ram_bytes: int
    products: int
    recomputed: int


def compare_schedules(program: Program, ram_of_rows: int) -> tuple[Schedule, ...]:
    """Schedules of a net that takes pictures row by row; none for other programs.

    Parameters
    ----------
    program : Program
        With types.
    ram_of_rows : int
        Bytes of the variables that it has as it runs.
    """
    stages = stages_of(program)
    if not stages:
        return ()
    net = _Net(program, stages)
    found = [Schedule("whole tensors", max(net.whole), net.products, 0)]
    for parts in PARTS:
        ram, products, layers = net.best_patches(parts)
        name = f"patches, {parts} x {parts}, of the first {layers} of {len(stages)} layers"
        found.append(Schedule(name, ram, products, products - net.products))
    return (*found, Schedule("rows, as it runs", ram_of_rows, net.products, 0))


class _Net:
    """Layers with their bytes; pictures are numbered, the input is 0.

    Attributes
    ----------
    products : int
        Of all layers and the head.
    """

    def __init__(self, program: Program, stages: Sequence[Stage]) -> None:
        self.stages = stages
        pictures = [stages[0].layer.before, *(stage.layer.after for stage in stages)]
        names = [stages[0].source, *(stage.out for stage in stages)]
        wide = [program[name].type.container // 8 for name in names]
        self._position_bytes = np.array([p[2] * size for p, size in zip(pictures, wide, strict=True)])
        self._bytes = self._position_bytes * [p[0] * p[1] for p in pictures]
        self._shortcuts = {i: names.index(s.shortcut) for i, s in enumerate(stages) if s.shortcut}
        head = sum(p.matrix.size for op in program.functions["predict"] for p in op.products(program))
        self.products = head + sum(stage.layer.products for stage in stages)

    @property
    def whole(self) -> list[int]:
        """Bytes alive while each layer runs over whole pictures."""
        return [int(self._bytes[self._alive(i)].sum()) for i in range(len(self.stages))]

    def _alive(self, layer: int) -> list[int]:
        """Pictures that are in memory while a layer runs: its own two, of an addition in place one, those for later."""
        later = {first for last, first in self._shortcuts.items() if first < layer <= last}
        return [layer, *([] if layer in self._shortcuts else [layer + 1]), *later]

    def best_patches(self, parts: int) -> tuple[int, int, int]:
        """Least RAM, the products that it takes, and how many layers run in patches; of equals the fewest products."""
        across = {n for last, first in self._shortcuts.items() for n in range(first + 1, last + 1)}
        several = set(range(1, len(self.stages) + 1)) - across
        return min((*self._patches(parts, layers), layers) for layers in several)

    def _patches(self, parts: int, layers: int) -> tuple[int, int]:
        """RAM and products where so many layers run in patches."""
        rows, columns = (self._windows(axis, parts, layers) for axis in (0, 1))
        sizes = rows[:, None] * columns[None] * self._position_bytes[: layers + 1]
        sizes[:, :, [0, -1]] = 0  # those are whole: the first layer reads where the picture lies
        most = max(int(sizes[:, :, self._alive(i)].sum(axis=2).max()) for i in range(layers))
        ram = max(int(self._bytes[0] + self._bytes[layers]) + most, *self.whole[layers:], 0)
        positions = rows.sum(axis=0) * columns.sum(axis=0)
        again = sum(
            (int(count) - stage.layer.after[0] * stage.layer.after[1]) * stage.layer.products_at_position
            for stage, count in zip(self.stages, positions[1:], strict=False)
        )
        return ram, self.products + again

    def _windows(self, axis: int, parts: int, layers: int) -> Windows:
        """Along an axis the places of every picture that each part needs, (parts, layers + 1)."""
        size = self.stages[layers - 1].layer.after[axis]
        parts = min(parts, size)
        edges = [size * part // parts for part in range(parts + 1)]
        return np.array([self._windows_of(axis, window, layers) for window in itertools.pairwise(edges)])

    def _windows_of(self, axis: int, window: tuple[int, int], layers: int) -> list[int]:
        sizes, added = [window[1] - window[0]], {}
        for i in reversed(range(layers)):
            if i in self._shortcuts:
                added[self._shortcuts[i]] = window
            window = self.stages[i].layer.window(axis, window)
            first, last = added.get(i, window)
            window = min(window[0], first), max(window[1], last)
            sizes.append(window[1] - window[0])
        return sizes[::-1]
