"""Exported files as people read them: the kernels that a model uses, names for numbers, licence, width."""

import re
from pathlib import Path

import pytest

from edgealgos import export_arduino, export_cpp
from edgealgos._version import VERSION
from edgealgos.codegen.emit.cpp import kernels, model_source
from edgealgos.codegen.passes import to_integer
from tests.codegen.test_export import Fitted
from tests.support import sample_programs as programs

CODE = re.compile(r"\.(?:h|cpp|ino)$")


def texts(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): f.read_text() for f in folder.rglob("*") if f.is_file()}


@pytest.fixture(scope="module", params=["protonn", "bonsai", "fastgrnn", "forest"])
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "digits"
    export_arduino(Fitted(programs.EVERY_KIND[request.param]()), folder)
    return request.param, texts(folder)


def test_no_line_of_a_kernel_is_lost_when_kernels_are_taken_apart():
    pieces = "\n".join(piece.text for piece in kernels._pieces())
    glue = re.compile(r"#(?:if|el|endif|include)|#define EDGEALGOS_RUNTIME_H|namespace |}  // namespace|// |\s*$")
    lost = [line for line in kernels.runtime_header().split("\n") if line not in pieces and not glue.match(line)]
    assert lost == []


@pytest.mark.parametrize(
    ("kind", "needed", "needless"),
    [
        ("protonn", "prototype_score squared_distance7 kExp2", "tree_walk kTanh forest power_spectrum slide_window"),
        ("bonsai", "tree_walk matvec", "prototype_score kTanh forest power_spectrum slide_window dot_nibbles"),
        ("fastgrnn", "gated_update HardTanh", "tree_walk prototype_score forest power_spectrum kTanh"),
        ("forest", "forest leaf_of Packed", "tree_walk prototype_score matvec dot16 gated_update power_spectrum"),
    ],
)
def test_a_model_brings_the_kernels_that_it_calls_and_no_others(kind, needed, needless):
    text = kernels.kernels_of(model_source(to_integer(programs.EVERY_KIND[kind]()), "tiny"))
    words = set(re.findall(r"\w+", re.sub(r"//.*", "", text)))
    assert words >= set(needed.split())
    assert not words & set(needless.split())
    assert len(text) < len(kernels.runtime_header()) / 2


def test_what_is_common_is_the_same_for_every_model_and_stands_in_a_file_of_its_own(exported):
    _, files = exported
    assert kernels.base_header() in files["edgealgos_runtime.h"]
    assert not re.search(r"\bflash\(const", files["digits_model.cpp"])


def test_every_file_says_its_licence_and_its_version(exported, tmp_path):
    kind, files = exported
    if kind == "forest":  # of the others the files are the same
        for board in ("host", "pizero", "cortex-m0"):
            export_cpp(Fitted(programs.forest()), tmp_path / board.replace("-", ""), target=board)
        export_arduino(Fitted(programs.forest()), tmp_path / "library", layout="library")
        files = {**files, **texts(tmp_path)}
    for name, text in files.items():
        assert re.search(rf"(?i)edgealgos\W+(?:{re.escape(VERSION)})", text), name
        assert re.search(r'SPDX-License-Identifier: MIT(?: -->)?$|"license": "MIT"|^license=MIT$', text, re.M), name


def test_numbers_of_calls_have_names(exported):
    _, files = exported
    body = files["digits_model.cpp"].split("// ---- the model")[1]
    calls = re.findall(r"edgealgos::(\w+)(?:<([^()]*)>)?\(", body)
    assert {"argmax"} < {name for name, _ in calls}
    for name, numbers in calls:
        assert not re.search(r"(?<![\w])-?\d+", numbers) or name == "packed", (name, numbers)


@pytest.mark.parametrize("kind", ["bonsai for few cycles", "protonn", "fastgrnn of low rank", "forest of pairs"])
def test_no_line_of_code_is_wider_than_120_columns(kind, tmp_path):
    export_arduino(Fitted(programs.EVERY_KIND[kind]()), tmp_path / "fast", optimize="speed")
    export_arduino(Fitted(programs.EVERY_KIND[kind]()), tmp_path / "small", layout="library", optimize="size")
    code = {name: text for name, text in texts(tmp_path).items() if CODE.search(name)}
    wide = [(name, line) for name, text in code.items() for line in text.split("\n") if len(line) > 120]
    assert wide == []
