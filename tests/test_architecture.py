"""Fails when a room knows what it must not or a file grows long (see CONTRIBUTING.md, "How the code is laid out")."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import edgealgos
from edgealgos.codegen import ops

ROOT = Path(edgealgos.__file__).parent
FLOORS = 12  # modules on top of each other
TENSORFLOW = {"tensorflow", "keras"}

# Rooms from the ground up. Each may import those that it names, which stand above it in this table: no arrow points
# upward. What stands behind a bar is imported inside functions alone.
ROOMS = {
    "errors": "",
    "deadline": "",
    "progress": "",
    "_version": "",
    "_moved": "",
    "files": "errors",
    "codegen.program": "errors",
    "codegen.storage": "codegen.program",
    "codegen.ops": "codegen.program codegen.storage",
    "codegen.targets": "codegen.program codegen.storage codegen.ops errors",
    "codegen.cost": "codegen.program codegen.storage codegen.ops codegen.targets files errors | pages",
    "codegen.passes": "codegen.program codegen.storage codegen.ops codegen.targets codegen.cost",
    "codegen.lowering": "codegen.program codegen.ops errors",
    "codegen.rejection": "codegen.program codegen.ops errors",
    "codegen.twin": "codegen.program codegen.targets codegen.cost codegen.lowering errors",
    "codegen.emit": "codegen.program codegen.storage codegen.targets files errors _version",
    "codegen.build": "codegen.targets files errors",
    "codegen.simulate": "codegen.targets codegen.build files errors",
    "codegen.compiled": "codegen.program codegen.targets codegen.cost codegen.passes codegen.lowering codegen.twin "
    "codegen.rejection files errors | codegen.emit codegen.build codegen.simulate pages",
    "codegen.export": "codegen.targets codegen.cost codegen.lowering codegen.emit codegen.build codegen.rejection "
    "codegen.compiled errors",
    "codegen.tflite": "codegen.program codegen.ops codegen.lowering codegen.passes codegen.emit codegen.compiled files "
    "errors _version",
    "pages": "codegen.program codegen.targets files errors | codegen.compiled codegen.emit codegen.build "
    "codegen.simulate",
    "training": "codegen.program codegen.storage deadline progress",
    "layers": "",
    "augment": "",
    "datasets": "files errors",
    "estimators": "augment codegen.program codegen.ops codegen.passes deadline errors | codegen.export training pages",
    "features": "codegen.program codegen.ops codegen.lowering estimators errors",
    "persistence": "codegen.program codegen.passes codegen.lowering estimators features files errors",
    "tuning": "codegen.compiled pages errors",
    "auto": "codegen.compiled codegen.targets estimators pages deadline progress files errors",
    "__init__": "_version _moved | augment auto datasets estimators persistence errors codegen.targets codegen.cost "
    "codegen.compiled codegen.simulate codegen.export codegen.tflite",
    "cli": "__init__ | studio",
    "studio": "__init__ cli auto pages progress files errors | features",
    "__main__": "cli",
}
BELOW = {  # closer than rooms: the modules of a room that others may know
    "training": {"codegen.program": ("qtype", "tables", "geometry")},
    "features": {"estimators": ("params",)},
}
NOT_MENTIONED = ("codegen.__init__",)  # empty


@cache
def modules() -> list[str]:
    """Dotted names of all modules below the package, without the package's own name."""
    paths = (path.relative_to(ROOT).with_suffix("") for path in sorted(ROOT.rglob("*.py")))
    return [name for path in paths if (name := ".".join(path.parts).removesuffix(".__init__")) != "codegen"]


def path_of(module: str) -> Path:
    base = ROOT.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


def room_of(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "codegen" else parts[0]


def _nodes(tree: ast.AST, everywhere: bool) -> Iterator[ast.AST]:
    """Nodes that run when a module is imported, or all; what only type checkers read is left out of both."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if everywhere or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child
            yield from _nodes(child, everywhere)


@cache
def imports(module: str, everywhere: bool = True) -> frozenset[str]:
    """What a module imports: own modules by their dotted names, others as ``!numpy``."""
    parts = module.split(".")
    package = [] if module == "__init__" else parts if path_of(module).name == "__init__.py" else parts[:-1]
    found: set[str] = set()
    for node in _nodes(tree_of(module), everywhere):
        if isinstance(node, ast.Import):
            found.update(_own(alias.name.split("."), None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ["edgealgos", *package[: len(package) - node.level + 1]] if node.level else []
            base += node.module.split(".") if node.module else []
            found.update(_own(base, alias.name) for alias in node.names)
    return frozenset(found - {module})


def _own(path: list[str], name: str | None) -> str:
    if path[0] != "edgealgos":
        return f"!{path[0]}"
    module = ".".join(path[1:])
    inside = f"{module}.{name}".lstrip(".") if name else module
    return inside if inside in modules() else module or "__init__"


def others(module: str, everywhere: bool) -> set[str]:
    return {name[1:] for name in imports(module, everywhere) if name.startswith("!")}


def test_no_arrow_points_upward():
    order = list(ROOMS)
    for room, allowed in ROOMS.items():
        known = allowed.partition("|")[0].split()
        assert all(order.index(other) < order.index(room) for other in known), room


@pytest.mark.parametrize("module", modules())
def test_a_room_knows_what_the_table_says(module):
    room = room_of(module)
    at_import, _, later = ROOMS[room].partition("|")
    for everywhere, allowed in ((False, at_import.split()), (True, [*at_import.split(), *later.split()])):
        known = {name for name in imports(module, everywhere) if not name.startswith("!")}
        stranger = sorted(name for name in known if room_of(name) not in [*allowed, room])
        assert not stranger, f"{module} imports {', '.join(stranger)}, which {room} must not know"


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) in BELOW])
def test_a_room_knows_no_more_of_another_than_it_may(module):
    for other, allowed in BELOW[room_of(module)].items():
        for name in imports(module):
            inside = name.removeprefix(f"{other}.")
            assert room_of(name) != other or inside in allowed, f"{module} imports {name}"


def test_every_room_is_in_the_table_and_on_the_map():
    assert {room_of(module) for module in modules()} == set(ROOMS)
    page = (ROOT.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [line.partition(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    named = {
        name.removeprefix("codegen/").removesuffix(".py") for row in rows for name in re.findall(r"`([^`]+)`", row)
    }
    rooms = {f"{path.name}/" if path.is_dir() else path.stem for folder in (ROOT, ROOT / "codegen") for path in
             folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}  # fmt: skip
    assert rooms - {"__init__", "_version", "_moved", "codegen/"} <= named
    assert named - rooms == {"examples/", "benchmarks/", "tools/"}


# ---- the graph of what is imported when a module is ----------------------------------------------------------------


def _chains() -> dict[str, list[str]]:
    """Of each module the longest chain of modules that stand below it, itself first; a circle is an error."""
    found: dict[str, list[str]] = {}

    def chain(module: str, above: tuple[str, ...]) -> list[str]:
        assert module not in above, f"a circle: {' imports '.join((*above[above.index(module) :], module))}"
        if module not in found:
            below = [chain(name, (*above, module)) for name in imports(module, False) if name in modules()]
            found[module] = [module, *max(below, key=len, default=[])]
        return found[module]

    for module in modules():
        chain(module, ())
    return found


def test_no_circles_and_few_floors():
    tower = max(_chains().values(), key=len)
    assert len(tower) <= FLOORS, " > ".join(tower)


@pytest.mark.parametrize("module", modules())
def test_tensorflow_is_imported_in_training_and_layers_alone(module):
    if room_of(module) not in ("training", "layers"):
        assert not TENSORFLOW & others(module, everywhere=True)


@pytest.mark.parametrize("module", [m for m in modules() if m.startswith("codegen.") and "lowering" not in m])
def test_of_the_compiler_lowering_alone_knows_scikit_learn(module):
    assert "sklearn" not in others(module, everywhere=True)


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) == "cli"])
def test_the_command_line_uses_the_public_page_alone(module):
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and node.level == 2 and node.module is None:
            assert {alias.name for alias in node.names} <= set(edgealgos.__all__)


# ---- records ---------------------------------------------------------------------------------------------------------

OPS = {name for name, kind in vars(ops).items() if isinstance(kind, type)}


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
        n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)
    }


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) != "codegen.ops"])
def test_nobody_asks_an_op_for_its_class(module):
    """What differs from op to op is a part of its record."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call) and _names(node.func) == {"isinstance"}:
            assert not OPS & _names(node.args[1]), f"{module}:{node.lineno}"
        if isinstance(node, ast.Compare) and any(_names(side) & OPS for side in (node.left, *node.comparators)):
            assert "type" not in _names(node.left), f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", [m for m in modules() if room_of(m) != "codegen.storage"])
def test_nobody_compares_the_names_of_storages(module):
    """What differs from storage to storage is a part of its record."""
    for node in ast.walk(tree_of(module)):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        assert not any(isinstance(side, ast.Attribute) and side.attr == "storage" for side in sides), node.lineno
        asked = node.func if isinstance(node, ast.Call) else None
        if isinstance(asked, ast.Attribute) and asked.attr in ("startswith", "endswith"):
            assert "storage" not in _names(asked.value), f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", modules())
def test_the_first_line_says_what_a_module_knows(module):
    if path_of(module).read_text(encoding="utf-8").strip():
        assert ast.get_docstring(tree_of(module)), module


LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines; of a function without its docstring


def test_files_of_c_and_javascript_are_short():
    for path in ROOT.rglob("*"):
        if path.suffix in (".h", ".c", ".cpp", ".cjs", ".js", ".ino"):
            assert path.read_text(encoding="utf-8").count("\n") <= LONGEST_FILE, path.name


@pytest.mark.parametrize("module", modules())
def test_files_and_functions_are_short(module):
    assert path_of(module).read_text(encoding="utf-8").count("\n") <= LONGEST_FILE
    for function in ast.walk(tree_of(module)):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = function.body[1 if ast.get_docstring(function) and len(function.body) > 1 else 0]
            head = function.body[0].lineno - function.lineno
            assert head + function.end_lineno - first.lineno + 1 <= LONGEST_FUNCTION, function.name
