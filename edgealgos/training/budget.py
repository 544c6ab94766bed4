"""What a model stores, the bytes and cycles that takes, and how a budget of either is shared out; pure NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codegen.storage import cheapest_storage, storage_bytes

NIBBLE = 4  # bits of half a byte
LEAST_DENSITY = 0.2  # of sparse tensors, for a structure to be worth training
Masks = dict[str, NDArray[np.bool_]]
MOST_CODE_CYCLES = 12_000  # of products that an Uno's flash holds as straight-line code
VALUE_CYCLES, COLUMN_CYCLES = 5.2, 2.2  # of a weight, and of an input that any weight reads, in straight-line code


@dataclass(frozen=True)
class TensorSpec:
    """One stored tensor.

    Parameters
    ----------
    shape : tuple of int
    bits : int
        Width of one stored value.
    sparse : bool
        Whether values may be removed (a bitmap is then stored where it is smaller).
    scale_of : tuple of str
        Empty: the tensor has a scale of its own. Otherwise its fractional bits are the sum of those of the named
        tensors (``"x"`` is the input): a bias lives on its accumulator's scale.
    frac : int, optional
        Fractional bits fixed by the structure.
    visits : tuple of float
        Of a sparse tensor, how often a prediction multiplies with each of its blocks (one, if it has two axes).
    transposed : bool
        Whether flash holds it the other way round.
    """

    shape: tuple[int, ...]
    bits: int = 8
    sparse: bool = False
    scale_of: tuple[str, ...] = ()
    frac: int | None = None
    visits: tuple[float, ...] = (1.0,)
    transposed: bool = False

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Shape in flash."""
        return self.shape[::-1] if self.transposed else self.shape

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))


Specs = Mapping[str, TensorSpec]


def stored_bytes(specs: Specs, nonzeros: Mapping[str, int], extra: int = 0) -> int:
    """Flash bytes of all tensors, each in its cheapest storage, plus `extra` (tables, scalars)."""
    total = extra
    for name, spec in specs.items():
        total += _dense(spec) if not spec.sparse else cheapest_storage(
            spec.stored_shape, nonzeros.get(name, spec.size), spec.bits
        )[1]  # fmt: skip
    return total


def _dense(spec: TensorSpec) -> int:
    """Bytes of a tensor whose values all stay: whole bytes a value, or two values of four bits in a byte."""
    if spec.bits <= NIBBLE:
        return storage_bytes(spec.stored_shape, spec.size, spec.bits)["nibbles"]
    return spec.size * -(-spec.bits // 8)


def dense_bytes(specs: Specs, extra: int = 0) -> int:
    """Bytes when nothing is removed."""
    return stored_bytes(specs, {}, extra)


def least_bytes(specs: Specs, extra: int, density: float) -> int:
    """Bytes when every sparse tensor keeps the share `density` of its values (or is dense where that is smaller)."""
    keep = {name: int(np.ceil(density * spec.size)) for name, spec in specs.items() if spec.sparse}
    return stored_bytes(specs, keep, extra)


def check_cycles(name: str, most: int | None, least: int | None) -> None:
    """Refuse fewer cycles than the smallest structure takes without any products."""
    if most is not None and least is not None and least > most:
        raise ValueError(
            f"max_cycles={most} is too small for {name} with these inputs and parameters: "
            f"the least that works is max_cycles={least}"
        )


def joint_support(
    specs: Specs, saliency: Mapping[str, NDArray[np.floating]], budget: int | None, extra: int = 0
) -> Masks:
    """Which values stay so that the model takes at most `budget` bytes and the saliency kept is largest.

    All sparse tensors compete for the same bytes. For each way to store them, dense ones keep everything and the most
    salient values of the others, per byte that they take there, fill what is left.

    Parameters
    ----------
    specs : mapping of str to TensorSpec
    saliency : mapping of str to array
        For each sparse tensor, the (comparable) harm of removing each value.
    budget : int or None
        Bytes for everything, or no limit.
    extra : int
        Bytes of tables and scalars.

    Returns
    -------
    dict of str to bool array
    """
    names = [name for name, spec in specs.items() if spec.sparse]
    everything = {name: np.ones(specs[name].shape, bool) for name in names}
    if budget is None or dense_bytes(specs, extra) <= budget:
        return everything
    fixed = extra + sum(_dense(spec) for spec in specs.values() if not spec.sparse)
    best: tuple[float, Masks] | None = None
    for storages in itertools.product(*(_storages(specs[name]) for name in names)):
        price = {name: storage for name, storage in zip(names, storages, strict=True) if storage.a_value}
        left = budget - fixed - sum(storage.empty for storage in storages)
        if left < 0:
            continue
        masks = everything | _most_salient(price, saliency, left)
        kept = sum(float(saliency[name][masks[name]].sum()) for name in names)
        if best is None or kept > best[0]:
            best = kept, masks
    if best is None:
        raise ValueError(f"no storage of these tensors fits into {budget} bytes")
    return best[1]


class _Storage(NamedTuple):
    """Bytes of a storage when nothing is kept, and those of each value kept (0: all values are counted already)."""

    empty: float
    a_value: float


def _storages(spec: TensorSpec) -> list[_Storage]:
    """Every way to store a tensor."""
    none, all_ = (storage_bytes(spec.stored_shape, count, spec.bits) for count in (0, spec.size))
    if spec.bits <= NIBBLE:  # half bytes, and half of one more that rows beginning with whole bytes may need
        return [_Storage(none["nibbles"], 0), _Storage(none["nibble_bitmap"] + 0.5, 0.5)]
    return [_Storage(none[name], (all_[name] - none[name]) // spec.size) for name in none]


def _most_salient(prices: Mapping[str, _Storage], saliency: Mapping[str, NDArray[np.floating]], left: float) -> Masks:
    """Masks of the values with the highest saliency per byte that take at most `left` bytes."""
    if not prices:
        return {}
    width = np.concatenate([np.full(saliency[n].size, price.a_value) for n, price in prices.items()])
    worth = np.concatenate([saliency[n].ravel() for n in prices]) / width
    order = np.argsort(-worth, kind="stable")
    keep = np.zeros(worth.size, bool)
    keep[order[np.cumsum(width[order]) <= left]] = True
    parts = np.split(keep, np.cumsum([saliency[n].size for n in prices])[:-1])
    return {name: part.reshape(saliency[name].shape) for name, part in zip(prices, parts, strict=True)}


def cycles_of(specs: Specs, masks: Masks) -> float:
    """Cycles of the products with the values that are kept; what else a prediction takes is not known here."""
    return sum(_cycles(specs[name], mask) for name, mask in masks.items())


def worth_their_cycles(specs: Specs, saliency: Mapping[str, NDArray[np.floating]], limit: float) -> Masks:
    """Which values stay so that their products take at most `limit` cycles and the saliency kept is largest.

    A value costs its multiplication, and an input that any value of a block reads is loaded once: so values gather in
    columns that are in use. For a price of a cycle (in saliency) the best support is known exactly: a value stays
    where it is worth its multiplication, a column where its values are together worth the load as well. The price is
    found by bisection.

    Parameters
    ----------
    specs : mapping of str to TensorSpec
    saliency : mapping of str to array
        For each sparse tensor, the (comparable) harm of removing each value.
    limit : float
        Cycles of all these products.
    """
    low, high = 0.0, 1e-30 + max(float(values.max()) for values in saliency.values())
    masks = {name: _worth(specs[name], values, low) for name, values in saliency.items()}
    if cycles_of(specs, masks) <= limit:
        return masks
    for _ in range(60):
        price = np.sqrt(max(low, 1e-12 * high) * high)
        masks = {name: _worth(specs[name], values, price) for name, values in saliency.items()}
        low, high = (low, price) if cycles_of(specs, masks) <= limit else (price, high)
    return {name: _worth(specs[name], values, high) for name, values in saliency.items()}


def _worth(spec: TensorSpec, saliency: NDArray[np.floating], price: float) -> NDArray[np.bool_]:
    """Values of one tensor that are worth their cycles at a price."""
    shape = (len(spec.visits), -1, spec.shape[-1])
    visits = price * np.array(spec.visits)[:, None, None]
    gain = np.maximum(saliency.reshape(shape) - VALUE_CYCLES * visits, 0.0)
    column = gain.sum(axis=1, keepdims=True) > COLUMN_CYCLES * visits
    kept: NDArray[np.bool_] = ((gain > 0) & column).reshape(spec.shape)
    return kept


def _cycles(spec: TensorSpec, mask: NDArray[np.bool_]) -> float:
    blocks = mask.reshape(len(spec.visits), -1, spec.shape[-1])
    values, columns = blocks.sum(axis=(1, 2)), blocks.any(axis=1).sum(axis=1)
    return float(np.array(spec.visits) @ (VALUE_CYCLES * values + COLUMN_CYCLES * columns))
