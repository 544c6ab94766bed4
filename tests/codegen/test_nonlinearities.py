"""tanh, sigmoid and exp of the device: how far from the real ones, how many cycles, how many bytes."""

import numpy as np
import pytest

from edgealgos.codegen.emit.cpp import runtime_header
from edgealgos.codegen.ops.prototypes import exp2_kernels
from edgealgos.codegen.ops.recurrent import integer_sigmoid, integer_tanh
from edgealgos.codegen.program.tables import EXP2, TANH
from edgealgos.codegen.simulate import run_rows

ARGUMENTS = np.arange(-32768, 32768)  # with 12 fractional bits
DISTANCES = np.arange(0, 1024)  # in steps of 1/64
MOST_CYCLES = 60  # with call and return

FUNCTIONS = """
#include "edgealgos_runtime.h"
EDGEALGOS_NOINLINE int16_t table_tanh(int16_t a) { return edgealgos::TableTanh::candidate(a); }
EDGEALGOS_NOINLINE int16_t table_sigmoid(int16_t a) { return edgealgos::TableTanh::gate(a); }
EDGEALGOS_NOINLINE int16_t table_exp2(uint16_t steps) { return edgealgos::exp2_mantissa(steps, 0); }
static void answer(const int16_t *values, uint8_t) {
  Serial.print(table_tanh(values[0])); Serial.print(',');
  Serial.print(table_sigmoid(values[0])); Serial.print(',');
  Serial.println(table_exp2(values[1]));
}
"""


def test_tables_are_small():
    assert TANH.size + EXP2.size <= 256


def test_tanh_is_within_0_0182():
    error = integer_tanh(ARGUMENTS, "tanh") / 128 - np.tanh(ARGUMENTS / 4096)
    assert np.abs(error).max() <= 0.0182


def test_sigmoid_is_within_0_0092():
    error = integer_sigmoid(ARGUMENTS, "tanh") / 256 - 1 / (1 + np.exp(-ARGUMENTS / 4096))
    assert np.abs(error).max() <= 0.0092


def test_exp2_is_within_0_0087():
    """Of the power of two that all kernels of a row share."""
    mantissa, exponent = exp2_kernels(np.stack([np.zeros_like(DISTANCES), DISTANCES], axis=1), 6)
    error = mantissa[:, 1] / 128 * 2.0**-exponent - 2.0 ** -(DISTANCES / 64)
    assert np.abs(error).max() <= 0.0087


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_cycles_on_the_uno(tmp_path):
    from edgealgos.codegen.build.sketch import build_sketch
    from tests.codegen.conftest import serial_loop, write_sketch

    rows = np.stack([np.linspace(-32768, 32767, 300).astype(int), np.linspace(0, 1023, 300).astype(int)], axis=1)
    sketch = write_sketch(tmp_path, FUNCTIONS + serial_loop(), "probe", edgealgos_runtime_h=runtime_header())
    found = run_rows(build_sketch(sketch), rows, ["table_tanh", "table_sigmoid", "table_exp2"])
    kernels, _ = exp2_kernels(np.stack([np.zeros(300, int), rows[:, 1]], axis=1), 6)
    wanted = [integer_tanh(rows[:, 0], "tanh"), integer_sigmoid(rows[:, 0], "tanh"), kernels[:, 1]]
    assert np.array_equal([[int(v) for v in line.split(",")] for line in found.lines], np.stack(wanted, axis=1))
    for name, cycles in found.cycles_by_function.items():
        assert cycles.max() <= MOST_CYCLES, name
