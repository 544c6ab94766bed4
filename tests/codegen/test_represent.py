"""Representations lie on their grids and are stored in the bytes they promise."""

import numpy as np
import pytest

from edgealgos.codegen.passes import model_bytes, to_integer
from edgealgos.codegen.passes.mixed import matrices, narrow, represent
from edgealgos.codegen.passes.represent import REPRESENTATIONS, _posit_book
from edgealgos.codegen.storage import tensor_bytes
from tests.support import sample_programs as programs

DISTINCT = {"fixed16": 65536, "fixed8": 256, "fixed4": 16, "posit8": 256, "kmeans256": 256, "kmeans16": 16, "log4": 15}


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_values_are_few_and_near(name):
    values = np.random.default_rng(0).normal(size=(20, 30))
    qtype, raw = REPRESENTATIONS[name](values)
    assert raw.min() >= qtype.low
    assert raw.max() <= qtype.high
    assert np.unique(raw).size <= DISTINCT[name]
    error = np.abs(qtype.dequantize(raw) - values)
    assert error.mean() < {"fixed4": 0.2, "log4": 0.25, "kmeans16": 0.1}.get(name, 0.03)


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_zero_stays_zero(name):
    values = np.array([[0.0, 1.0, -2.0, 0.0]])
    assert REPRESENTATIONS[name](values)[1][0, [0, 3]].tolist() == [0, 0]
    assert not REPRESENTATIONS[name](np.zeros((2, 2)))[1].any()


def test_posits_are_those_of_the_standard():
    book = _posit_book()
    assert (book.size, book.max(), book[book > 0].min()) == (255, 64 * 64, 1)
    assert {64, 96, 128, 4096} <= set(book.tolist())  # 1, 1.5, 2, 64


@pytest.mark.parametrize(
    ("name", "most"), [("fixed16", 2.0), ("fixed8", 1.0), ("fixed4", 0.55), ("log4", 0.6), ("kmeans16", 0.6)]
)
def test_stored_bytes_per_weight(name, most):
    program = to_integer(represent(programs.bonsai(features=64, width=16, density=1.0), {"Z": name}))
    assert tensor_bytes(program["Z"]) <= most * program["Z"].size


def test_narrowing_keeps_its_limit_and_saves_bytes():
    program = programs.fastgrnn(features=8, hidden=20, steps=5)
    rng = np.random.default_rng(0)
    X = programs.samples(rng, 2000, 8).reshape(400, -1)
    before = model_bytes(to_integer(program))
    free = narrow(program, X, max_loss=1.0)
    strict = narrow(program, X, max_loss=0.02)
    assert free.model_bytes < 0.75 * before
    assert free.model_bytes <= strict.model_bytes <= before
    assert strict.loss <= 0.02
    assert set(strict.representations) <= set(matrices(program))
    assert narrow(program, X, max_loss=-1.0).representations == {}
