"""Storages: bytes are those of the tables, every table reads back, and what training counts on is enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.program import QType, Space, Tensor
from edgealgos.codegen.storage import STORAGES, Content, storage_bytes, tensor_bytes
from edgealgos.codegen.storage.bits import BITS
from edgealgos.codegen.storage.record import Storage

WIDTHS = {"uint8_t": 1, "int8_t": 1, "uint16_t": 2, "int16_t": 2}
MATRICES = [name for name, storage in STORAGES.items() if not storage.by_code]


@st.composite
def matrices(draw, name):
    """A matrix, or the matrices of a tree's nodes, of few values that the storage can hold."""
    shape = draw(st.tuples(st.integers(4, 9), st.integers(1, 20)))
    shape = (draw(st.integers(1, 5)), *shape) if draw(st.booleans()) else shape
    book = draw(st.lists(st.integers(-8, 7), min_size=1, max_size=8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.choice([0, *book], size=shape)
    bits = 16 if name.startswith("codebook256") else draw(st.sampled_from([8, 4 if "nibble" in name else 8]))
    return Tensor("W", shape, Space.FLASH, QType(bits, 0), values, name)


@pytest.mark.parametrize("name", MATRICES)
@given(data=st.data())
def test_bytes_are_those_of_the_tables(name, data):
    tensor = data.draw(matrices(name))
    storage = STORAGES[name]
    assert storage.holds(tensor, Tensor("x", tensor.shape[-1:], Space.INPUT, QType(8, 0))) == (storage is not BITS)
    tables = storage.tables(tensor)
    own = tensor.type.container // 8
    assert tensor_bytes(tensor) == sum(t.values.size * (own if t.kind is None else WIDTHS[t.kind]) for t in tables)
    assert tables[-1].suffix == "" if tables else tensor_bytes(tensor) == 0
    assert all(f"W{t.suffix}" in storage.reader(tensor) for t in tables)


@pytest.mark.parametrize("name", ["dense", "bitmap", "indexed", "nibbles", "nibble_bitmap"])
@given(data=st.data())
def test_training_counts_on_enough_bytes(name, data):
    """It knows how many values are kept, not where they lie."""
    tensor = data.draw(matrices(name))
    bits = 4 if "nibble" in name else 8
    counted = storage_bytes(tensor.shape, int(np.count_nonzero(tensor.values)), bits)[name]
    size = STORAGES[name].size(Content.of(tensor))
    assert size <= counted
    assert name == "nibble_bitmap" or size == counted


@pytest.mark.parametrize("name", [n for n in MATRICES if n.startswith("codebook")])
def test_a_codebook_is_read_back_from_its_indices(name):
    rng = np.random.default_rng(0)
    values = rng.choice([0, 0, -5, 3, 7], size=(6, 11))
    tensor = Tensor("W", values.shape, Space.FLASH, QType(16, 0), values, name)
    tables = {t.suffix: t.values for t in STORAGES[name].tables(tensor)}
    codes = tables[""]
    if name.startswith("codebook16"):
        rows = np.split(codes, np.cumsum([row.size for row in STORAGES[name].rows(tensor)])[:-1])
        codes = [np.stack([row & 15, row >> 4], axis=1).ravel() for row in rows]
    else:
        codes = np.split(codes, np.cumsum([row.size for row in STORAGES[name].rows(tensor)])[:-1])
    for row, found in zip(values, codes, strict=True):
        kept = row[row != 0] if STORAGES[name].masked else row
        assert np.array_equal(tables["_book"][found[: kept.size]], kept)


def test_every_storage_is_a_record_by_its_name():
    for name, storage in STORAGES.items():
        assert storage.name == name
        for part in ("holds", "size", "tables", "reader", "cost"):
            assert getattr(type(storage), part) is not getattr(Storage, part), (name, part)
