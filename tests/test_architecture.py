"""Reads the imports and fails when a room knows what it must not (see CONTRIBUTING.md, "How the code is laid out")."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgealgos

ROOT = Path(edgealgos.__file__).parent
OF_BOARDS = ("targets", "cost", "twin", "emit", "export", "build", "simulate", "compiled")


def modules() -> list[str]:
    """Dotted names of all modules below the package, without the package's own name."""
    paths = (path.relative_to(ROOT).with_suffix("") for path in sorted(ROOT.rglob("*.py")))
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


def path_of(module: str) -> Path:
    base = ROOT.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def imports(module: str, everywhere: bool = True) -> Iterator[str]:
    """What a module imports: own modules as ``.codegen.ir``, others by their first name.

    ``everywhere=False`` leaves out imports inside functions: those that run when the module is imported.
    """
    path = path_of(module)
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    if module == "__init__":
        package = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if everywhere else _at_import(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _name(alias.name)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                start = package[: len(package) - node.level + 1]
                base = ".".join(["", *start, *([node.module] if node.module else [])])
            else:
                base = _name(node.module or "")
            yield base
            if base.startswith("."):
                yield from (f"{base.rstrip('.')}.{alias.name}" for alias in node.names)


def _at_import(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child
            yield from _at_import(child)


def _name(dotted: str) -> str:
    first, _, rest = dotted.partition(".")
    return f".{rest}" if first == "edgealgos" else first


def below(name: str, room: str) -> bool:
    return name == f".{room}" or name.startswith(f".{room}.")


def in_room(*rooms: str) -> list[str]:
    return [m for m in modules() if any(below(f".{m}", room) for room in rooms)]


def test_every_room_is_on_the_map():
    page = (ROOT.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = [line.partition(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    named = {name.removeprefix("codegen/") for line in table for name in re.findall(r"`([^`]+)`", line)}
    folders = (ROOT, ROOT / "codegen")
    rooms = {f"{path.name}/" if path.is_dir() else path.name for folder in folders for path in folder.iterdir()
             if path.suffix == ".py" or (path / "__init__.py").exists()}  # fmt: skip
    assert rooms - {"__init__.py", "_version.py", "_moved.py", "codegen/"} <= named
    assert named - rooms == {"examples/", "benchmarks/", "tools/"}


@pytest.mark.parametrize("module", in_room("codegen"))
def test_codegen_knows_no_estimator_and_no_training(module):
    for name in imports(module):
        assert not any(below(name, room) for room in ("estimators", "training", "layers", "cli", "persistence")), name
        assert name not in ("tensorflow", "keras"), name


@pytest.mark.parametrize("module", in_room("codegen"))
def test_only_lower_knows_scikit_learn(module):
    assert below(f".{module}", "codegen.lowering") or "sklearn" not in imports(module)


@pytest.mark.parametrize("module", in_room("codegen.program", "codegen.ops"))
def test_the_program_knows_no_board_and_no_emitter(module):
    for name in imports(module):
        assert not any(below(name, f"codegen.{room}") for room in OF_BOARDS), name


def test_number_types_know_nothing():
    assert not [name for name in imports("codegen.program.qtype") if name.startswith(".")]


@pytest.mark.parametrize("module", modules())
def test_tensorflow_is_imported_in_training_and_layers_alone(module):
    if not any(below(f".{module}", room) for room in ("training", "layers")):
        assert not {"tensorflow", "keras"} & set(imports(module)), module


@pytest.mark.parametrize("module", [m for m in modules() if m not in in_room("training", "layers")])
def test_training_is_reached_inside_functions_alone(module):
    for name in imports(module, everywhere=False):
        assert not below(name, "training"), name
        assert not below(name, "layers"), name


@pytest.mark.parametrize("module", in_room("training", "layers"))
def test_training_knows_no_estimator_and_no_emitter(module):
    for name in imports(module):
        assert not any(below(name, room) for room in ("estimators", "cli", "persistence")), name
        if below(name, "codegen"):
            known = ("codegen.program.qtype", "codegen.program.tables", "codegen.storage")
            assert name in (".codegen", ".codegen.program") or any(below(name, room) for room in known), name


SHARED_BY_FAMILIES = {f"estimators.{name}" for name in ("base", "gradient", "precision")}  # they know the passes


@pytest.mark.parametrize("module", [m for m in in_room("estimators") if m not in SHARED_BY_FAMILIES])
def test_families_know_base_program_and_number_types(module):
    allowed = ("estimators", "errors", "codegen.program", "codegen.ops", "training")
    for name in imports(module):
        if name.startswith(".") and name not in (".", ".codegen"):
            assert any(below(name, room) for room in allowed), name


@pytest.mark.parametrize("module", in_room("features"))
def test_features_know_programs_alone(module):
    for name in imports(module):
        if name.startswith(".") and name not in (".", ".codegen"):
            allowed = ("estimators.params", "errors", "features", "codegen")
            assert any(below(name, room) for room in allowed), name
            assert not any(below(name, f"codegen.{room}") for room in OF_BOARDS), name


@pytest.mark.parametrize("module", in_room("cli"))
def test_the_command_line_uses_the_public_page_alone(module):
    public = {f".{name}" for name in [*edgealgos.__all__, "__version__"]}
    for name in imports(module):
        if name.startswith("."):
            assert name in public | {"."} or below(name, "cli"), name


@pytest.mark.parametrize("module", modules())
def test_the_first_line_says_what_a_module_knows(module):
    source = path_of(module).read_text(encoding="utf-8")
    if source.strip():
        assert ast.get_docstring(ast.parse(source)), module
