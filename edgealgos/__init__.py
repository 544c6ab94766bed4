"""edgealgos: train Bonsai, ProtoNN and FastGRNN like scikit-learn models and run them on an Arduino Uno.

The public page: names re-exported, nothing else. Importing it does not import TensorFlow.
"""

from __future__ import annotations

from . import augment, datasets
from ._moved import forward_old_names
from ._version import VERSION as __version__
from .codegen.build.doctor import doctor
from .codegen.compiled import CompiledModel, Simulation, compile_model
from .codegen.cost.budget import Budget
from .codegen.cost.report import Report
from .codegen.export import export_arduino, export_cpp
from .codegen.targets.boards import boards
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
from .estimators.fastgrnn import FastGRNNClassifier, FastGRNNRegressor, FastRNNClassifier
from .estimators.protonn import ProtoNNClassifier, ProtoNNRegressor
from .persistence import load, save

__all__ = [
    "BoardError",
    "BonsaiClassifier",
    "BonsaiRegressor",
    "Budget",
    "BuildError",
    "CompiledModel",
    "DatasetError",
    "DoesNotFitError",
    "EdgeAlgosError",
    "ExportError",
    "FastGRNNClassifier",
    "FastGRNNRegressor",
    "FastRNNClassifier",
    "MissingToolError",
    "ModelFileError",
    "ProtoNNClassifier",
    "ProtoNNRegressor",
    "Report",
    "Simulation",
    "SimulationError",
    "UnsupportedModelError",
    "__version__",
    "augment",
    "boards",
    "compile_model",
    "datasets",
    "doctor",
    "export_arduino",
    "export_cpp",
    "load",
    "save",
]

forward_old_names()
