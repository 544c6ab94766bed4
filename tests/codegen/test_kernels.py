"""The assembly kernels and their C++ twins give the same integers as NumPy, extremes and all lengths included."""

import subprocess

import numpy as np
import pytest

from edgealgos.codegen.build.sketch import build_host, build_sketch
from edgealgos.codegen.emit.cpp import runtime_header
from edgealgos.codegen.simulate import run_rows
from edgealgos.codegen.storage.dense import in_tiles, padded
from edgealgos.codegen.storage.record import in_pairs
from tests.codegen.conftest import serial_loop, write_sketch

LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 64, 247, 248, 249, 255, 256, 257, 511, 512, 600)
WIDEST = max(LENGTHS)
TILED = [n for n in LENGTHS if n <= 64]

# Prints for a vector whatever the kernels make of it, for each length. PRINT and the vector are given from outside.
KERNELS = """
static int16_t word(int8_t high, int8_t low) { return (int16_t)((uint8_t)high * 256u + (uint8_t)low); }

// The vector at another place.
static const int8_t *moved(const int8_t *x, uint16_t go, uint16_t n) {
  static int8_t other[512];
  for (uint16_t j = 0; j < n; ++j) other[go + j] = x[j];
  return other + go;
}

static void all_kernels(const int8_t *x) {
  for (uint8_t i = 0; i < sizeof kLengths / sizeof *kLengths; ++i) {
    const uint16_t n = kLengths[i];
    PRINT(edgealgos::dot16(kDense, x, n));
    PRINT(edgealgos::dot32(kDense, x, n));
    if (n < 512) PRINT(edgealgos::dot24(kDense, x, n));
    if (n < 128) {
      int16_t sums[8];
#if !defined(EDGEALGOS_OWN_WORDS)  // sums that are too large wrap, but for those that lie in one register with others
      edgealgos::dot_blocks16(kBlock, x, n, sums, 2);
      for (uint8_t k = 0; k < 8; ++k) PRINT(sums[k]);
#endif
      static int8_t small[128];  // as large as sums of so many take
      uint8_t down = 0;
      while (n * (128u >> down) > 255) ++down;
      for (uint8_t j = 0; j < n; ++j) small[j] = (int8_t)(x[j] >> down);
      for (uint8_t blocks = 1; blocks < 3; ++blocks) {
        edgealgos::dot_blocks16(kBlock, small, n, sums, blocks);
        for (uint8_t k = 0; k < 4 * blocks; ++k) PRINT(sums[k]);
      }
      int32_t exact[8];
      edgealgos::dot_blocks24(kBlock, x, n, exact, 2);
      for (uint8_t k = 0; k < 8; ++k) PRINT(exact[k]);
    }
    if (n <= 64) {
      int32_t four[4];
      edgealgos::dot_tiles(kTiles + kTileStarts[i], x, n, four);
      for (uint8_t k = 0; k < 4; ++k) PRINT(four[k]);
    }
    const edgealgos::NibbleSum nibbles = edgealgos::dot_nibbles_wide(kNibbles, x, n);
    PRINT(nibbles.sum * (16 >> edgealgos::kNibbleScale));
    PRINT(nibbles.next - kNibbles);
    const int8_t *values = kValues;
    PRINT(edgealgos::bitmap_row16(kBits + kStarts[i], values, x, (uint8_t)((n + 7) >> 3)));
    PRINT(values - kValues);
    values = kValues;
    PRINT(edgealgos::bitmap_row32(kBits + kStarts[i], values, x, (uint8_t)((n + 7) >> 3)));
    PRINT(values - kValues);
    const int8_t *row = kIndexed + kIndexedStarts[i];
    for (uint16_t go = 0; n < 256 && go < 250; go += 83) {  // some of them cross a page
      const int8_t *there = moved(x, go, n);
      const edgealgos::SparseSum16 c = edgealgos::dot_indexed16(row, there, (uint8_t)n);
      PRINT(c.sum);
      PRINT(c.next - row);
      const edgealgos::SparseSum32 d = edgealgos::dot_indexed32(row, there, (uint8_t)n);
      PRINT(d.sum);
      PRINT(d.next - row);
    }
    int8_t z[256];
    for (uint16_t j = 0; j < 256; ++j) z[j] = x[j] >> 1;
    if (n < 256) PRINT(edgealgos::squared_distance7(kPrototype, z, (uint8_t)n, 255));
  }
  int32_t scores[10] = {0, 1, -1, 1073741824, -1073741824, 65535, -65536, 255, -256, 99};
  const uint16_t factor = (uint16_t)((uint8_t)x[0] * 256u + (uint8_t)x[1]);
  edgealgos::add_scaled(kDense, factor, scores, 10);
  edgealgos::add_scaled(kDense, factor, scores, 0);
  for (uint8_t c = 0; c < 10; ++c) PRINT(scores[c]);
  PRINT(edgealgos::multiply((int16_t)factor, x[2]));
  PRINT(edgealgos::multiply((int16_t)factor, (uint8_t)x[2]));
  for (uint8_t j = 0; j < 60; j += 4) {
    const int16_t a = word(x[j], x[j + 1]), b = word(x[j + 2], x[j + 3]);
    PRINT(edgealgos::add_saturated(a, b));
    PRINT(edgealgos::scale_by_byte(a, (uint8_t)x[j + 2]));
    PRINT(edgealgos::hard_tanh_byte(a));
    PRINT(edgealgos::hard_tanh_byte(a >> 3));
    PRINT(edgealgos::shifted_byte<0>(x[j]));
    PRINT(edgealgos::shifted_byte<5>(x[j]));
    PRINT(edgealgos::shifted_byte<8>(x[j]));
  }
}
"""


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(7)
    dense = rng.integers(-128, 128, WIDEST)
    dense[:40] = -128  # the largest product is (-128)^2
    sparse = rng.integers(-128, 128, WIDEST) * (rng.random(WIDEST) < 0.4)
    sparse[32:56] = 0  # mask bytes of zero
    return {
        "dense": dense,
        "block": rng.integers(-128, 128, (WIDEST, 4)),
        "sparse": sparse,
        "prototype": rng.integers(-12, 12, 256),
        "nibbles": rng.integers(-8, 8, WIDEST),
    }


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(8)
    rows = rng.integers(-128, 128, (12, WIDEST))
    rows[0], rows[1], rows[2] = -128, 127, 0
    rows[3:6] //= 8  # near enough to the prototypes not to saturate
    rows[6, :3], rows[7, :3] = (-128, 0, -128), (127, -1, -128)
    return rows


def _c_tables(tables):
    # A row of each length of its own: the bits behind its end are zero.
    bits = [np.packbits(tables["sparse"][:n] != 0, bitorder="little") for n in LENGTHS]
    indexed = [_indexed_row(tables["sparse"][:n]) for n in LENGTHS]
    flash = {
        "int8_t kDense": tables["dense"],
        "int8_t kBlock": tables["block"].ravel(),
        "int8_t kTiles": np.concatenate([in_tiles(tables["block"][:n].T).ravel() for n in TILED]),
        "uint8_t kNibbles": in_pairs(tables["nibbles"] & 15),
        "uint8_t kBits": np.concatenate(bits),
        "int8_t kValues": tables["sparse"][tables["sparse"] != 0],
        "int8_t kIndexed": np.concatenate(indexed),
        "int8_t kPrototype": tables["prototype"],
    }
    tiles = [4 * padded(n) * [0] for n in TILED]
    ram = {
        "kLengths": LENGTHS,
        "kStarts": _starts(bits),
        "kIndexedStarts": _starts(indexed),
        "kTileStarts": _starts(tiles),
    }
    lines = [f"const {name}[] EDGEALGOS_FLASH = {{{','.join(map(str, data))}}};" for name, data in flash.items()]
    lines += [f"const uint16_t {name}[] = {{{','.join(map(str, data))}}};" for name, data in ram.items()]
    return "\n".join(lines)


def _starts(parts):
    return np.cumsum([0, *map(len, parts)])[:-1]


def _indexed_row(row):
    """How many weights, then each behind the number of columns to go on; as int8."""
    columns = np.flatnonzero(row)
    pairs = np.stack([np.diff(columns, prepend=0), row[columns]], axis=1)
    return np.concatenate([[len(columns)], pairs.ravel()]).astype(np.uint8).astype(np.int8)


def _wrap16(values):
    return np.asarray(values).astype(np.int16).astype(int)


def _expected(tables, x, wraps):
    out = []
    for n in LENGTHS:
        exact = int(tables["dense"][:n] @ x[:n])
        sparse = int(tables["sparse"][:n] @ x[:n])
        used = int(np.count_nonzero(tables["sparse"][:n]))
        out += [int(_wrap16(exact)), exact]
        if n < 512:
            out.append(exact)
        if n < 128:
            blocks = np.hstack([tables["block"][:n], tables["block"][n : 2 * n]]).astype(int)
            small = (x[:n] >> next(down for down in range(8) if n * (128 >> down) <= 255)) @ blocks
            out += _wrap16(x[:n] @ blocks).tolist() if wraps else []
            out += [*small[:4].tolist(), *small.tolist(), *(x[:n] @ blocks).tolist()]
        if n <= 64:
            out += (x[:n] @ tables["block"][:n]).tolist()
        out += [16 * int(tables["nibbles"][:n] @ x[:n]), (n + 1) // 2]
        out += [int(_wrap16(sparse)), used, sparse, used]
        if n < 256:
            out += 4 * [int(_wrap16(sparse)), 1 + 2 * used, sparse, 1 + 2 * used]
            out.append(min(65535, int((((x[:n] >> 1) - tables["prototype"][:n]) ** 2).sum())))
    factor = int(x[0] % 256) * 256 + int(x[1] % 256)
    start = np.array([0, 1, -1, 1073741824, -1073741824, 65535, -65536, 255, -256, 99])
    out += (start + tables["dense"][:10] * factor).astype(np.int32).tolist()
    signed = int(_wrap16(factor))
    out += [signed * int(x[2]), signed * int(x[2] % 256)]
    for high, low, high_b, low_b in x[:60].reshape(15, 4):
        a, b = int(high) * 256 + int(low) % 256, int(high_b) * 256 + int(low_b) % 256
        out += [int(np.clip(a + b, -32768, 32767)), (a * (int(high_b) % 256) + 128) >> 8]
        out += [int(np.clip((value + 16) >> 5, -128, 127)) for value in (a, a >> 3)]
        out += [int(high) << shift for shift in (0, 5, 8)]
    return out


SKETCH = """
#include <Arduino.h>
{before}
#include "edgealgos_runtime.h"
{tables}
static bool first;
static void print(int32_t value) {{ if (!first) Serial.print(','); Serial.print(value); first = false; }}
#define PRINT(value) print(value)
{kernels}
static void answer(const int8_t *x, uint16_t) {{ first = true; all_kernels(x); Serial.println(); }}
"""

HOST = """
#include <stdio.h>
#include "edgealgos_runtime.h"
{tables}
#define PRINT(value) printf("%ld ", (long)(value))
{kernels}
int main() {{
  int8_t x[{widest}];
  for (;;) {{
    for (int j = 0; j < {widest}; ++j) {{ int value; if (scanf("%d,", &value) != 1) return 0; x[j] = (int8_t)value; }}
    all_kernels(x);
    printf("\\n");
  }}
}}
"""


def _compare(lines, tables, vectors, separator, wraps=True):
    assert len(lines) == len(vectors)
    for line, x in zip(lines, vectors, strict=True):
        assert [int(word) for word in line.strip().split(separator)] == _expected(tables, x, wraps)


def _source(tables):
    return HOST.format(tables=_c_tables(tables), kernels=KERNELS, widest=WIDEST)


def _rows(vectors):
    return "\n".join(",".join(map(str, row)) + "," for row in vectors)


@pytest.mark.needs("g++")
def test_the_twins_are_right(tables, vectors, tmp_path):
    (tmp_path / "main.cpp").write_text(_source(tables))
    (tmp_path / "edgealgos_runtime.h").write_text(runtime_header())
    program = build_host([tmp_path / "main.cpp"], tmp_path / "program", include=[tmp_path])
    assert program.warnings == ()
    _compare(program.run(stdin=_rows(vectors)).splitlines(), tables, vectors, None)


@pytest.mark.needs("arm-linux-gnueabi-g++", "qemu-arm")
@pytest.mark.parametrize(
    ("flags", "processor", "wraps"),
    [
        (("-march=armv6", "-mfpu=vfp", "-mfloat-abi=softfp"), "arm1176", True),  # halfwords in pairs, ARM code
        (("-march=armv7-a", "-mthumb"), "cortex-a7", True),  # the same in Thumb-2
        (("-march=armv6", "-mthumb"), "arm1176", False),  # Thumb alone
    ],
)
@pytest.mark.parametrize("level", ["-Os", "-O2"])
def test_the_assembly_for_arm_is_right(flags, processor, wraps, level, tables, vectors, tmp_path):
    (tmp_path / "main.cpp").write_text(_source(tables))
    (tmp_path / "edgealgos_runtime.h").write_text(runtime_header())
    command = ["arm-linux-gnueabi-g++", *flags, level, "-Wall", "-Wextra", "-Werror", "-static", "-std=c++11"]
    subprocess.run([*command, "main.cpp", "-o", "program"], cwd=tmp_path, check=True)
    done = subprocess.run(["qemu-arm", "-cpu", processor, tmp_path / "program"], input=_rows(vectors),
                          capture_output=True, text=True, check=True)  # fmt: skip
    _compare(done.stdout.splitlines(), tables, vectors, None, wraps)


@pytest.mark.needs("avr-g++", "arduino-core", "simavr", "gcc")
@pytest.mark.parametrize("before", ["", "#undef __AVR_HAVE_MUL__"], ids=["multiplier", "no multiplier"])
def test_the_assembly_is_right(before, tables, vectors, tmp_path):
    code = SKETCH.format(tables=_c_tables(tables), kernels=KERNELS, before=before) + serial_loop(WIDEST, "int8_t")
    firmware = build_sketch(write_sketch(tmp_path, code, "kernels", edgealgos_runtime_h=runtime_header()))
    assert firmware.warnings == ()
    result = run_rows(firmware, vectors)
    _compare(result.lines, tables, vectors, ",")
