"""The text of generated C++: small golden pieces, escaping, and what the files may hold."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.emit.cpp import literals, model_header, model_source, runtime_header
from edgealgos.codegen.passes import model_bytes, stored_bytes, to_integer
from tests.support import sample_programs as programs

WIDTHS = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}


def tiny():
    return to_integer(programs.protonn(0, features=3, width=2, outputs=2, count=2))


def test_a_product_names_its_numbers():
    source = model_source(to_integer(programs.bonsai(0, features=8, width=3, density=0.2)), "tiny")
    numbers = r"constexpr int kBits = 8, kShift = -?\d+, kRows = 3;\n    constexpr uint8_t kColumns = 8;"
    call = (
        r"edgealgos::matvec<int16_t, kShift, kBits>\(edgealgos::bitmap\(Z_bits, Z\), z_bias, x, z, kRows, kColumns\);"
    )
    assert re.search(f"  {{\n    {numbers}\n    {call}\n  }}\n", source)
    assert "    constexpr int kScores = 4;\n    return edgealgos::argmax(scores_, kScores);" in source


def test_a_table_says_what_it_is():
    source = model_source(tiny(), "tiny")
    comment = r"// 2 x 3, int8, real = raw \* 2\^-\d+, dense, 6 bytes"
    assert re.search(comment + r"\nconst int8_t W\[6\] EDGEALGOS_FLASH = \{", source)


def test_the_header_of_a_sequence_model_streams():
    header = model_header(to_integer(programs.fastgrnn(steps=6)), "tiny")
    for line in ("constexpr uint16_t kStepCount = 6;", "void reset();", "void push(const input_t *step);"):
        assert line in header


def test_the_header_of_a_regressor_has_raw_and_real_outputs():
    header = model_header(to_integer(programs.bonsai(outputs=1, task="regressor")), "tiny")
    assert "int32_t predict_raw(const input_t *x);" in header
    assert "float predict(const input_t *x);" in header
    assert "kOutputFrac" in header
    assert "label(" not in header


@pytest.mark.parametrize("kind", programs.EVERY_KIND)
def test_model_bytes_are_exactly_the_tables_of_the_source(kind):
    program = to_integer(programs.EVERY_KIND[kind]())
    source = model_source(program, "tiny")
    found = re.findall(r"const (\w+) (\w+)\[(\d+)\] EDGEALGOS_FLASH", source)
    emitted = sum(WIDTHS[kind] * int(count) for kind, name, count in found if not name.startswith("label_"))
    outside = sum(
        size for name, size in stored_bytes(program).items() if name.endswith(" table") or f"{name}[" not in source
    )
    assert emitted + outside == model_bytes(program)


@given(st.text())
def test_any_label_is_one_harmless_string_literal(text):
    literal = literals.c_string(text)
    assert re.fullmatch(r'"(?:[\x20-\x21\x23-\x3e\x40-\x5b\x5d-\x7e]|\\[0-7]{3})*"', literal)
    octal = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), literal[1:-1])
    assert octal.encode("latin-1") == text.encode("utf-8", "surrogatepass")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_literals_read_back(value):
    literal = literals.c_float(value)
    assert literal.endswith("f")
    assert re.search(r"[.e]", literal)  # 1f is no C++
    assert np.float32(literal[:-1]) == np.float32(value)


def test_the_runtime_is_whole_and_the_same_for_all():
    text = runtime_header()
    assert "@" not in re.sub(r"//.*", "", text)
    assert set(re.findall(r"#include (\S+)", text)) == {"<stdint.h>", "<avr/pgmspace.h>"}
