"""Finding other people's programs, and building a thing once for all processes."""

import os
import pickle
import stat
from pathlib import Path

import pytest

from edgealgos.codegen.build import tools
from edgealgos.codegen.build.doctor import doctor
from edgealgos.codegen.simulate import simavr
from edgealgos.errors import BuildError, EdgeAlgosError, MissingToolError


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
    assert all(part in message for part in ("avr-g++", "compile a sketch", "apt-get install gcc-avr", "Arduino IDE"))
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


def test_a_failed_build_leaves_nothing(tmp_path):
    target = tmp_path / "cache" / "thing"
    with pytest.raises(FileNotFoundError), tools.building(target):  # nothing was built: the move finds nothing
        (target.parent / "seen").touch()
    (target.parent / "seen").unlink()
    assert list(target.parent.iterdir()) == []


def test_the_first_of_two_builders_wins_and_nobody_who_reads_it_is_disturbed(tmp_path):
    target = tmp_path / "thing"
    with tools.building(target) as first:
        first.write_text("first")
        with tools.building(target) as second:
            second.write_text("second")
        before = target.stat()
    assert target.read_text() == "second"
    assert target.stat().st_ino == before.st_ino
    assert os.listdir(tmp_path) == ["thing"]
