"""Cycles of the assembly kernels beside plain C++ loops, on a simulated Arduino Uno.

    python benchmarks/avr_kernels.py > benchmarks/results/avr_kernels.md

prints cycles of whole calls, and what a further product, a zero or a weight costs (of bitmap rows: mask bytes and the
call's own cycles shared out).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgealgos.codegen.build import tools
from edgealgos.codegen.build.sketch import Firmware, build_sketch
from edgealgos.codegen.emit.cpp import runtime_header
from edgealgos.codegen.simulate import run_rows

SIZES = (8, 16, 32, 64, 128, 256)
DENSITIES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
SPARSE_COLUMNS = 64
WIDEST = max(SIZES)

# What one would write without assembly, compiled by avr-gcc with the flags of the Arduino IDE.
PLAIN = """
#define NOINLINE __attribute__((noinline, noclone))
NOINLINE int16_t plain_dot16(const int8_t *row, const int8_t *x, uint16_t n) {
  int16_t sum = 0;
  for (uint16_t j = 0; j < n; ++j) sum += (int8_t)pgm_read_byte(row + j) * x[j];
  return sum;
}
NOINLINE int32_t plain_dot32(const int8_t *row, const int8_t *x, uint16_t n) {
  int32_t sum = 0;
  for (uint16_t j = 0; j < n; ++j) sum += (int8_t)pgm_read_byte(row + j) * x[j];
  return sum;
}
NOINLINE int16_t bitmap16(const uint8_t *bits, const int8_t *values, const int8_t *x, uint8_t n) {
  return edgealgos::bitmap_row16(bits, values, x, (n + 7) >> 3);
}
NOINLINE int32_t bitmap32(const uint8_t *bits, const int8_t *values, const int8_t *x, uint8_t n) {
  return edgealgos::bitmap_row32(bits, values, x, (n + 7) >> 3);
}
NOINLINE int16_t plain_bitmap16(const uint8_t *bits, const int8_t *values, const int8_t *x, uint16_t n) {
  int16_t sum = 0;
  uint8_t mask = 0;
  for (uint16_t j = 0; j < n; ++j) {
    if ((j & 7) == 0) mask = pgm_read_byte(bits++);
    if (mask & 1) sum += (int8_t)pgm_read_byte(values++) * x[j];
    mask >>= 1;
  }
  return sum;
}
NOINLINE int16_t plain_indexed16(const int8_t *row, const int8_t *x) {
  int16_t sum = 0;
  for (uint8_t n = pgm_read_byte(row++); n--; row += 2) {
    x += pgm_read_byte(row);
    sum += (int8_t)pgm_read_byte(row + 1) * *x;
  }
  return sum;
}
NOINLINE uint16_t plain_distance(const int8_t *b, const int8_t *z, uint8_t n) {
  uint16_t sum = 0;
  for (uint8_t j = 0; j < n; ++j) {
    const int8_t d = z[j] - (int8_t)pgm_read_byte(b + j);
    const uint16_t square = (int16_t)d * d;
    sum += square;
    if (sum < square) return 0xFFFF;
  }
  return sum;
}
NOINLINE void plain_add_scaled(const int8_t *w, uint16_t factor, int32_t *scores, uint8_t n) {
  for (uint8_t c = 0; c < n; ++c) scores[c] += (int32_t)(int8_t)pgm_read_byte(w + c) * factor;
}
"""

SKETCH = """
#include "edgealgos_runtime.h"
{plain}
{tables}
static int8_t x[{widest}];
static int32_t scores[32];
volatile int32_t sink;

static void call(uint8_t kernel, uint16_t n) {{
  const uint8_t *bits = kBits + n * {mask_bytes};
  const int8_t *values = kValues + pgm_read_word(kStarts + n);
  const int8_t *indexed = kIndexed + pgm_read_word(kIndexedStarts + n);
  int16_t sums[4];
  switch (kernel) {{
    case 0: sink = plain_dot16(kRow, x, n); break;
    case 1: sink = edgealgos::dot16(kRow, x, n); break;
    case 2: edgealgos::dot_blocks16(kRow, x, n, sums, 1); sink = sums[3]; break;
    case 3: sink = plain_dot32(kRow, x, n); break;
    case 4: sink = edgealgos::dot24(kRow, x, n); break;
    case 5: sink = plain_bitmap16(bits, values, x, {sparse}); break;
    case 6: sink = bitmap16(bits, values, x, {sparse}); break;
    case 7: sink = bitmap32(bits, values, x, {sparse}); break;
    case 8: sink = plain_distance(kZeros, x, n); break;
    case 9: sink = edgealgos::squared_distance7(kZeros, x, n, 255); break;
    case 10: plain_add_scaled(kRow, 12345, scores, n); break;
    case 11: edgealgos::add_scaled(kRow, 12345, scores, n); break;
    case 12: sink = plain_indexed16(indexed, x); break;
    case 13: sink = edgealgos::dot_indexed16(indexed, x, {sparse}).sum; break;
    case 14: sink = edgealgos::dot_indexed32(indexed, x, {sparse}).sum; break;
  }}
}}

void setup() {{
  Serial.begin(500000);
  Serial.println(F("# kernels ready"));
}}

void loop() {{
  static uint8_t kernel;
  static uint16_t number;
  int c = Serial.read();
  if (c >= '0' && c <= '9') number = number * 10 + (c - '0');
  else if (c == ',') {{ kernel = number; number = 0; }}
  else if (c == '\\n') {{ call(kernel, number); number = 0; Serial.println(0); }}
}}
"""

NAMES = (
    "plain_dot16",
    "edgealgos::dot16",
    "edgealgos::dot_blocks16",
    "plain_dot32",
    "edgealgos::dot24",
    "plain_bitmap16",
    "bitmap16",
    "bitmap32",
    "plain_distance",
    "edgealgos::squared_distance7",
    "plain_add_scaled",
    "edgealgos::add_scaled",
    "plain_indexed16",
    "edgealgos::dot_indexed16",
    "edgealgos::dot_indexed32",
)
SPARSE = (5, 6, 7, 12, 13, 14)
SHORT = (10, 11)


def _sparse_rows() -> list[np.ndarray]:
    """A row of each density."""
    rng = np.random.default_rng(0)
    rows = []
    for density in DENSITIES:
        row = np.zeros(SPARSE_COLUMNS, dtype=int)
        row[rng.permutation(SPARSE_COLUMNS)[: round(density * SPARSE_COLUMNS)]] = 1
        rows.append(row)
    return rows


def _indexed(row: np.ndarray) -> np.ndarray:
    """How many weights, then each behind the number of columns to go on."""
    columns = np.flatnonzero(row)
    pairs = np.stack([np.diff(columns, prepend=0), row[columns]], axis=1)
    return np.concatenate([[len(columns)], pairs.ravel()])


def _build(folder: Path) -> Firmware:
    rows = _sparse_rows()
    weights = [row[row != 0] for row in rows]
    indexed = [_indexed(row) for row in rows]
    tables = {
        "int8_t kRow": np.arange(4 * WIDEST) % 200 - 100,
        "int8_t kZeros": np.zeros(WIDEST, dtype=int),
        "uint8_t kBits": np.concatenate([np.packbits(row, bitorder="little") for row in rows]),
        "int8_t kValues": np.concatenate(weights),
        "uint16_t kStarts": np.cumsum([0, *map(len, weights)])[:-1],
        "int8_t kIndexed": np.concatenate(indexed),
        "uint16_t kIndexedStarts": np.cumsum([0, *map(len, indexed)])[:-1],
    }
    text = "\n".join(f"const {name}[] PROGMEM = {{{','.join(map(str, data))}}};" for name, data in tables.items())
    sketch = folder / "kernels"
    sketch.mkdir()
    (sketch / "kernels.ino").write_text(
        SKETCH.format(
            plain=PLAIN, tables=text, widest=WIDEST, mask_bytes=-(-SPARSE_COLUMNS // 8), sparse=SPARSE_COLUMNS
        )
    )
    (sketch / "edgealgos_runtime.h").write_text(runtime_header())
    return build_sketch(sketch)


def _sizes(kernel: int) -> tuple[int, ...]:
    if kernel in SPARSE:
        return tuple(range(len(DENSITIES)))
    return tuple(size for size in SIZES if size <= (32 if kernel in SHORT else 128 if kernel in (2, 8, 9) else WIDEST))


def measure() -> dict[tuple[int, int], int]:
    """Cycles of each kernel (its place in NAMES) for each size."""
    jobs = [(kernel, size) for kernel in range(len(NAMES)) for size in _sizes(kernel)]
    with tempfile.TemporaryDirectory() as folder:
        result = run_rows(_build(Path(folder)), jobs, NAMES)
    return dict(zip(jobs, result.cycles.tolist(), strict=True))


def main() -> None:
    """Measure and print."""
    cycles = measure()
    print("# Cycles of the kernels on a simulated Arduino Uno\n")
    print(f"{tools.AVR_GXX.version()}, flags of the Arduino IDE; whole calls, their return included. Made by\n")
    print("    python benchmarks/avr_kernels.py > benchmarks/results/avr_kernels.md\n")
    print("| kernel | " + " | ".join(f"{size} columns" for size in SIZES) + " | each further product |")
    print("|---" * (len(SIZES) + 2) + "|")
    for kernel, name in enumerate(NAMES):
        if kernel not in SPARSE:
            sizes = _sizes(kernel)
            rows = 4 if name.endswith("dot_blocks16") else 1
            slope = (cycles[kernel, sizes[-1]] - cycles[kernel, sizes[0]]) / (sizes[-1] - sizes[0]) / rows
            cells = [str(cycles.get((kernel, size), "")) for size in SIZES]
            print(f"| `{name}` | {' | '.join(cells)} | {slope:.2f} |")
    print(f"\n| kernel, {SPARSE_COLUMNS} columns | " + " | ".join(f"{d:.0%}" for d in DENSITIES) + " | zero | weight |")
    print("|---" * (len(DENSITIES) + 3) + "|")
    for kernel in SPARSE:
        values = [cycles[kernel, index] for index in _sizes(kernel)]
        half, full = (values[DENSITIES.index(density)] for density in (0.5, 1.0))  # hardly a mask byte is zero here
        zero, weight = (2 * half - full) / SPARSE_COLUMNS, full / SPARSE_COLUMNS
        print(f"| `{NAMES[kernel]}` | {' | '.join(map(str, values))} | {zero:.2f} | {weight:.2f} |")


if __name__ == "__main__":
    main()
