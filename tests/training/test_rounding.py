"""Rounding inside TensorFlow equals the device's rules, and the gradient passes it."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from edgealgos.codegen.program.qtype import QType  # noqa: E402
from edgealgos.training.rounding import Rounding  # noqa: E402


def rounding(on=True, **scales):
    bits = dict.fromkeys(scales, 8)
    return Rounding(tf.constant(on), {n: tf.constant(2.0**f) for n, f in scales.items()}, bits, tf.constant(256.0))


@pytest.mark.parametrize("frac", [-3, 0, 4, 9])
def test_weights_round_as_quantize_does(frac):
    real = np.random.default_rng(0).normal(size=2000).astype(np.float32) * 2.0 ** (7 - frac)
    qtype = QType(8, frac)
    rounded = rounding(w=frac).weight("w", tf.constant(real)).numpy()
    assert np.array_equal(rounded, qtype.dequantize(qtype.quantize(real)))


@pytest.mark.parametrize(("bits", "source", "target"), [(8, 14, 7), (16, 12, 9), (7, 11, 4), (8, 3, 7)])
def test_activations_round_as_rescale_does(bits, source, target):
    raw = np.random.default_rng(1).integers(-(2**21), 2**21, size=5000)
    raw[:512] = np.arange(512) * 2 ** max(0, source - target - 1)  # halves
    qtype = QType(bits, target)
    real = tf.constant(raw * 2.0**-source, tf.float32)
    rounded = rounding().fixed(real, qtype).numpy()
    assert np.array_equal(rounded, qtype.dequantize(qtype.rescale(raw, source)))


def test_without_rounding_activations_saturate_and_weights_stay():
    real = tf.constant([-3.0, 0.123, 3.0])
    off = rounding(on=False, w=7)
    assert np.array_equal(off.weight("w", real).numpy(), real.numpy())
    assert np.allclose(off.fixed(real, QType(8, 7)).numpy(), [-1.0, 0.123, 127 / 128])


def test_gradient_passes_rounding_but_not_saturation():
    real = tf.constant([-3.0, 0.123, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(real)
        total = tf.reduce_sum(rounding().fixed(real, QType(8, 7)))
    assert tape.gradient(total, real).numpy().tolist() == [0.0, 1.0, 0.0]


def test_profiled_activations_are_observed():
    some = rounding(h=3)
    some.observed = {}
    some.profiled("h", tf.constant([0.5, -2.5]), 8)
    assert float(some.observed["h"]) == 2.5
