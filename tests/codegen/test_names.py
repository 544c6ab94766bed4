"""Names of models: those that build are taken, the others are refused with one that would do."""

import json
import random
import re
from dataclasses import replace

import pytest

from edgealgos.codegen.build.names import is_refused
from edgealgos.codegen.build.plain import build_cpp
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.emit.cpp.files import cpp_files, sketch_files, write_export
from edgealgos.codegen.emit.cpp.names import KEYWORDS, checked_name, identifiers, reserved, suggestion
from edgealgos.codegen.export import export_arduino, export_cpp
from edgealgos.codegen.targets.boards import get_board
from edgealgos.errors import ExportError
from tests.codegen.test_export import Fitted, files
from tests.support import sample_programs as programs

pytestmark = pytest.mark.slow

LANGUAGES = {"arduino": "uno", "plain": "host"}
OF_THE_CORE = [
    "tone", "map", "random", "log", "delay", "B1", "B00000001", "PORTB", "TWSR", "bit", "word", "yield", "Print",
    "String", "A0", "LED_BUILTIN", "SDA", "micros", "millis", "analogRead", "isSpace", "abs", "sei", "Wire", "uint8_t",
    "size_t",
]  # fmt: skip
OF_PLAIN_CPP = [
    "printf",
    "random",
    "log",
    "time",
    "index",
    "linux",
    "unix",
    "y0",
    "gamma",
    "div",
    "EOF",
    "stdin",
    "int8_t",
]
OF_OURS = [
    "readLine",
    "kRow",
    "kEmpty",
    "kEnd",
    "complain",
    "answer",
    "row",
    "selfTest",
    "setup",
    "loop",
    "main",
    "edgealgos",
    "EDGEALGOS_FLASH",
    "std",
]
WELL = ["digits", "iris", "wand", "Tap", "tap_2", "wakeword", "model", "gesture", "label", "predict", "flash", "scores"]


def export(language, folder, **options):
    make = export_arduino if language == "arduino" else export_cpp
    return make(Fitted(programs.bonsai(1)), folder, **options)


@pytest.mark.parametrize("how", ["name", "folder"])
@pytest.mark.parametrize(
    ("language", "name"),
    [("arduino", n) for n in OF_THE_CORE] + [("plain", n) for n in OF_PLAIN_CPP]
    + [(language, n) for language in LANGUAGES for n in OF_OURS],
)  # fmt: skip
def test_names_of_headers_and_of_our_own_programs_are_refused_by_name(language, name, how, tmp_path):
    options = {"name": name} if how == "name" else {}
    with pytest.raises(ExportError, match=rf"'{name}'.*name='{name}_model'"):
        export(language, tmp_path / ("out" if options else name), **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(KEYWORDS))
def test_words_of_cpp_are_refused(name):
    for language in LANGUAGES:
        with pytest.raises(ExportError, match=f"{name}_model"):
            checked_name(name, language)


SUGGESTED = {
    "my-model": "my_model", "my model": "my_model", "größe": "grosse", "2fast": "model_2fast", "": "model", "_x": "x",
    "a__b": "a_b", "random": "random_model", "a;b": "a_b", "...": "model", "x" * 300: "x" * 45, "日本": "model",
    "new-": "new_model",
}  # fmt: skip


@pytest.mark.parametrize("name", SUGGESTED)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_that_is_none_gets_one_suggested(language, name):
    assert suggestion(name, language) == SUGGESTED[name]
    assert checked_name(SUGGESTED[name], language) == SUGGESTED[name]
    with pytest.raises(ExportError) as refusal:
        checked_name(name, language)
    assert f"name={SUGGESTED[name]!r}" in str(refusal.value)


def test_a_folder_that_the_ide_does_not_open_is_refused(tmp_path):
    for folder in ("größe", "my model", "x" * 64, "a+b", ".hidden", "ends."):
        with pytest.raises(ExportError, match="Arduino IDE"):
            export("arduino", tmp_path / folder, name="digits")
    export("arduino", tmp_path / "my-model.2", name="digits")
    export("plain", tmp_path / "my model", name="digits")
    export("arduino", tmp_path / "größe", name="digits", layout="library")


@pytest.mark.needs("avr-g++", "arduino-core", "g++")
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_list_refuses_the_compiler_refuses_and_what_it_leaves_out_the_compiler_takes(language):
    board = get_board(LANGUAGES[language])
    listed = [name for name in reserved(language) if name.islower() and "_" not in name]
    for name in random.Random(0).sample(sorted(listed), 25):
        assert not is_refused(f"{name}_model", board)
    functions = ["tone", "map", "log", "delay"] if language == "arduino" else ["printf", "random", "exit", "div"]
    assert all(is_refused(name, board) for name in functions)
    assert not any(is_refused(name, board) for name in WELL)


@pytest.mark.needs("avr-g++", "arduino-core")
def test_a_name_that_only_this_core_has_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("edgealgos.codegen.emit.cpp.names.reserved", lambda language: frozenset())
    with pytest.raises(ExportError, match=r"'pulseIn'.*compiler"):
        export("arduino", tmp_path / "pulseIn")


@pytest.mark.needs("avr-g++", "arduino-core")
@pytest.mark.parametrize("name", WELL)
def test_a_name_that_is_taken_builds_as_a_sketch(name, tmp_path):
    export("arduino", tmp_path / name)
    assert build_sketch(tmp_path / name).warnings == ()


@pytest.mark.needs("g++")
@pytest.mark.parametrize("name", WELL)
def test_a_name_that_is_taken_builds_as_plain_cpp(name, tmp_path):
    export("plain", tmp_path / name)
    assert build_cpp(tmp_path / name, "host").warnings == ()


@pytest.mark.needs("g++")
def test_names_that_differ_only_in_case_work_together(tmp_path):
    export("plain", tmp_path / "both", name="tap")
    export("plain", tmp_path / "other", name="Tap")
    for file in (tmp_path / "other").glob("Tap_model.*"):
        (tmp_path / "both" / file.name).write_bytes(file.read_bytes())
    main = '#include "tap_model.h"\n#include "Tap_model.h"\nint main() {{ {} }}\n'
    uses = "".join(f"{name}::input_t {name}_x[{name}::kFeatureCount] = {{}}; " for name in ("tap", "Tap"))
    (tmp_path / "both" / "main.cpp").write_text(main.format(uses + "return tap::predict(tap_x) - Tap::predict(Tap_x);"))
    assert build_cpp(tmp_path / "both", "host").warnings == ()
    assert "tap_model.h" in files(tmp_path / "both")


NASTY = [
    "sepal length (cm)", "Sepal Length [cm]", "größe", "", "日本", "2nd", "class", "F", "A0", "min", "x" * 90, "x" * 91,
    "a b", "a_b", "q_16", "q", "Q",
]  # fmt: skip


def test_names_of_features_become_different_identifiers():
    found = identifiers(NASTY)
    assert found[:4] == ["sepal_length_cm", "sepal_length_cm_1", "grosse", "input_3"]
    assert len(set(found)) == len(NASTY)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in found)


@pytest.mark.parametrize("name", [
    "filled", "wait", "left", "row", "step", "torn", "hosted", "take", "restart", "latest", "waiting", "lost", "kPins",
    "kRate",
])  # fmt: skip
def test_names_of_variables_of_sketches_are_refused(name):
    with pytest.raises(ExportError, match=rf"{name}.*function or variable of the exported program"):
        checked_name(name)


@pytest.mark.parametrize("names", [
    ["x_2", "x", "x"], ["x_2", "x", "X"], ["temp_3", "t", "TEMP", "temp"], ["a_1_1", "A", "a", "a_1"],
    ["input_1", "", "1"], ["input_2", "2", "2"], ["class", "input_class", "CLASS"],
])  # fmt: skip
def test_a_name_with_a_number_behind_it_may_be_that_of_another_feature(names):
    assert len(set(identifiers(names))) == len(names)


@pytest.mark.needs("avr-g++", "arduino-core", "g++")
@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_features_stand_in_header_readme_and_manifest(language, tmp_path):
    program = replace(programs.bonsai(1, features=len(NASTY)), feature_names=tuple(NASTY))
    compiled = programs.compiled(program, LANGUAGES[language])
    files_of_it = cpp_files(compiled, "m") if language == "plain" else sketch_files(compiled, "m", "m")
    write_export(tmp_path / "m", files_of_it, False)
    texts = {path.name: path.read_text() for path in (tmp_path / "m").iterdir()}
    assert "  sepal_length_cm = 0,\n  sepal_length_cm_1 = 1,\n" in texts["m_model.h"]
    assert "| 0 | sepal length (cm) |" in texts["README.md"]
    assert json.loads(texts["manifest.json"])["feature_names"] == NASTY
    built = build_cpp(tmp_path / "m", "host") if language == "plain" else build_sketch(tmp_path / "m")
    assert built.warnings == ()


def test_models_without_names_have_none(tmp_path):
    export("arduino", tmp_path / "m")
    assert "namespace inputs" not in (tmp_path / "m" / "m_model.h").read_text()
    assert json.loads((tmp_path / "m" / "manifest.json").read_text())["feature_names"] == []
