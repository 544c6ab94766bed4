"""README and docs: commands parse, links lead somewhere, parameters are described. tests/test_snippets.py runs them."""

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
from tools.snippets import snippets

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ESTIMATORS = [BonsaiClassifier, BonsaiRegressor, ProtoNNClassifier, ProtoNNRegressor, FastGRNNClassifier,
              FastGRNNRegressor, FastRNNClassifier, GRUClassifier, GRURegressor]  # fmt: skip
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md",
         *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_commands_parse(page):
    for snippet in snippets(ROOT / page):
        for line in snippet.code.splitlines() if not snippet.language else ():
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
