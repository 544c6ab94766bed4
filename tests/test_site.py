"""The documentation site, without building it: every public name has a page, the menu is complete, links resolve."""

from __future__ import annotations

import json
import re
from importlib import import_module
from types import ModuleType

import pytest

from tools.docs import MODULES, stage


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "docs"
    return folder, json.loads(stage(folder).read_text(encoding="utf-8"))


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


def test_links_and_pictures_of_all_pages_resolve(site):
    folder, _ = site
    lost = [
        (page.relative_to(folder).as_posix(), target)
        for page in folder.rglob("*.md")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert lost == []
