"""verify() names the culprit."""

from dataclasses import replace

import numpy as np
import pytest

from edgealgos.codegen.ops import ArgMax, MatVec
from edgealgos.codegen.program.verify import verify
from tests.support import sample_programs as programs


def with_predict(program, *ops):
    return replace(program, functions={"predict": ops})


def test_reading_before_writing_is_refused():
    with pytest.raises(ValueError, match="ArgMax reads 'scores' before anything wrote it"):
        verify(with_predict(programs.bonsai(), ArgMax("label", "scores")))


def test_writing_twice_is_refused():
    op = MatVec("z", "Z", "x", "z_bias")
    with pytest.raises(ValueError, match="'z' is written twice"):
        verify(with_predict(programs.bonsai(), op, op))


def test_writing_a_constant_is_refused():
    with pytest.raises(ValueError, match="constant"):
        verify(with_predict(programs.bonsai(), MatVec("z_bias", "Z", "x")))


def test_wrong_shapes_are_refused():
    program = programs.bonsai()
    narrow = replace(program["z"], shape=(2,))
    with pytest.raises(ValueError, match="'z' has shape"):
        verify(program.replacing(narrow))


def test_constants_and_only_constants_have_data():
    program = programs.bonsai()
    with pytest.raises(ValueError, match="exactly the FLASH tensors"):
        verify(program.replacing(replace(program["z"], data=np.zeros(6))))
    with pytest.raises(ValueError, match="declared"):
        verify(program.replacing(replace(program["Z"], data=np.zeros((1, 1)))))


def test_names_are_unique():
    program = programs.bonsai()
    with pytest.raises(ValueError, match="share a name"):
        verify(replace(program, tensors=(*program.tensors, program["z"])))
