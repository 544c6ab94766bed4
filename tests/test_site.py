"""The documentation site: it builds without a warning, search finds every public name, links resolve."""

from __future__ import annotations

import json
import re
from importlib import import_module
from types import ModuleType

import joblib
import pytest

from tests.support.short_trainings import shorten
from tools import studio_pictures
from tools.docs import MODULES, ROOT, build, public_names, stage
from tools.links import external, form


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "docs"
    return folder, json.loads(stage(folder, folder.parent / "site").read_text(encoding="utf-8"))


def in_menu(entry) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in in_menu(part)]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_page_that_names_it(module, site):
    loaded = import_module(module)
    names = [name for name in getattr(loaded, "__all__", []) if not name.startswith("__")]
    for name in names:
        if not isinstance(getattr(loaded, name), ModuleType):
            page = (site[0] / f"docs/api/{module}.{name}.md").read_text(encoding="utf-8")
            assert page.startswith(f"# {name}\n")
            assert re.search(r"^::: edgealgos\.", page, re.MULTILINE)


def test_the_menu_has_every_page_of_docs_and_no_other(site):
    folder, config = site
    menu = in_menu(config["nav"])
    assert len(menu) == len(set(menu))
    assert [page for page in menu if not (folder / page).is_file()] == []
    assert {path.relative_to(folder).as_posix() for path in folder.glob("docs/**/*.md")} <= set(menu)


@pytest.mark.slow
@pytest.mark.needs("mkdocs", "mkdocstrings_handlers", "avr-g++", "simavr", "arduino-core")
@pytest.mark.filterwarnings("ignore:time_limit")
def test_the_site_builds_without_a_warning_and_search_finds_every_public_name(tmp_path, monkeypatch):
    shorten(monkeypatch)
    with joblib.parallel_backend("threading"):  # other processes would not be quick
        assert build(tmp_path / "docs", tmp_path / "site") == 0  # lost links, pictures and anchors are warnings
    pictures = {path.name for path in (tmp_path / "site/docs/tutorials/pictures").iterdir()}
    assert pictures == {"digits.png", "moves.png", "regression.png", "whistles.png"}
    assert not (ROOT / "docs/tutorials/pictures").exists()  # drawn when the site is built, and never kept
    index = json.loads((tmp_path / "site/search/search_index.json").read_text(encoding="utf-8"))
    titled = {(entry["title"], entry["location"]) for entry in index["docs"]}
    sought = {(name, f"docs/api/{module}.{name}.html") for module in MODULES for name in public_names(module)}
    assert sought - titled == set()
    assert [
        page.name for page in (tmp_path / "site/docs/api").glob("*.html") if re.search(r":\w+:<code>", page.read_text())
    ] == []


@pytest.mark.needs("PIL")
@pytest.mark.parametrize("name", studio_pictures.NAMES)
def test_pictures_of_the_studio_show_it_as_it_looks_now(name):
    assert studio_pictures.drawn_from(name) == studio_pictures.digest(), "python -m tools.studio_pictures draws them"


def test_links_to_elsewhere_are_well_formed():
    found = external(ROOT)
    assert found
    assert {url: why for url in found if (why := form(url))} == {}
