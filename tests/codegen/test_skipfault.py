"""simavr before 1.7 skips too much before some adiw/sbiw: such places are found, told, and put right."""

import pytest

from edgealgos.codegen.simulate import avr8js, run_rows, simavr
from edgealgos.codegen.simulate.skip_fault import find_skip_places
from edgealgos.errors import MissingToolError

pytestmark = pytest.mark.needs("avr-g++", "avr-objdump", "arduino-core", "simavr", "gcc")

# What avr-gcc makes of x / 64 at -Os: a skip, then adiw with 63; one word more is skipped by a faulty simulator.
DIVIDE = """
__attribute__((noinline)) int16_t divide(int16_t x) {
  asm volatile("sbrc %B0, 7\\n\\tadiw %A0, ADDEND\\n\\t"
               "ldi r18, 6\\n1:\\tasr %B0\\n\\tror %A0\\n\\tdec r18\\n\\tbrne 1b" : "+w"(x) : : "r18");
  return x;
}
static void answer(const int16_t *x, uint8_t) { Serial.println(divide(x[0])); }
"""
ROWS = [[128], [6400], [0], [-128], [-6400], [-1]]


def test_places_are_found_told_and_put_right(build_probe):
    firmware = build_probe(DIVIDE.replace("ADDEND", "0x3f"))
    places = find_skip_places(firmware)
    assert [place.function.split("(")[0] for place in places] == ["divide"]
    result = run_rows(firmware, ROWS)
    assert result.scores[:, 0].tolist() == [2, 100, 0, -2, -100, 0]
    if simavr.has_skip_fault():
        (warning,) = result.warnings
        assert f"1 such places (divide(int) at 0x{places[0].address:04x})" in warning
        assert "put right 3 wrong skips" in warning  # 128, 6400 and 0 skip; negative ones do not
    else:
        assert result.warnings == []


@pytest.mark.needs("avr8js")
def test_a_second_simulator_confirms_doubtful_firmware(build_probe):
    result = run_rows(build_probe(DIVIDE.replace("ADDEND", "0x3f")), ROWS, ["divide"])
    assert result.confirmed_by == ("avr8js" if simavr.has_skip_fault() else None)
    assert not simavr.has_skip_fault() or "avr8js confirms" in result.warnings[0]


def test_without_a_second_simulator_the_doubt_stays(build_probe, monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEALGOS_AVR8JS", str(tmp_path / "nowhere"))
    result = run_rows(build_probe(DIVIDE.replace("ADDEND", "0x3f")), ROWS)
    assert result.confirmed_by is None
    assert not simavr.has_skip_fault() or "npm install" in result.warnings[0]
    with pytest.raises(MissingToolError, match="avr8js"):
        run_rows(build_probe(DIVIDE.replace("ADDEND", "0x3f"), "again"), ROWS, confirm=True)


@pytest.mark.needs("avr8js")
def test_the_second_simulator_is_good():
    assert not avr8js.has_skip_fault()


def test_harmless_constants_are_no_places(build_probe):
    firmware = build_probe(DIVIDE.replace("ADDEND", "0x3b"))
    assert find_skip_places(firmware) == []
    result = run_rows(firmware, ROWS)
    assert result.warnings == []
    assert result.scores[:3, 0].tolist() == [2, 100, 0]


@pytest.mark.parametrize("skip", ["sbrs r24, 0", "cpse r24, r25", "sbic 0x1e, 0", "sbis 0x1e, 0"])
@pytest.mark.parametrize("instruction", ["adiw r26, 12", "sbiw r30, 0x2d"])
def test_every_skip_is_known(build_probe, skip, instruction):
    code = f"""
    static void answer(const int16_t *x, uint8_t) {{
      asm volatile("{skip}\\n\\t{instruction}" : : : "r24", "r25", "r26", "r27", "r30", "r31");
      Serial.println(x[0]);
    }}
    """
    assert len(find_skip_places(build_probe(code))) == 1


def test_cycles_of_a_mended_skip_are_right(build_probe):
    cycles = run_rows(build_probe(DIVIDE.replace("ADDEND", "0x3f")), ROWS, ["divide"]).cycles
    # skip over one word: 2 cycles; no skip: 1 and adiw 2. Then ldi 1, 6 x (1 + 1 + 1 + 2) - 1, ret 4.
    assert cycles.tolist() == [2 + 30 + 4] * 3 + [3 + 30 + 4] * 3
