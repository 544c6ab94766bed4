"""Old names of modules that have moved: importing one still works, with a DeprecationWarning, for one version."""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_MOVED: dict[str, str | tuple[str, ...]] = {
    "_base": "estimators.base",
    "_bonsai": "estimators.bonsai",
    "_errors": "errors",
    "_fastgrnn": "estimators.fastgrnn",
    "_protonn": "estimators.protonn",
    "codegen.boards": "codegen.targets.boards",
    "codegen.compile": "codegen.compiled",
    "codegen.cross": "codegen.build.plain",
    "codegen.doctor": "codegen.simulate.doctor",
    "codegen.encoding": "codegen.program.encoding",
    "codegen.files": "codegen.emit.cpp.files",
    "codegen.interpret": "codegen.program.interpret",
    "codegen.ir": ("codegen.program", "codegen.ops"),
    "codegen.join": "codegen.lowering.join",
    "codegen.lower": "codegen.lowering.pipeline",
    "codegen.mixed": "codegen.passes.mixed",
    "codegen.optimize": "codegen.passes.choose_forms",
    "codegen.plan": "codegen.program.memory",
    "codegen.prices": "codegen.cost.model",
    "codegen.qtype": "codegen.program.qtype",
    "codegen.report": "codegen.cost.report",
    "codegen.represent": "codegen.passes.represent",
    "codegen.simulate_cpp": "codegen.simulate.plain",
    "codegen.simulators": "codegen.simulate",
    "codegen.simulators.avr8js": "codegen.simulate.avr8js",
    "codegen.simulators.devices": "codegen.simulate.devices",
    "codegen.simulators.qemu": "codegen.simulate.qemu",
    "codegen.simulators.simavr": "codegen.simulate.simavr",
    "codegen.toolchain": "codegen.build.sketch",
    "codegen.tools": "codegen.build.tools",
    "codegen.verify": "codegen.program.verify",
}


class _Forwarder(MetaPathFinder, Loader):
    """Finds the old names; what it loads holds everything that the module of the new name holds."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, old = fullname.partition(".")
        if package != __package__ or old not in _MOVED:
            return None
        return ModuleSpec(fullname, self, is_package=any(name.startswith(f"{old}.") for name in _MOVED))

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        new = _MOVED[old.partition(".")[2]]
        names = [f"{__package__}.{name}" for name in ((new,) if isinstance(new, str) else new)]
        message = f"{old} is now {' and '.join(names)}; the old name goes with the next version"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        for name in names:
            found = vars(importlib.import_module(name))
            module.__dict__.update({key: value for key, value in found.items() if not key.startswith("__")})


def forward_old_names() -> None:
    """Make the old names importable."""
    if not any(isinstance(finder, _Forwarder) for finder in sys.meta_path):
        sys.meta_path.append(_Forwarder())
