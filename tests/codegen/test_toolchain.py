"""Building sketches as the Arduino IDE does, and host programs with sanitizers."""

import gc
import subprocess
import sys

import pytest

from edgealgos.codegen.build.sketch import build_host, build_sketch
from edgealgos.errors import BuildError
from tests.codegen.conftest import write_sketch

avr = pytest.mark.needs("avr-g++", "arduino-core")
EMPTY = "void setup() {}\nvoid loop() {}\n"


@avr
def test_an_empty_sketch_is_small(tmp_path):
    firmware = build_sketch(write_sketch(tmp_path, EMPTY))
    assert 400 < firmware.flash_bytes < 700
    assert 5 < firmware.static_ram_bytes < 20
    assert firmware.warnings == ()
    assert len(firmware.image()) == firmware.flash_bytes


@avr
def test_sizes_follow_the_variables(tmp_path):
    tables = "static const uint8_t t[300] PROGMEM = {1}; volatile uint8_t zeroed[200]; volatile uint8_t set[100] = {1};"
    use = f"{tables}\nvoid setup() {{ zeroed[0] = pgm_read_byte(t + zeroed[1]) + set[3]; }}\nvoid loop() {{}}\n"
    bare = build_sketch(write_sketch(tmp_path, EMPTY, "bare"))
    full = build_sketch(write_sketch(tmp_path, use, "full"))
    assert full.static_ram_bytes - bare.static_ram_bytes == 300
    assert 400 <= full.flash_bytes - bare.flash_bytes < 500


@avr
def test_files_of_each_language_and_the_src_folder_are_built(tmp_path):
    sketch = write_sketch(
        tmp_path,
        'extern "C" { int from_c(); int from_asm(); }\nint from_cpp(); int from_src();\nvolatile int sum;\n'
        "void setup() { sum = from_c() + from_asm() + from_cpp() + from_src(); }\nvoid loop() {}\n",
        one_c="int from_c(void) { return 1; }\n",
        two_cpp="int from_cpp() { return 2; }\n",
        three_S=".global from_asm\nfrom_asm:\n ldi r24, 3\n ldi r25, 0\n ret\n",
    )
    (sketch / "src").mkdir()
    (sketch / "src" / "four.cpp").write_text("int from_src() { return 4; }\n")
    assert any(symbol.name == "from_asm" for symbol in build_sketch(sketch).symbols)


@avr
def test_libraries_are_built_along(tmp_path):
    library = tmp_path / "lib"
    (library / "src").mkdir(parents=True)
    (library / "library.properties").write_text("name=lib\n")
    (library / "src" / "lib.h").write_text("int answer();\n")
    (library / "src" / "lib.cpp").write_text('#include "lib.h"\nint answer() { return 42; }\n')
    sketch = write_sketch(
        tmp_path, "#include <lib.h>\nvolatile int x;\nvoid setup() { x = answer(); }\nvoid loop() {}\n"
    )
    build_sketch(sketch, libraries=[library])
    with pytest.raises(BuildError, match=r"no library.properties"):
        build_sketch(sketch, libraries=[sketch])


@avr
def test_warnings_of_our_files_are_kept_and_those_of_the_core_are_not(tmp_path):
    code = "#include <Arduino.h>\nint pick(int a, unsigned b) { int unused = 0; return a < b; }\n"
    warnings = build_sketch(write_sketch(tmp_path, EMPTY, code_cpp=code)).warnings
    assert len(warnings) == 2
    assert all("code.cpp:2" in warning for warning in warnings)


@avr
def test_a_wrong_program_is_refused_with_the_compilers_words(tmp_path):
    with pytest.raises(BuildError, match=r"probe.ino:1:.*'nonsense'"):
        build_sketch(write_sketch(tmp_path, "void setup() { nonsense(); }\nvoid loop() {}\n"))


def test_a_folder_without_its_ino_is_no_sketch(tmp_path):
    with pytest.raises(BuildError, match=r"has no .*\.ino"):
        build_sketch(tmp_path)


def test_only_avr_boards_take_sketches(tmp_path):
    with pytest.raises(ValueError, match="this computer is not programmed with Arduino sketches"):
        build_sketch(tmp_path, "host")


@avr
def test_the_same_sketch_gives_the_same_bytes(tmp_path):
    sketch = write_sketch(tmp_path, 'void setup() { Serial.begin(9600); Serial.print(F("a")); }\nvoid loop() {}\n')
    assert build_sketch(sketch).image() == build_sketch(sketch).image()


@avr
def test_the_linked_file_lives_as_long_as_its_firmware(tmp_path):
    sketch = write_sketch(tmp_path, EMPTY)
    before = sorted(sketch.rglob("*"))
    firmware = build_sketch(sketch)
    elf = firmware.elf
    assert elf.is_file()
    del firmware
    gc.collect()
    assert not elf.parent.exists()
    kept = build_sketch(sketch, build_folder=tmp_path / "build").elf
    gc.collect()
    assert kept.is_file()
    assert sorted(sketch.rglob("*")) == before


@avr
def test_two_processes_may_fill_the_cache_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEALGOS_CACHE", str(tmp_path / "cache"))
    sketch = write_sketch(tmp_path, EMPTY)
    code = f"from edgealgos.codegen.build.sketch import build_sketch; print(build_sketch({str(sketch)!r}).flash_bytes)"
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sizes = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(sizes) == 1
    assert [file.name for file in (tmp_path / "cache").rglob("*") if file.is_file()] == ["core.a", "sha256"]


@avr
def test_symbols_name_functions(tmp_path):
    code = "volatile int x;\nnamespace m { __attribute__((noinline)) void work(const int8_t *) { x = 1; } }\n"
    firmware = build_sketch(write_sketch(tmp_path, code + "void setup() { m::work(0); }\nvoid loop() {}\n"))
    (work,) = (symbol for symbol in firmware.symbols if symbol.demangled.startswith("m::work("))
    assert work.size > 0
    assert firmware.function_at(work.address + 2) == work.demangled
    assert "m::work" in firmware.disassembly()


host = pytest.mark.needs("g++")


def _host_program(tmp_path, body):
    source = tmp_path / "main.cpp"
    source.write_text(f"#include <stdio.h>\nint main() {{ {body} }}\n")
    return build_host([source], tmp_path / "program")


@host
def test_a_host_program_reads_and_prints(tmp_path):
    program = _host_program(tmp_path, 'int a = 0, b = 0; if (scanf("%d %d", &a, &b) == 2) printf("%d\\n", a + b);')
    assert program.warnings == ()
    assert program.run(stdin="2 40") == "42\n"


@host
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('int a; if (scanf("%d", &a) == 1) printf("%d", a + 2147483647);', "signed integer overflow"),
        ('int a, t[2] = {0, 0}; if (scanf("%d", &a) == 1) printf("%d", t[a + 1]);', "out of bounds"),
    ],
)
def test_sanitizers_stop_a_host_program(tmp_path, body, fault):
    with pytest.raises(BuildError, match=fault):
        _host_program(tmp_path, body).run(stdin="1")


@host
def test_host_warnings_are_kept(tmp_path):
    (warning,) = _host_program(tmp_path, "int unused = 1;").warnings
    assert "unused" in warning


@pytest.mark.needs("avr-g++", "arduino-core")
def test_libraries_of_the_core_are_found_by_their_headers(tmp_path):
    code = "#include NAME\nvoid setup() { SPI.begin(); }\nvoid loop() {}\n"
    found = build_sketch(write_sketch(tmp_path, code.replace("NAME", "<SPI.h>")))
    assert any("SPIClass" in symbol.demangled for symbol in found.symbols)
    header = "struct { void begin() {} } SPI;\n"
    own = build_sketch(write_sketch(tmp_path, code.replace("NAME", '"SPI.h"'), "own", SPI_h=header))
    assert not any("SPIClass" in symbol.demangled for symbol in own.symbols)
