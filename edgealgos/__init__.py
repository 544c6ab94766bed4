"""edgealgos: train Bonsai, ProtoNN and FastGRNN like scikit-learn models and run them on an Arduino Uno.

The public page: names, nothing else. What a name stands for is imported when it is first asked for, so that importing
the page is quick; TensorFlow is imported by ``fit`` alone.
"""

# ruff: noqa: F401  # what type checkers read below, __getattr__ imports

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._moved import forward_old_names
from ._version import VERSION as __version__

if TYPE_CHECKING:
    from . import augment, datasets
    from .auto.estimators import AutoClassifier, AutoRegressor
    from .codegen.compiled import CompiledModel, Simulation, compile_model
    from .codegen.cost.budget import Budget
    from .codegen.cost.report import Report
    from .codegen.export import export_arduino, export_cpp
    from .codegen.lowering.keras import from_keras
    from .codegen.rejection import AutoReject
    from .codegen.simulate.doctor import doctor
    from .codegen.targets.boards import boards
    from .codegen.tflite.export import TfliteReport, export_tflite
    from .errors import (
        BoardError,
        BuildError,
        DatasetError,
        DoesNotFitError,
        EdgeAlgosError,
        ExportError,
        MissingToolError,
        ModelFileError,
        SimulationError,
        UnsupportedModelError,
    )
    from .estimators.bonsai import BonsaiClassifier, BonsaiRegressor
    from .estimators.boosted_trees import BoostedTreesClassifier, BoostedTreesRegressor
    from .estimators.convnet import ConvNetClassifier, ConvNetRegressor
    from .estimators.fastgrnn import (
        FastGRNNClassifier,
        FastGRNNRegressor,
        FastRNNClassifier,
        GRUClassifier,
        GRURegressor,
    )
    from .estimators.protonn import ProtoNNClassifier, ProtoNNRegressor
    from .persistence import load, save

_HOMES = {
    "": ("augment", "datasets"),
    "codegen.simulate.doctor": ("doctor",),
    "codegen.lowering.keras": ("from_keras",),
    "codegen.compiled": ("CompiledModel", "Simulation", "compile_model"),
    "codegen.cost.budget": ("Budget",),
    "codegen.cost.report": ("Report",),
    "codegen.export": ("export_arduino", "export_cpp"),
    "codegen.rejection": ("AutoReject",),
    "codegen.targets.boards": ("boards",),
    "codegen.tflite.export": ("TfliteReport", "export_tflite"),
    "errors": (
        "BoardError", "BuildError", "DatasetError", "DoesNotFitError", "EdgeAlgosError", "ExportError",
        "MissingToolError", "ModelFileError", "SimulationError", "UnsupportedModelError",
    ),
    "auto.estimators": ("AutoClassifier", "AutoRegressor"),
    "estimators.bonsai": ("BonsaiClassifier", "BonsaiRegressor"),
    "estimators.boosted_trees": ("BoostedTreesClassifier", "BoostedTreesRegressor"),
    "estimators.convnet": ("ConvNetClassifier", "ConvNetRegressor"),
    "estimators.fastgrnn": (
        "FastGRNNClassifier", "FastGRNNRegressor", "FastRNNClassifier", "GRUClassifier", "GRURegressor",
    ),
    "estimators.protonn": ("ProtoNNClassifier", "ProtoNNRegressor"),
    "persistence": ("load", "save"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{home}", __name__), name) if home else import_module(f".{name}", __name__)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])


forward_old_names()
