"""The look-up tables of the device's non-linearities, computed once; knows number types only.

How near they are: ``docs/decisions/001-arithmetic.md``, held by tests/codegen/test_nonlinearities.py.
"""

from __future__ import annotations

import numpy as np

from .qtype import QType

EXP2_BITS = 6
TANH_SHIFT = 7  # from 12 fractional bits to steps of 1/32

EXP2 = np.rint(128.0 * np.exp2(-(np.arange(1 << EXP2_BITS) + 0.5) / (1 << EXP2_BITS))).astype(np.int64)
"""2**-f in the middle of 64 steps of f in [0, 1), as mantissas 64..127."""

LOG2 = np.rint(256.0 * np.log2(1.0 + (np.arange(64) + 0.5) / 64)).astype(np.int64)
"""log2(1 + f) in the middle of 64 steps of f in [0, 1), in 256ths."""

TANH = QType(8, 7).quantize(np.tanh((np.arange(128) + 0.5) / 32.0))
"""tanh in the middle of 128 steps of 1/32, in Q0.7."""

COARSE_EXP2 = np.rint(32768.0 * np.exp2(-(np.arange(16) + 1 / 32) / 16)).astype(np.int64)
"""2**-f in 16 steps of f in [0, 1), half a fine step on, in Q1.15."""

FINE_EXP2 = np.minimum(np.rint(65536.0 * np.exp2(-np.arange(16) / 256)), 65535).astype(np.int64)
"""2**-f in 16 steps of f in [0, 1/16), in Q0.16."""
