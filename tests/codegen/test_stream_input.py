"""Without an input buffer: one feature a push, the same answers."""

import numpy as np
import pytest

from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.targets.boards import get_board
from tests.support import sample_programs as programs
from tests.support.equivalence import host_scores, raw

KINDS = {
    "sparse": lambda: programs.bonsai(1),
    "dense": lambda: programs.bonsai(1, density=1.0),
    "16 bits": lambda: programs.bonsai(1, bits=16),
    "protonn": lambda: programs.protonn(1),
}


def both(kind, board):
    program = KINDS[kind]()
    whole, streamed = (CompiledModel(to_integer(program, input_buffer=b), get_board(board)) for b in (True, False))
    q = programs.any_inputs(np.random.default_rng(0), whole.program, 8)
    return whole, streamed, q, raw(whole, q)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", KINDS)
def test_host(kind, tmp_path):
    whole, streamed, q, X = both(kind, "host")
    assert streamed.program.steps == q.shape[1]
    assert np.array_equal(streamed.scores(X), whole.scores(X))
    assert np.array_equal(host_scores(streamed, q, tmp_path), whole.scores(X))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", KINDS)
def test_uno(kind):
    whole, streamed, _, X = both(kind, "uno")
    result = streamed.simulate(X)
    assert np.array_equal(result.scores, whole.scores(X))
    assert np.array_equal(result.labels, whole.predict(X))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_an_image_needs_no_buffer():
    program = programs.bonsai(0, features=784, width=10, density=0.1)
    X = programs.samples(np.random.default_rng(0), 1, 784)
    whole, streamed = (CompiledModel(to_integer(program, input_buffer=b), get_board("uno")) for b in (True, False))
    saved = whole.simulate(X).ram_peak - streamed.simulate(X).ram_peak
    assert saved > 700


def test_sequence_models_stream_already():
    with pytest.raises(ValueError, match="feature by feature"):
        to_integer(programs.fastgrnn(), input_buffer=False)
