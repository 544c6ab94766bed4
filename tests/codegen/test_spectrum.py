"""Frames, power spectra, logarithms of bands: interpreter, plain C++ and the simulated Uno give the same integers."""

import numpy as np
import pytest

from edgealgos.codegen.build.sketch import build_host, build_sketch
from edgealgos.codegen.emit.cpp import calls, model, runtime_header, tables
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import Space
from edgealgos.codegen.program.interpret import run_features
from edgealgos.codegen.program.memory import plan_memory
from edgealgos.codegen.simulate import run_rows
from edgealgos.features import LogMel
from tests.codegen.conftest import serial_loop, write_sketch

SHAPES = {
    "usual": {},
    "short": {"window": 64, "hop": 64, "n_mels": 6, "pre_emphasis": 0.0, "noise_floor": 0.0},
    "padded": {"window": 200, "hop": 80, "n_mels": 12, "noise_floor": 300.0},
    "largest": {"window": 512, "hop": 160, "n_mels": 40, "sample_rate": 16000},
}

BODY = """
namespace {{
{tables}
{memory}
}}
__attribute__((noinline)) static bool push(const int16_t *samples) {{
  struct Body {{ static void run(const int16_t *samples, bool &done) {{
{calls}
    done = true;
  }} }};
  bool done = false;
  Body::run(samples, done);
  return done;
}}
"""

HOST = """
#include <stdio.h>
#include "edgealgos_runtime.h"
{body}
int main() {{
  int16_t hop[{hop}];
  for (;;) {{
    for (int i = 0; i < {hop}; ++i) {{ int v; if (scanf("%d,", &v) != 1) return 0; hop[i] = (int16_t)v; }}
    if (push(hop)) for (int i = 0; i < {bands}; ++i) printf("%d,", {out}[i]);
    printf("\\n");
  }}
}}
"""

SKETCH = """
#include <Arduino.h>
#include "edgealgos_runtime.h"
{body}
static void answer(const int16_t *hop, uint16_t) {{
  const bool made = push(hop);
  for (uint8_t i = 0; i < {bands}; ++i) {{ if (i) Serial.print(','); Serial.print(made ? {out}[i] : -32768); }}
  Serial.println();
}}
"""


def fitted(kind, seconds=0.25):
    extractor = LogMel(**SHAPES[kind])
    return extractor.fit(np.zeros((1, int(seconds * extractor.sample_rate)), int))


def waves(extractor, count, rng):
    """Noise of all levels, a full-scale tone, full-scale steps, silence, and the most negative number."""
    shape = count, extractor.n_steps_ * extractor.hop
    rows = rng.normal(size=shape) * 2.0 ** rng.uniform(0, 14, size=(count, 1))
    t = np.arange(shape[1])
    rows[0] = 32767 * np.sin(0.37 * t)
    rows[1] = np.where(t // 7 % 2, 32767, -32768)
    rows[2], rows[3] = 0, -32768
    rows[4] = np.where(t == shape[1] // 2, 32767, 0)
    return np.clip(np.rint(rows), -32768, 32767).astype(int)


def code(extractor):
    program = to_integer(extractor.to_program())
    body = BODY.format(
        tables="\n".join(tables.constant(program, t) for t in program.tensors if t.space is Space.FLASH),
        memory=model.memory(program, plan_memory(program)),
        calls="\n".join(calls.statement(program, op) for op in program.functions["push"]),
    )
    facts = {"body": body, "hop": extractor.hop, "bands": extractor.n_mels, "out": f"{program.output.name}_"}
    return program, facts


def expected(program, x):
    """A line a hop; empty while there is no frame."""
    frames = run_features(program, x)
    late = x.shape[1] // program.input.size - frames.shape[1]
    return [[] if step < late else frame[step - late].tolist() for frame in frames for step in range(late + len(frame))]


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", SHAPES)
def test_host(kind, tmp_path):
    extractor = fitted(kind)
    program, facts = code(extractor)
    rows = waves(extractor, 12, np.random.default_rng(1))
    (tmp_path / "main.cpp").write_text(HOST.format(**facts))
    (tmp_path / "edgealgos_runtime.h").write_text(runtime_header())
    built = build_host([tmp_path / "main.cpp"], tmp_path / "program")
    assert built.warnings == ()
    for x in rows:
        lines = built.run(stdin="\n".join(",".join(map(str, hop)) + "," for hop in x.reshape(-1, extractor.hop)))
        assert [[int(v) for v in line.split(",") if v] for line in lines.splitlines()] == expected(program, x[None])


@pytest.mark.needs("avr-g++", "arduino-core", "simavr", "gcc")
@pytest.mark.parametrize("kind", [kind for kind in SHAPES if kind != "largest"])  # which needs more than 2 KB
def test_uno(kind, tmp_path):
    extractor = fitted(kind, 0.1)
    program, facts = code(extractor)
    rows = waves(extractor, 8, np.random.default_rng(2))
    sound = SKETCH.format(**facts) + serial_loop(extractor.hop)
    sketch = write_sketch(tmp_path, sound, "sound", edgealgos_runtime_h=runtime_header())
    firmware = build_sketch(sketch)
    assert firmware.warnings == ()
    for x in rows:  # each from a fresh start
        result = run_rows(firmware, x.reshape(-1, extractor.hop), ["push"])
        none = ",".join(["-32768"] * extractor.n_mels)
        got = [[] if line == none else [int(v) for v in line.split(",")] for line in result.lines]
        assert got == expected(program, x[None])
        assert kind != "usual" or result.cycles.max() < 114_500
