"""Exports: files, names, folders, refusals; what the compiled sketch may hold."""

import hashlib
import json
import os
import re
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from edgealgos.codegen.build import sketch as toolchain
from edgealgos.codegen.emit.cpp.files import write_cpp
from edgealgos.codegen.export import Budget, export_arduino, export_cpp
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.simulate import run_rows
from edgealgos.codegen.targets.boards import get_board
from edgealgos.errors import DoesNotFitError, ExportError, UnsupportedModelError
from tests.support import sample_programs as programs

AVR = pytest.mark.needs("avr-g++", "simavr", "arduino-core")
SOFT_FLOAT = re.compile(
    r"__(add|sub|mul|div|cmp|float|fix|eq|ne|lt|le|gt|ge|unord)\w*[sd]f\w*$|^(exp|tanh|sqrt|pow|log)f?$"
)


class Fitted(BaseEstimator):
    """What codegen asks of an estimator: a program."""

    def __init__(self, program):
        self.program = program

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def to_program(self):
        return self.program


@pytest.fixture
def model():
    return Fitted(programs.bonsai(1))


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def test_a_sketch_has_the_promised_files(model, tmp_path):
    export_arduino(model, tmp_path / "digits")
    names = {"digits.ino", "digits_model.h", "digits_model.cpp", "edgealgos_runtime.h", "README.md", "manifest.json"}
    assert set(files(tmp_path / "digits")) == names


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    export_arduino(model, tmp_path / "a" / "digits")
    export_arduino(model, tmp_path / "b" / "digits")
    assert files(tmp_path / "a" / "digits") == files(tmp_path / "b" / "digits")


def test_the_manifest_agrees_with_the_report(model, tmp_path):
    report = export_arduino(model, tmp_path / "digits")
    facts = json.loads((tmp_path / "digits" / "manifest.json").read_text())
    assert facts["predicted"]["model_bytes"] == report.model_bytes == sum(facts["model_items"].values())
    assert facts["predicted"]["ram_bytes"] == report.ram_bytes


BAD_NAMES = ["class", "2fast", "a-b", "a b", "", "_x", "a__b", "float", "setup", "ü", "x" * 60, "a;b"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_no_cpp_are_refused_and_nothing_is_written(model, tmp_path, name):
    with pytest.raises(ExportError):
        export_arduino(model, tmp_path / "out", name=name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_name_that_is_no_namespace_asks_for_a_name(model, tmp_path):
    with pytest.raises(ExportError, match="pass name="):
        export_arduino(model, tmp_path / "my-model")
    export_arduino(model, tmp_path / "my-model", name="my_model")
    assert (tmp_path / "my-model" / "my-model.ino").is_file()


def test_a_folder_with_files_is_left_alone(model, tmp_path):
    target = tmp_path / "digits"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    before = files(tmp_path)
    with pytest.raises(ExportError, match="overwrite=True"):
        export_arduino(model, target)
    assert files(tmp_path) == before


def test_overwriting_replaces_ours_and_keeps_the_users(model, tmp_path):
    export_arduino(model, tmp_path / "digits")
    (tmp_path / "digits" / "notes.txt").write_text("mine")
    export_arduino(Fitted(programs.fastgrnn(1)), tmp_path / "digits", overwrite=True)
    export_arduino(Fitted(programs.fastgrnn(1)), tmp_path / "b" / "digits")
    assert files(tmp_path / "digits") == {**files(tmp_path / "b" / "digits"), "notes.txt": b"mine"}


def test_another_name_or_kind_of_export_leaves_nothing_of_the_old_one(model, tmp_path):
    exports = [
        lambda folder: export_arduino(model, folder, name="first", overwrite=True),
        lambda folder: export_arduino(model, folder, name="second", layout="library", overwrite=True),
        lambda folder: export_cpp(model, folder, name="third", overwrite=True),
    ]
    for number, export in enumerate(exports):
        export(tmp_path / "digits")
        export(tmp_path / str(number) / "digits")
        assert files(tmp_path / "digits") == files(tmp_path / str(number) / "digits")


def test_a_file_in_the_way_is_refused(model, tmp_path):
    (tmp_path / "digits").write_text("mine")
    with pytest.raises(ExportError, match="is a file"):
        export_arduino(model, tmp_path / "digits")
    assert (tmp_path / "digits").read_text() == "mine"


@pytest.mark.parametrize("options", [{}, {"name": "iris"}])
@pytest.mark.parametrize("export", [export_arduino, export_cpp])
def test_a_path_that_none_can_be_and_a_working_folder_that_is_gone_are_refused(export, options, tmp_path, monkeypatch):
    with pytest.raises(ExportError, match=r"null byte\. Nothing was changed"):
        export(Fitted(programs.bonsai(1)), "a\0b", **options)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for place in ("out", "."):
        with pytest.raises(ExportError, match=r"No such file or directory\. Nothing was changed"):
            export(Fitted(programs.bonsai(1)), place, **options)
    monkeypatch.chdir(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_folder_stays_a_link_and_the_sketch_behind_it_builds_where_it_is(model, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    export_arduino(model, tmp_path / "link", name="iris")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "real.ino").is_file()


def test_the_manifest_lists_every_file_beside_it(model, tmp_path):
    for number, layout in enumerate(["sketch", "library"]):
        folder = tmp_path / str(number) / "digits"
        export_arduino(model, folder, layout=layout)
        listed = json.loads((folder / "manifest.json").read_text())["files"]
        assert listed == {name: hashlib.sha256(data).hexdigest() for name, data in files(folder).items()
                          if name != "manifest.json"}  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission_is_said(model, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(ExportError, match="cannot write"):
            export_arduino(model, tmp_path / "digits")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    big = Fitted(programs.bonsai(0, features=4000, width=12, density=1.0))
    with pytest.raises(DoesNotFitError, match=r"Z.*To make it fit"):
        export_arduino(big, tmp_path / "big")
    assert list(tmp_path.iterdir()) == []


def test_a_stricter_budget_is_kept(model, tmp_path):
    with pytest.raises(DoesNotFitError, match="RAM"):
        export_arduino(model, tmp_path / "small", budget=Budget(ram_bytes=100))


@pytest.mark.parametrize("wrong", [{"layout": "zip"}, {"optimize": "both"}, {"board": "host"}])
def test_wrong_choices_are_named(model, tmp_path, wrong):
    with pytest.raises(ExportError, match=next(iter(wrong.values()))):
        export_arduino(model, tmp_path / "digits", **wrong)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(UnsupportedModelError, match="cannot be compiled"):
        export_arduino(object(), tmp_path / "digits")


def test_nasty_labels_stay_text(tmp_path):
    labels = ('"; int x; //', "line\nbreak", "größe ☃", "%s\\")
    export_arduino(Fitted(replace(programs.bonsai(1), labels=labels)), tmp_path / "digits")
    source = (tmp_path / "digits" / "digits_model.cpp").read_text()
    assert source.isascii()
    assert "int x;" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", source)


@AVR
def test_nasty_labels_compile(tmp_path):
    labels = ('"; int x; //', "line\nbreak", "größe ☃", "%s\\ ??/")
    export_arduino(Fitted(replace(programs.bonsai(1), labels=labels)), tmp_path / "digits")
    assert toolchain.build_sketch(tmp_path / "digits").warnings == ()


@AVR
@pytest.mark.parametrize("kind", programs.EVERY_KIND)
def test_a_sketch_compiles_without_warnings_float_heap_or_tables_in_ram(kind, tmp_path):
    export_arduino(Fitted(programs.EVERY_KIND[kind]()), tmp_path / "digits")
    firmware = toolchain.build_sketch(tmp_path / "digits")
    assert firmware.warnings == ()
    names = {symbol.name for symbol in firmware.symbols}
    assert not {name for name in names if SOFT_FLOAT.search(name)}
    assert not names & {"malloc", "free", "_Znwj"}
    included = set(re.findall(r"#include (\S+)", "".join(p.read_text() for p in (tmp_path / "digits").glob("*.[hc]*"))))
    assert included <= {"<stdint.h>", "<avr/pgmspace.h>", "<Arduino.h>", '"digits_model.h"', '"edgealgos_runtime.h"'}


@AVR
def test_the_self_test_runs_on_the_board(tmp_path):
    for kind in ("bonsai", "fastgrnn", "protonn regressor"):
        program = programs.EVERY_KIND[kind](1)
        compiled = programs.compiled(program)
        q = programs.any_inputs(np.random.default_rng(0), compiled.program, 5)
        X = q / program.encoding.scale + program.encoding.offset
        export_arduino(Fitted(program), tmp_path / "tested", self_test=X, overwrite=True)
        firmware = toolchain.build_sketch(tmp_path / "tested")
        assert firmware.warnings == ()
        row = np.zeros((1, program.input.size), int)
        assert "# self-test: 5 of 5 rows as in Python" in run_rows(firmware, row).remarks


@AVR
def test_two_models_live_in_one_sketch(tmp_path):
    export_arduino(Fitted(programs.bonsai(1)), tmp_path / "first")
    export_arduino(Fitted(programs.fastgrnn(1)), tmp_path / "second")
    for file in (tmp_path / "second").glob("*.[hc]*"):
        (tmp_path / "first" / file.name).write_bytes(file.read_bytes())
    sketch = tmp_path / "first" / "first.ino"
    use = "second::input_t s[second::kFeatureCount] = {}; second::push(s); Serial.println(second::predict());"
    text = sketch.read_text().replace('#include "first_model.h"', '#include "first_model.h"\n#include "second_model.h"')
    sketch.write_text(text.replace("void setup() {", "void setup() {\n  " + use))
    assert toolchain.build_sketch(tmp_path / "first").warnings == ()


@AVR
def test_the_library_layout_is_an_arduino_library(model, tmp_path):
    export_arduino(model, tmp_path / "digits", layout="library")
    root = tmp_path / "digits"
    names = {"library.properties", "library.json", "keywords.txt", "README.md", "manifest.json", "src/digits_model.h",
             "src/digits_model.cpp", "src/edgealgos_runtime.h", "examples/digits_serial/digits_serial.ino"}  # fmt: skip
    assert set(files(root)) == names
    facts = dict(line.split("=", 1) for line in (root / "library.properties").read_text().splitlines())
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert required <= set(facts)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_ .-]{0,62}", facts["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["version"])
    assert facts["architectures"] == "*"
    platformio = json.loads((root / "library.json").read_text())
    assert (platformio["name"], platformio["version"]) == (facts["name"], facts["version"])
    assert (root / platformio["build"]["srcDir"] / platformio["headers"]).is_file()
    assert all("\t" in line for line in (root / "keywords.txt").read_text().splitlines())
    with zipfile.ZipFile(tmp_path / "digits.zip", "w") as archive:
        for name in files(root):
            archive.write(root / name, f"digits/{name}")
    with zipfile.ZipFile(tmp_path / "digits.zip") as archive:
        archive.extractall(tmp_path / "libraries")
    example, library = root / "examples" / "digits_serial", tmp_path / "libraries" / "digits"
    firmware = toolchain.build_sketch(example, libraries=[library])
    assert firmware.warnings == ()


PER_FEATURE = np.random.default_rng(0).normal(size=(300, 3)) * [1, 50, 0.01] + [0, 900, 5]
PIXELS = np.random.default_rng(1).integers(0, 17, (300, 3)).astype(float)
MAIN = """#include <stdio.h>
#include "model_model.h"
int main() { float v; for (unsigned i = 0; scanf("%f", &v) == 1; ++i) printf("%d\\n", model::quantize(i % 3, v)); }
"""


SHARED = PER_FEATURE / [1, 50, 0.01]


@pytest.mark.needs("g++")
@pytest.mark.parametrize("X", [PER_FEATURE, PIXELS, SHARED], ids=["per feature", "pixels", "shared"])
def test_quantize_on_the_device_is_quantize_in_python(X, tmp_path):
    encoding = choose_encoding(X[:100])
    program = replace(programs.protonn(0, features=3), encoding=encoding)
    program = program.replacing(replace(program["x"], qtype=encoding.qtype))
    write_cpp(programs.compiled(program, "host"), tmp_path / "m", "model")
    (tmp_path / "m" / "main.cpp").write_text(MAIN)
    run = toolchain.build_host([tmp_path / "m" / "main.cpp", tmp_path / "m" / "model_model.cpp"], tmp_path / "run")
    values = np.concatenate([X, X * 7, [[np.inf, -np.inf, 1e30]]]).astype(np.float32)
    out = run.run(stdin="\n".join(f"{v:.9g}" for v in values.ravel()))
    assert np.array_equal(np.array(out.split(), int).reshape(-1, 3), encoding.encode(values))


def test_export_cpp_writes_for_the_host(model, tmp_path):
    report = export_cpp(model, tmp_path / "digits", target="host")
    assert (tmp_path / "digits" / "main.cpp").is_file()
    assert report.board == get_board("host")
    with pytest.raises(ExportError, match="export_arduino"):
        export_cpp(model, tmp_path / "other", target="uno")
