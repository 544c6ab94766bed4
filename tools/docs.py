"""Builds the documentation site from README, docs and docstrings: ``python -m tools.docs``; knows no models.

Pages keep their places in the repository, so that links between them are the same on the site: they are copied to
``build/docs``, beside generated pages of the API, one a public name, and MkDocs reads that folder. The pictures of
tutorials are drawn there by what the tutorials print.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tools.snippets import DRAWN, TUTORIALS, draw, drawn_by

ROOT = Path(__file__).parents[1]
MODULES = ("edgealgos", "edgealgos.features", "edgealgos.datasets", "edgealgos.augment", "edgealgos.tuning",
           "edgealgos.layers", "edgealgos.codegen.simulate")  # fmt: skip
_COPIED = (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "docs/**/*.md", "docs/**/*.png",
    "examples/**/*.md", "examples/**/*.png", "benchmarks/**/*.md", "benchmarks/**/*.png",
)  # fmt: skip
_TUTORIALS = ("table", "gestures", "wake_word", "regression", "own_model")
_GUIDES = (
    "getting_started", "studio", "recipes", "data", "models", "search", "scikit_learn", "sketches", "devices", "boards",
    "tflite",
)  # fmt: skip
_EXAMPLES = ("digits", "gesturepod", "wakeword", "wand")


def public_names(module: str) -> dict[str, str]:
    """Public classes and functions of a module: name to the place where each is defined."""
    loaded = import_module(module)
    names = getattr(loaded, "__all__", None) or [
        name for name, value in vars(loaded).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module
    ]  # fmt: skip
    found = {name: getattr(loaded, name) for name in names if not name.startswith("__")}
    return {
        name: f"{value.__module__}.{value.__qualname__}"
        for name, value in sorted(found.items())
        if not isinstance(value, ModuleType) and (inspect.isclass(value) or inspect.isfunction(value))
    }


def api_pages() -> dict[str, str]:
    """Pages of the API by path: one a module, which lists its names, and one a name."""
    pages: dict[str, str] = {}
    for module in MODULES:
        names = public_names(module)
        listed = "\n".join(f"- [`{name}`]({module}.{name}.md)" for name in names)
        pages[f"docs/api/{module}.md"] = f"# {module}\n\n{inspect.getdoc(import_module(module))}\n\n{listed}\n"
        for name, home in names.items():
            shown = f"::: {home}\n    options:\n      show_root_heading: false\n"
            pages[f"docs/api/{module}.{name}.md"] = f"# {name}\n\n`from {module} import {name}`\n\n{shown}"
    return pages


def _config(folder: Path, site: Path) -> dict[str, object]:
    titled = {module: [f"docs/api/{module}.md", *(f"docs/api/{module}.{name}.md" for name in public_names(module))]
              for module in MODULES}  # fmt: skip
    decisions = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/decisions").glob("*.md"))
    results = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "benchmarks/results").glob("*.md"))
    options = {"docstring_style": "numpy", "show_source": False, "inherited_members": True, "heading_level": 2,
               "docstring_options": {"warnings": False}, "extensions": ["tools.roles.Roles"]}  # fmt: skip
    return {
        "site_name": "edgealgos",
        "docs_dir": str(folder),
        "site_dir": str(site),
        "use_directory_urls": False,  # pages open from a folder, without a server
        "theme": {"name": "material", "font": False, "features": ["navigation.indexes", "content.code.copy"]},
        "plugins": [
            "search",
            {"mkdocstrings": {"handlers": {"python": {"paths": [str(ROOT)], "options": options}}}},
        ],
        "markdown_extensions": ["tables", "admonition", "pymdownx.highlight", "pymdownx.superfences"],
        "validation": {"links": {"not_found": "warn", "unrecognized_links": "ignore", "anchors": "warn"}},
        "nav": [
            {"Start": "README.md"},
            {"Is this for you?": "docs/fit.md"},
            {"Tutorials": [f"docs/tutorials/{name}.md" for name in _TUTORIALS]},
            {"Gallery": "docs/gallery.md"},
            {"Guides": [f"docs/{name}.md" for name in _GUIDES]},
            {"Coming from elsewhere": "docs/migration.md"},
            {"Examples": [f"examples/{name}/README.md" for name in _EXAMPLES]},
            {"API": [{module: pages} for module, pages in titled.items()]},
            {"Measured": results},
            {"Decisions": decisions},
            {"Project": ["CONTRIBUTING.md", "docs/releasing.md", "CHANGELOG.md"]},
        ],
    }


def _on_the_site(page: str, text: str) -> str:
    """The text of a page as the site has it: with the pictures that are drawn for it, without links that lead nowhere.

    Links to files and folders that the site does not hold become their names.
    """

    def kept(link: re.Match[str]) -> str:
        path = (ROOT / page).parent / link[2].split("#")[0]
        held = any(path.resolve() in {found.resolve() for found in ROOT.glob(pattern)} for pattern in _COPIED)
        return link[0] if held or not path.exists() else f"{link[1]}"

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^):#][^):]*)\)", kept, DRAWN.sub(r"![\2](\1)", text))


def draw_all(folder: Path) -> None:
    """Run the tutorials, as printed, for their pictures in a staged folder."""
    for page in sorted(TUTORIALS.glob("*.md")):
        if drawn_by(page):
            print(f"running {page.relative_to(ROOT)} for its pictures", flush=True)
            draw(page, folder / page.parent.relative_to(ROOT))


def stage(folder: Path, site: Path) -> Path:
    """Writes all that MkDocs reads to an empty folder; the path of its configuration, which lies beside it.

    Parameters
    ----------
    folder : path
        To write to.
    site : path
        Where MkDocs shall build the site.
    """
    for pattern in _COPIED:
        for path in sorted(ROOT.glob(pattern)):
            page = path.relative_to(ROOT).as_posix()
            target = folder / page
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".md":
                target.write_text(_on_the_site(page, path.read_text(encoding="utf-8")), encoding="utf-8")
            else:
                shutil.copyfile(path, target)
    for page, text in api_pages().items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text, encoding="utf-8")
    config = folder.with_suffix(".yml")
    config.write_text(json.dumps(_config(folder, site), indent=1), encoding="utf-8")  # JSON is YAML
    return config


def build(folder: Path, site: Path) -> int:
    """Stages in an empty folder, draws and builds; 0 where MkDocs has nothing to warn of, lost links included."""
    written = stage(folder, site)
    draw_all(folder)
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(written)], env=quiet, cwd=ROOT
    ).returncode


if __name__ == "__main__":
    staged = ROOT / "build" / "docs"
    shutil.rmtree(staged, ignore_errors=True)
    sys.exit(build(staged, ROOT / "site"))
