"""Finding other people's programs, and building a thing once for all processes."""

import os
import pickle
import re
import stat
from pathlib import Path

import pytest

from edgealgos.codegen.build import tools
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.simulate import simavr
from edgealgos.codegen.simulate.doctor import doctor
from edgealgos.codegen.targets.compilers import COMPILERS
from edgealgos.errors import BuildError, EdgeAlgosError, MissingToolError

from .conftest import write_sketch


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    """A computer without any tool."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EDGEALGOS_ARDUINO_CORE", str(tmp_path / "no-core"))
    monkeypatch.setenv("EDGEALGOS_SIMAVR", str(tmp_path / "no-simavr"))
    monkeypatch.setenv("EDGEALGOS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def _executable(path: Path, text: str = "#!/bin/sh\necho tool 1.2\n") -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_missing_tool_is_named_with_its_purpose_and_source(bare_machine):
    with pytest.raises(MissingToolError) as caught:
        tools.AVR_GXX.path()
    message = str(caught.value)
    assert all(part in message for part in ("avr-g++", "compile for an AVR", "apt-get install gcc-avr", "Arduino IDE"))
    assert isinstance(caught.value, EdgeAlgosError)


def test_a_missing_tool_error_survives_pickling(bare_machine):
    error = tools.AVR_GXX.missing()
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_missing_core_and_simulator_say_how_to_get_them(bare_machine):
    with pytest.raises(MissingToolError, match=r"arduino-core-avr.*EDGEALGOS_ARDUINO_CORE"):
        tools.arduino_core()
    with pytest.raises(MissingToolError, match=r"libsimavr-dev"):
        simavr.command()


def test_doctor_on_a_bare_machine_misses_everything(bare_machine):
    findings = doctor()
    assert {"avr-g++", "libsimavr", "Arduino AVR core"} <= {finding.tool for finding in findings}
    assert all(finding.found is None and finding.how_to_get and finding.purpose for finding in findings)


@pytest.mark.needs("avr-g++", "simavr", "gcc")
def test_doctor_says_whether_the_simulator_is_good():
    found = {finding.tool: finding.found for finding in doctor()}
    assert "avr" in found["avr-g++"]
    assert "good" in found["libsimavr"] or "skip fault" in found["libsimavr"]


def test_compilers_of_the_newest_arduino_package_are_found(bare_machine):
    root = bare_machine / "home" / ".arduino15" / "packages" / "arduino" / "tools" / "avr-gcc"
    _executable(root / "7.3.0-atmel3.6.1-arduino5" / "bin" / "avr-g++")
    newest = _executable(root / "7.3.0-atmel3.6.1-arduino16" / "bin" / "avr-g++")
    assert tools.AVR_GXX.path() == newest


def test_the_arduino_core_of_the_ide_is_found(bare_machine, monkeypatch):
    monkeypatch.delenv("EDGEALGOS_ARDUINO_CORE")
    core = bare_machine / "home" / ".arduino15" / "packages" / "arduino" / "hardware" / "avr" / "1.8.6"
    (core / "cores" / "arduino").mkdir(parents=True)
    (core / "cores" / "arduino" / "Arduino.h").touch()
    (core / "platform.txt").write_text("name=Arduino AVR Boards\nversion=1.8.6\n")
    assert tools.find_arduino_core() in (core, Path("/usr/share/arduino/hardware/arduino/avr"))
    assert tools.arduino_core_version(core) == "1.8.6"


def test_a_failing_program_tells_what_it_said(tmp_path):
    broken = _executable(tmp_path / "bin" / "broken", "#!/bin/sh\necho no such thing >&2\nexit 3\n")
    with pytest.raises(BuildError, match=r"(?s)broken failed with code 3.*no such thing.*--now"):
        tools.run([broken, "--now"])


def test_cache_folder_order(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("EDGEALGOS_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert tools.cache_folder() == tmp_path / ".cache" / "edgealgos"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert tools.cache_folder() == tmp_path / "x" / "edgealgos"
    monkeypatch.setenv("EDGEALGOS_CACHE", str(tmp_path / "mine"))
    assert tools.cache_folder() == tmp_path / "mine"


def making(text):
    return lambda product: product.write_text(text)


def test_a_thing_is_built_once(tmp_path):
    target = tmp_path / "key" / "thing"
    assert tools.kept(target, making("first")).read_text() == "first"
    assert tools.kept(target, making("second")).read_text() == "first"
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize("make", [lambda product: None, lambda product: 1 / 0], ids=["nothing made", "failed"])
def test_a_failed_build_leaves_nothing(make, tmp_path):
    with pytest.raises((FileNotFoundError, ZeroDivisionError)):
        tools.kept(tmp_path / "key" / "thing", make)
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_two_builders_wins_and_nobody_who_reads_it_is_disturbed(tmp_path):
    target, inodes = tmp_path / "key" / "thing", []

    def slow(product):
        inodes.append(tools.kept(target, making("fast")).stat().st_ino)
        product.write_text("slow")

    assert tools.kept(target, slow).read_text() == "fast"
    assert inodes == [target.stat().st_ino]
    assert os.listdir(tmp_path) == ["key"]


DAMAGES = {
    "truncated": lambda target: target.write_bytes(target.read_bytes()[:-1]),
    "emptied": lambda target: target.write_bytes(b""),
    "one bit": lambda target: target.write_bytes(bytes([target.read_bytes()[0] ^ 1]) + target.read_bytes()[1:]),
    "deleted": Path.unlink,
    "digest deleted": lambda target: (target.parent / "sha256").unlink(),
    "folder emptied": lambda target: [file.unlink() for file in target.parent.iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_thing_is_built_anew(damage, tmp_path):
    target = tools.kept(tmp_path / "key" / "thing", making("whole"))
    DAMAGES[damage](target)
    assert tools.kept(target, making("anew")).read_text() == "anew"
    assert tools.kept(target, making("again")).read_text() == "anew"
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.needs("avr-g++", "arduino-core")
def test_a_damaged_core_is_compiled_anew(tmp_path, monkeypatch):
    sketch = write_sketch(tmp_path, "void setup() {}\nvoid loop() {}\n")
    monkeypatch.setenv("EDGEALGOS_CACHE", str(tmp_path / "cache"))
    whole = build_sketch(sketch).image()
    (core,) = (tmp_path / "cache").rglob("core.a")
    core.write_bytes(core.read_bytes()[:5000])
    assert build_sketch(sketch).image() == whole


@pytest.mark.parametrize("compiler", COMPILERS.values(), ids=lambda compiler: compiler.name)
def test_make_installs_what_a_missing_compiler_is_said_to_need(compiler):
    """A compiler without its C library is found and cannot compile."""
    made = set((Path(__file__).parents[2] / "Makefile").read_text().split()) | {"build-essential"}
    packages = re.search(r"apt-get install ([^`]*)", compiler.how_to_get)[1].split()
    assert set(packages) <= made
