"""The update of a GRU's state: exact integers, the same on the host and on the Uno."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.ops import Add, GRUUpdate, LeakyUpdate, MatVec, Op, Rescale
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.choose_encoding import choose_encoding
from edgealgos.codegen.program import Program, Space, Tensor
from edgealgos.codegen.program.qtype import PREACTIVATION, SMALL_STATE, STATE
from tests.support import sample_programs as programs
from tests.support.equivalence import check_host, check_uno
from tests.training.reference import gru

pytestmark = pytest.mark.slow

WORDS = st.integers(PREACTIVATION.low, PREACTIVATION.high)


def program(seed: int = 0, with_op: bool = True, nonlinearity: str | None = None) -> Program:
    """A GRU of random sizes; without the op, its products added up and leaked into three states a unit."""
    rng = np.random.default_rng(seed)
    features, units, outputs, steps = (int(rng.integers(2, most)) for most in (12, 14, 6, 6))
    nonlinearity = nonlinearity or ("hard_tanh", "tanh")[seed % 2]
    encoding = choose_encoding(programs.samples(rng, 50, features))
    rows = 3 * units
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        Tensor("h", (units,), Space.STATE, STATE),
        Tensor("h8", (units,), Space.STATE, SMALL_STATE),
        programs.constant("W", rng.normal(size=(rows, features))),
        programs.constant("U", rng.normal(size=(rows, units))),
        programs.scratch("wx", rows, PREACTIVATION),
        programs.scratch("uh", rows, PREACTIVATION),
        programs.constant("bias", rng.normal(size=rows)),
        programs.constant("FC", rng.normal(size=(outputs, units))),
        Tensor("scores", (outputs,), Space.OUTPUT),
    ]
    return tensors, encoding, steps, nonlinearity
