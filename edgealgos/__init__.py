"""edgealgos: train Bonsai, ProtoNN and FastGRNN like scikit-learn models and run them on an Arduino Uno.

The public page: names re-exported, nothing else. Importing it does not import TensorFlow.
"""

from __future__ import annotations

from ._bonsai import BonsaiClassifier, BonsaiRegressor
from ._errors import (
    BuildError,
    DoesNotFitError,
    EdgeAlgosError,
    MissingToolError,
    ModelFileError,
    SimulationError,
)
from ._fastgrnn import FastGRNNClassifier, FastGRNNRegressor, FastRNNClassifier
from ._protonn import ProtoNNClassifier, ProtoNNRegressor
from .persistence import load, save

__version__ = "0.1.0"

__all__ = [
    "BonsaiClassifier",
    "BonsaiRegressor",
    "BuildError",
    "DoesNotFitError",
    "EdgeAlgosError",
    "FastGRNNClassifier",
    "FastGRNNRegressor",
    "FastRNNClassifier",
    "MissingToolError",
    "ModelFileError",
    "ProtoNNClassifier",
    "ProtoNNRegressor",
    "SimulationError",
    "load",
    "save",
]
