"""Small sketches for the tests of building and simulating."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgealgos.codegen.build.sketch import Firmware, build_sketch

_SERIAL_LOOP = """
static KIND values[MOST];
static uint16_t count;
static int16_t number;
static bool negative;

static void take() {
  if (count < MOST) values[count++] = negative ? -number : number;
  number = 0;
  negative = false;
}

void setup() {
  Serial.begin(500000);
  Serial.println(F("# probe ready"));
}

void loop() {
  int c = Serial.read();
  if (c == '-') negative = true;
  else if (c >= '0' && c <= '9') number = number * 10 + (c - '0');
  else if (c == ',') take();
  else if (c == '\\n') {
    take();
    answer(values, count);
    count = 0;
  }
}
"""


def serial_loop(most: int = 80, kind: str = "int16_t") -> str:
    """Code that reads rows of integers and calls ``answer(values, count)``, which prints the answer line."""
    return _SERIAL_LOOP.replace("MOST", str(most)).replace("KIND", kind)


def write_sketch(folder: Path, code: str, name: str = "probe", **others: str) -> Path:
    """Write a sketch folder; `others` are more files, their names with ``_`` for the dot."""
    sketch = folder / name
    sketch.mkdir()
    (sketch / f"{name}.ino").write_text(code)
    for file, text in others.items():
        (sketch / ".".join(file.rsplit("_", 1))).write_text(text)
    return sketch


@pytest.fixture
def build_probe(tmp_path: Path) -> Callable[[str], Firmware]:
    """Builds a sketch that calls ``answer(const int16_t *values, uint8_t count)`` for each row."""

    def build(code: str, name: str = "probe") -> Firmware:
        return build_sketch(write_sketch(tmp_path, code + serial_loop(), name))

    return build
