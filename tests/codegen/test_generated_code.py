"""What whoever compiles an export relies on, whatever the compiler, the core around it, and who calls what when."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgealgos.codegen.build import sketch as toolchain
from edgealgos.codegen.build import tools
from edgealgos.codegen.build.firmware import Firmware, symbols
from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.emit.cpp import files, model_source
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import Space
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.interpret import run_stream
from edgealgos.codegen.program.qtype import QType
from edgealgos.codegen.simulate.sketch import run_sketch
from edgealgos.codegen.targets.boards import get_board
from tests.support import sample_programs as programs
from tests.support.equivalence import raw

pytestmark = pytest.mark.slow

AVR = pytest.mark.needs("avr-g++", "simavr", "arduino-core")
CPU = Path("/proc/cpuinfo")
WITH_FMA = CPU.exists() and "fma" in CPU.read_text()


# ---- any compiler --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiler", [pytest.param(c, marks=pytest.mark.needs(c)) for c in ("g++", "clang++")])
@pytest.mark.parametrize("kind", programs.EVERY_KIND)
def test_conversions_are_written_out_for_every_compiler(kind, compiler, tmp_path):
    files.write_cpp(programs.compiled(programs.EVERY_KIND[kind](1), "host"), tmp_path / "m", "model")
    flags = ("-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-fsyntax-only")
    done = subprocess.run(
        [compiler, *flags, tmp_path / "m" / "model_model.cpp"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


QUANTIZE = """#include <stdio.h>
#include "model_model.h"
int main() {
  float v;
  for (unsigned i = 0; fread(&v, sizeof v, 1, stdin) == 1; ++i) printf("%d\\n", model::quantize(i % 3, v));
}
"""


@pytest.mark.needs("g++")
@pytest.mark.skipif(not WITH_FMA, reason="this processor does not multiply and add in one")
@pytest.mark.parametrize("compiler", ["g++", pytest.param("clang++", marks=pytest.mark.needs("clang++"))])
@pytest.mark.parametrize("bits", [8, 16])
def test_quantize_rounds_twice_where_the_processor_could_round_once(bits, compiler, tmp_path):
    rng = np.random.default_rng(bits)
    X = rng.normal(size=(40_000, 3)) * [1, 50, 0.01] + [0, 900, 5]
    encoding = choose_encoding(X[:100], bits)
    program = replace(programs.protonn(0, features=3), encoding=encoding)
    program = program.replacing(replace(program["x"], qtype=encoding.qtype))
    files.write_cpp(programs.compiled(program, "host"), tmp_path / "m", "model")
    (tmp_path / "m" / "main.cpp").write_text(QUANTIZE)
    flags = ("-std=c++11", "-O3", "-mfma", "-ffp-contract=fast")
    sources = [tmp_path / "m" / name for name in ("main.cpp", "model_model.cpp")]
    subprocess.run([compiler, *flags, *sources, "-o", tmp_path / "run"], check=True)
    done = subprocess.run([tmp_path / "run"], input=X.astype(np.float32).tobytes(), capture_output=True, check=True)
    assert np.array_equal(np.array(done.stdout.split(), int).reshape(-1, 3), encoding.encode(X))


def test_steps_larger_than_one_are_readable_in_comments(tmp_path):
    program = programs.compiled(programs.protonn(0, features=3), "host").program
    coarse = [replace(t, qtype=QType(t.type.bits, -5)) for t in program.tensors if t.space is Space.FLASH and t.shape]
    text = model_source(program.replacing(*coarse), "model")
    assert text.count("real = raw * 2^5, ") == len(coarse)
    assert "^--" not in text


# ---- labels --------------------------------------------------------------------------------------------------------


BARE_AVR = """#include <avr/io.h>
#include "model_model.h"
static void put(char c) {
  while (!(UCSR0A & (1 << UDRE0))) {}
  UDR0 = c;
}
int main() {
  UBRR0 = 3;
  UCSR0B = 1 << TXEN0;
  for (uint8_t i = 0; i <= model::kClassCount; ++i) {
    for (const char *c = model::label(i); *c; ++c) put(*c);
    put('\\n');
  }
  for (;;) {}
}
"""


@AVR
def test_labels_are_text_on_an_avr_without_the_core_of_arduino(tmp_path):
    labels = ("a", "", "the longest of them all", "größe", "a\0")
    compiled = programs.compiled(replace(programs.bonsai(1, outputs=5), labels=labels))
    files.write_sketch(compiled, tmp_path / "m", "model")
    (tmp_path / "m" / "main.cpp").write_text(BARE_AVR)
    elf = tmp_path / "bare.elf"
    board = get_board("uno")
    sources = [tmp_path / "m" / name for name in ("main.cpp", "model_model.cpp")]
    tools.run([tools.AVR_GXX.path(), "-std=c++11", *board.flags, *sources, "-o", elf])
    firmware = Firmware(elf, board, 0, 0, symbols(elf, tools.AVR_NM.path()))
    lines = run_sketch(firmware, 0.1).output.decode().split("\n")
    assert lines == ["a", "", "the longest of them all", "größe", "a\\0", "a", ""]


def test_labels_that_differ_in_a_zero_at_the_end_stay_two():
    compiled = programs.compiled(replace(programs.bonsai(1, outputs=3), labels=("a", "a\0", "b")))
    q = programs.any_inputs(np.random.default_rng(0), compiled.program, 60)
    assert set(compiled.predict(raw(compiled, q))) == {"a", "a\0", "b"}
    assert '[] EDGEALGOS_FLASH = "a\\1340";' in model_source(compiled.program, "model")
    plain = programs.compiled(replace(programs.bonsai(1, outputs=3), labels=("a", "bc", "d")))
    assert plain.predict(raw(plain, q)).dtype == np.dtype("<U2")


# ---- too many steps ------------------------------------------------------------------------------------------------


PUSHING = """#include <stdio.h>
#include <stdlib.h>
#include "model_model.h"
int main(int, char **arguments) {
  const int pushes = atoi(arguments[1]);
  static model::input_t x[model::kFeatureCount];
  for (int again = 0; again < 2; ++again) {
    model::reset();
    for (int i = 0; i < pushes; ++i) {
      for (unsigned j = 0; j < model::kFeatureCount; ++j) x[j] = static_cast<model::input_t>((i + j) % 7);
      model::push(x);
    }
    PREDICT();
    for (unsigned c = 0; c < model::kScoreCount; ++c) printf("%ld ", static_cast<long>(model::scores()[c]));
  }
}
"""
STEPPED = {
    "bonsai without a buffer": lambda: to_integer(programs.bonsai(1), input_buffer=False),
    "dense bonsai without a buffer": lambda: to_integer(programs.bonsai(1, density=1.0), input_buffer=False),
    "16-bit bonsai without a buffer": lambda: to_integer(programs.bonsai(1, bits=16), input_buffer=False),
    "protonn without a buffer": lambda: to_integer(programs.protonn(1), input_buffer=False),
    **{kind: lambda make=make: to_integer(make(1)) for kind, make in programs.EVERY_KIND.items() if "fast" in kind},
}


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", STEPPED)
def test_a_push_too_many_reads_and_writes_nothing_out_of_bounds(kind, tmp_path):
    compiled = CompiledModel(STEPPED[kind](), get_board("host"))
    files.write_cpp(compiled, tmp_path / "m", "model")
    predict = "model::predict" if compiled.program.task == "classifier" else "model::predict_raw"
    (tmp_path / "m" / "main.cpp").write_text(PUSHING.replace("PREDICT", predict))
    run = toolchain.build_host(sorted((tmp_path / "m").glob("*.cpp")), tmp_path / "run")
    steps = compiled.program.steps
    exact, more, many = (run.run(str(n)).split() for n in (steps, steps + 1, 3 * steps + 40_000 % steps))
    assert exact[: len(exact) // 2] == exact[len(exact) // 2 :]  # reset() begins anew
    if "without a buffer" in kind:
        assert exact == more == many
        assert "are ignored until reset()" in (tmp_path / "m" / "model_model.h").read_text()
        x = (np.arange(3 * steps) % 7)[None, :, None]
        assert np.array_equal(run_stream(compiled.program, x)[0, -1], np.array(exact[: len(exact) // 2], int))


# ---- two callers ---------------------------------------------------------------------------------------------------


TWO_CALLERS = """#include "model_model.h"
static const model::input_t kOurs[] = {OURS}, kTheirs[] = {THEIRS};
static volatile uint16_t wrong, calls;

static bool right(const model::input_t *x, const model::score_t *expected) {
  model::predict(x);
  for (uint8_t c = 0; c < model::kScoreCount; ++c)
    if (model::scores()[c] != expected[c]) return false;
  return true;
}
static model::score_t ours[model::kScoreCount], theirs[model::kScoreCount];

ISR(TIMER1_COMPA_vect) {
  ++calls;
  if (!right(kTheirs, theirs)) ++wrong;
}

static void learn(const model::input_t *x, model::score_t *scores) {
  model::predict(x);
  for (uint8_t c = 0; c < model::kScoreCount; ++c) scores[c] = model::scores()[c];
}

void setup() {
  Serial.begin(250000);
  learn(kOurs, ours);
  learn(kTheirs, theirs);
  TCCR1A = 0;
  TCCR1B = _BV(WGM12) | _BV(CS10);
  OCR1A = 40009;
  TIMSK1 = _BV(OCIE1A);
}

void loop() {
  uint16_t torn = 0;
  for (uint8_t n = 0; n < 200; ++n) {
    GUARD
    if (!right(kOurs, ours)) ++torn;
  }
  Serial.print(torn);
  Serial.print(' ');
  Serial.print(wrong);
  Serial.print(' ');
  Serial.println(calls);
  Serial.flush();
  TIMSK1 = 0;
  for (;;) {}
}
"""


@AVR
@pytest.mark.parametrize("kind", ["bonsai", "protonn"])
def test_a_guard_in_loop_keeps_an_interrupt_that_predicts_from_tearing_answers(kind, tmp_path):
    compiled = programs.compiled(programs.EVERY_KIND[kind](1))
    rows = [",".join(map(str, row)) for row in programs.any_inputs(np.random.default_rng(5), compiled.program, 2)]
    code = TWO_CALLERS.replace("{OURS}", f"{{{rows[0]}}}").replace("{THEIRS}", f"{{{rows[1]}}}")
    found = {}
    for name, guard in (("without", ""), ("with", "model::Guard guard;")):
        folder = tmp_path / name / "model"
        files.write_sketch(compiled, folder, "model")
        (folder / "model.ino").write_text(code.replace("GUARD", guard))
        firmware = toolchain.build_sketch(folder)
        assert firmware.warnings == ()
        found[name] = [int(number) for number in run_sketch(firmware, 2.0).lines[-1].text.split()]
    assert found["without"][0] > 0  # what the guard is for
    assert found["with"][:2] == [0, 0]
    assert found["with"][2] > 20
