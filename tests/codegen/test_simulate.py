"""A sketch on a simulated board: its answers, exact cycles, exact stack, and every way it can go wrong."""

import json

import numpy as np
import pytest

from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.simulate import avr8js
from edgealgos.codegen.simulate.measured import function_addresses
from edgealgos.codegen.simulate.rows import run_rows
from edgealgos.errors import SimulationError
from tests.codegen.conftest import write_sketch

pytestmark = pytest.mark.needs("avr-g++", "arduino-core", "simavr", "gcc")

SUM = """
__attribute__((noinline)) int16_t sum(const int16_t *x, uint8_t n) {
  int16_t total = 0;
  while (n--) total += *x++;
  return total;
}
static void answer(const int16_t *x, uint8_t n) {
  int16_t total = sum(x, n);
  Serial.print(total < 0);
  Serial.print(',');
  Serial.println(total);
}
"""

# Functions whose cycles are known from the data sheet: nop 1, ret 4, ldi 1, dec 1, brne 2 or 1, rcall 3.
ASSEMBLY = """
.global ten_nops
ten_nops:
  .rept 10
  nop
  .endr
  ret
.global long_loop        ; 1 + 200 * (1 + 250 * 3 - 1 + 1 + 2) - 1 + 4 = 150,604 cycles: many timer interrupts
long_loop:
  ldi r24, 200
2: ldi r25, 250
1: dec r25
  brne 1b
  dec r24
  brne 2b
  ret
.global outer            ; 3 + 14 + 1 + 3 + 14 + 4 = 39 cycles
outer:
  rcall ten_nops
  nop
  rcall ten_nops
  ret
.global deep             ; takes 60 bytes of stack and gives them back
deep:
  .rept 60
  push r0
  .endr
  .rept 60
  pop r0
  .endr
  ret
"""
DECLARED = 'extern "C" { void ten_nops(); void long_loop(); void outer(); void deep(); }\n'


def _assembly(tmp_path, calls, name="probe"):
    code = (
        f"{DECLARED}static void answer() {{ {calls} Serial.println(0); }}\n"
        'void setup() { Serial.begin(500000); Serial.println(F("# probe ready")); }\n'
        "void loop() { if (Serial.read() == '\\n') answer(); }\n"
    )
    return build_sketch(write_sketch(tmp_path, code, name, kernels_S=ASSEMBLY))


def test_answers_are_the_sketchs_own(build_probe):
    firmware = build_probe(SUM)
    rows = np.random.default_rng(0).integers(-128, 128, (200, 64))
    result = run_rows(firmware, rows, ["sum"])
    assert np.array_equal(result.scores, rows.sum(axis=1, keepdims=True))
    assert np.array_equal(result.labels, rows.sum(axis=1) < 0)
    assert result.lines[0] == f"{int(result.labels[0])},{result.scores[0, 0]}"
    assert len(set(result.cycles)) == 1
    assert result.flash_bytes == firmware.flash_bytes
    assert result.ram_peak == result.static_ram + result.stack_peak
    assert result.warnings == []


def test_one_number_is_score_and_label(build_probe):
    result = run_rows(
        build_probe("static void answer(const int16_t *x, uint8_t) { Serial.println(-x[0]); }"), [[7], [-9]]
    )
    assert result.labels.tolist() == [-7, 9]
    assert result.scores.tolist() == [[-7], [9]]
    assert result.cycles.tolist() == [0, 0]


def test_a_thousand_rows_keep_lock_step_at_full_speed(build_probe):
    result = run_rows(build_probe(SUM), np.arange(1000).reshape(1000, 1), ["sum"])
    assert result.scores[:, 0].tolist() == list(range(1000))


def test_no_rows_no_answers(build_probe):
    result = run_rows(build_probe(SUM), np.zeros((0, 64), dtype=int), ["sum"])
    assert result.lines == []
    assert result.cycles.shape == (0,)
    assert result.stack_peak > 0


def test_remarks_between_answers_are_no_answers(build_probe):
    code = 'static void answer(const int16_t *x, uint8_t) { Serial.println(F("# thinking")); Serial.println(x[0]); }'
    assert run_rows(build_probe(code), [[1], [2]]).lines == ["1", "2"]


def test_cycles_are_those_of_the_data_sheet(tmp_path):
    firmware = _assembly(tmp_path, "ten_nops(); ten_nops();")
    result = run_rows(firmware, np.zeros((20, 1), dtype=int), ["ten_nops"])
    assert set(result.cycles) == {2 * 14}
    assert set(result.calls_by_function["ten_nops"]) == {2}


def test_interrupt_handlers_are_not_counted(tmp_path):
    result = run_rows(_assembly(tmp_path, "long_loop();"), np.zeros((5, 1), dtype=int), ["long_loop"])
    inner = 1 + 250 * 3 - 1  # ldi, then dec and brne, whose last one is not taken
    assert set(result.cycles) == {1 + 200 * (inner + 3) - 1 + 4}
    assert result.interrupt_cycles.min() > 9 * 50  # the loop spans nine ticks of the clock


def test_nested_watches_count_once_in_the_total(tmp_path):
    result = run_rows(_assembly(tmp_path, "outer(); ten_nops();"), [[0]], ["ten_nops", "outer"])
    assert result.cycles_by_function["outer"].tolist() == [39]
    assert result.cycles_by_function["ten_nops"].tolist() == [3 * 14]
    assert result.calls_by_function["ten_nops"].tolist() == [3]
    assert result.cycles.tolist() == [39 + 14]


def test_the_deepest_stack_is_found(tmp_path):
    shallow = run_rows(_assembly(tmp_path, "outer();", "shallow"), [[0]] * 3).stack_peak
    deep = run_rows(_assembly(tmp_path, "outer(); deep();", "deep"), [[0]] * 3).stack_peak
    assert deep >= 60 + 2 + 2  # pushes, return address, and that of main
    assert shallow < deep < shallow + 64


def test_a_frame_that_crosses_a_page_is_not_mistaken(build_probe):
    # gcc writes the stack pointer in two halves; half-written ones differ by up to 255 bytes.
    code = """
    __attribute__((noinline)) uint8_t frame(const int16_t *x) {
      volatile uint8_t block[SIZE];
      block[0] = x[0];
      return block[0];
    }
    static void answer(const int16_t *x, uint8_t) { Serial.println(frame(x)); }
    """
    peaks = [
        run_rows(build_probe(code.replace("SIZE", str(size)), f"frame{size}"), [[1]] * 5, ["frame"]).stack_peak
        for size in (400, 500, 600, 700)
    ]
    assert np.diff(peaks).tolist() == [100, 100, 100]


def test_copies_of_a_function_are_the_function(build_probe):
    firmware = build_probe(SUM)  # n and x are known at the only call: gcc may make sum.constprop.0 of it
    assert function_addresses(firmware, "sum") == function_addresses(firmware, "sum(int const*, unsigned char)")


def test_a_name_does_not_match_longer_names(build_probe):
    code = SUM.replace("sum", "sum_all")
    with pytest.raises(SimulationError, match=r"no function 'sum'.*sum_all"):
        run_rows(build_probe(code), [[1]], ["sum"])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            'static void answer(const int16_t *, uint8_t) { Serial.println(F("! bad row")); }',
            r"refused row 0.*! bad row",
        ),
        ("static void answer(const int16_t *, uint8_t) { for (;;) {} }", r"no answer within .* after 0 answered rows"),
        ("static void answer(const int16_t *, uint8_t) { ((void (*)())0)(); }", r"started again from address 0"),
        ("static void answer(const int16_t *, uint8_t) { ((void (*)())0x3800)(); }", r"crashed"),
        ('static void answer(const int16_t *, uint8_t) { Serial.println(F("1,nan")); }', r"integers .* '1,nan'"),
        ('static void answer(const int16_t *, uint8_t) { for (;;) Serial.print(F("aaaaaaaa")); }', r"without an end"),
    ],
    ids=["refused", "silent", "restarted", "crashed", "nonsense", "endless line"],
)
def test_what_goes_wrong_is_told(build_probe, code, message):
    with pytest.raises(SimulationError, match=message):
        run_rows(build_probe(code), [[1], [2]], cycle_limit=5_000_000)


def test_answers_of_different_length_are_refused(build_probe):
    code = 'static void answer(const int16_t *x, uint8_t) { if (x[0]) Serial.print(F("1,")); Serial.println(2); }'
    with pytest.raises(SimulationError, match="equally many"):
        run_rows(build_probe(code), [[0], [1]])


def test_an_answer_before_the_end_of_the_row_is_out_of_step(tmp_path):
    code = (
        'void setup() { Serial.begin(500000); Serial.println(F("# hasty ready")); }\n'
        "void loop() { if (Serial.read() == ',') Serial.println(1); }\n"
    )
    with pytest.raises(SimulationError, match="before the whole row"):
        run_rows(build_sketch(write_sketch(tmp_path, code, "hasty")), [list(range(20))])


def test_a_mute_sketch_is_told(tmp_path):
    firmware = build_sketch(write_sketch(tmp_path, "void setup() {}\nvoid loop() {}\n", "mute"))
    with pytest.raises(SimulationError, match=r"printed nothing: does it print '# <name> ready"):
        run_rows(firmware, [[1]], cycle_limit=1_000_000)


def test_a_stack_that_meets_the_variables_is_an_error(build_probe):
    code = """
    volatile uint8_t big[1500];
    __attribute__((noinline)) uint8_t fall(const int16_t *x) {
      volatile uint8_t block[300];
      for (uint16_t i = 0; i < sizeof block; ++i) block[i] = x[0];
      return block[x[0]];
    }
    static void answer(const int16_t *x, uint8_t) { big[x[0]] = 1; Serial.println(fall(x)); }
    """
    with pytest.raises(SimulationError, match=r"stack took \d+ bytes|started again|crashed|no answer"):
        run_rows(build_probe(code), [[1]], cycle_limit=5_000_000)


def test_a_slow_reader_is_told(tmp_path):
    code = (
        'void setup() { Serial.begin(500000); Serial.println(F("# slow ready")); }\n'
        "bool slept;\n"
        "void loop() {\n"
        "  if (!Serial.available()) return;\n"
        "  if (!slept) { cli(); delayMicroseconds(5000); sei(); slept = true; }\n"
        "  if (Serial.read() == '\\n') Serial.println(1);\n"
        "}\n"
    )
    result = run_rows(build_sketch(write_sketch(tmp_path, code, "slow")), [[11111] * 30])
    assert any("lost bytes" in warning for warning in result.warnings)


def test_rows_must_be_integers_in_a_table(build_probe):
    firmware = build_probe(SUM)
    with pytest.raises(ValueError, match="quantize them first"):
        run_rows(firmware, [[0.5]])
    with pytest.raises(ValueError, match="two dimensions"):
        run_rows(firmware, [1, 2])
    with pytest.raises(ValueError, match="no simulator is called 'paper'; known: simavr, avr8js"):
        run_rows(firmware, [[1]], simulator="paper")


@pytest.mark.needs("avr8js")
def test_two_simulators_see_the_same(tmp_path):
    firmware = _assembly(tmp_path, "outer(); deep(); long_loop();")
    one, two = (
        run_rows(firmware, [[0]] * 4, ["outer", "long_loop", "ten_nops"], simulator=name)
        for name in ("simavr", "avr8js")
    )
    assert one.lines == two.lines
    assert one.cycles.tolist() == two.cycles.tolist()
    assert one.stack_peak == two.stack_peak
    assert {name: calls.tolist() for name, calls in one.calls_by_function.items()} == {
        name: calls.tolist() for name, calls in two.calls_by_function.items()
    }


# avr8js with a processor that gets every product of two bytes wrong by one.
WRONG_PROCESSOR = """
const real = require(%s);
function avrInstruction(cpu) {
  const isProduct = (cpu.progMem[cpu.pc] & 0xfc00) === 0x9c00;
  real.avrInstruction(cpu);
  if (isProduct) cpu.data[0] ^= 1;
}
module.exports = { ...real, avrInstruction };
"""


@pytest.mark.needs("avr8js")
def test_simulators_that_disagree_are_an_error(build_probe, monkeypatch, tmp_path):
    code = "static void answer(const int16_t *x, uint8_t) { Serial.println(x[0] * x[0]); }"
    firmware = build_probe(code)
    assert run_rows(firmware, [[100]] * 3, confirm=True).confirmed_by == "avr8js"
    liar = tmp_path / "avr8js"
    liar.mkdir()
    (liar / "package.json").write_text('{"main": "index.js"}')
    (liar / "index.js").write_text(WRONG_PROCESSOR % json.dumps(str(avr8js.find())))
    monkeypatch.setenv("EDGEALGOS_AVR8JS", str(liar))
    with pytest.raises(SimulationError, match="simulators disagree on row 0: simavr says '10000'"):
        run_rows(firmware, [[100]] * 3, confirm=True)


def test_a_progress_bar_shows_when_asked(build_probe, capsys):
    firmware = build_probe(SUM)
    run_rows(firmware, [[1]] * 3)
    assert capsys.readouterr().err == ""
    run_rows(firmware, [[1]] * 3, verbose=True)
    assert "3/3" in capsys.readouterr().err
