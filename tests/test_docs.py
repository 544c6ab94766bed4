"""What README and docs print works as printed: Python blocks run, commands parse, links lead somewhere."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest

from edgealgos import (
    BonsaiClassifier,
    BonsaiRegressor,
    FastGRNNClassifier,
    FastGRNNRegressor,
    FastRNNClassifier,
    GRUClassifier,
    GRURegressor,
    ProtoNNClassifier,
    ProtoNNRegressor,
)
from edgealgos.cli.parser import make_parser
from edgealgos.estimators.shared import CLASSIFIER_PARAMETERS, SHARED_PARAMETERS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ESTIMATORS = [BonsaiClassifier, BonsaiRegressor, ProtoNNClassifier, ProtoNNRegressor, FastGRNNClassifier,
              FastGRNNRegressor, FastRNNClassifier, GRUClassifier, GRURegressor]  # fmt: skip
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md",
         *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md"))]  # fmt: skip


def blocks(page: str, language: str) -> list[str]:
    """Code blocks of a page in one language ("" for none)."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [code for kind, code in found if kind == language]


def run_blocks(page: str) -> None:
    """The Python blocks of a page, one after the other, as a reader would paste them."""
    names: dict[str, object] = {}
    for code in blocks(page, "python"):
        exec(compile(code, page, "exec"), names)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize(
    ("page", "sketch"), [("README.md", "out/digits"), ("docs/getting_started.md", "out/uno/digits")]
)
def test_python_blocks_run_one_after_the_other(page, sketch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(page)
    assert (tmp_path / sketch / "digits.ino").exists()


@pytest.mark.parametrize("page", ["docs/models.md", "docs/scikit_learn.md", "docs/tflite.md"])
def test_python_blocks_without_a_board_run_in_an_empty_folder(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(page)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_the_example_with_devices_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    for code in blocks("docs/devices.md", "python"):
        exec(compile(code, "docs/devices.md", "exec"), {})
    assert "sensor does not answer" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES)
def test_commands_parse(page):
    for code in blocks(page, ""):
        for line in code.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["edgealgos"]:
                assert callable(make_parser().parse_args(words[1:]).handler)
            elif words[:1] == ["make"]:
                assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_parameter_is_described(estimator):
    section = inspect.getdoc(estimator).split("Parameters\n----------\n")[1].split("\n\n")[0].replace("\\\n", "")
    described = [name for line in section.splitlines() if line[:1].strip() for name in line.split(" : ")[0].split(", ")]
    assert sorted(described) == sorted(estimator().get_params())


def test_estimators_describe_what_they_share_in_the_same_words():
    """Docstrings repeat shared parameters, so that help() and editors show them; here they cannot drift apart."""
    own = {"max_accuracy_loss", "projection_dim"}  # one family means more by it, or something else
    told: dict[str, set[str]] = {}
    for estimator in (BonsaiClassifier, ProtoNNClassifier, FastGRNNClassifier):
        section = inspect.getdoc(estimator).split("Parameters\n----------\n")[1].split("\n\n")[0]
        for name, text in re.findall(r"^(\w+) : ((?:.*\n?)(?:    .*\n?)+)", section, re.MULTILINE):
            told.setdefault(name, set()).add(text.strip())
    assert set(SHARED_PARAMETERS) | set(CLASSIFIER_PARAMETERS) <= set(told)
    assert [name for name, texts in told.items() if len(texts) > 1 and name not in own] == []


def test_ci_runs_nothing_that_the_readme_does_not_show():
    commands = re.findall(r"^make .*$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert commands == ["make check", "make test"]
    assert all(command in readme for command in commands)
