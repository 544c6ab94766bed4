"""The parameters that families share, and what each may be; knows no family."""

from __future__ import annotations

from numbers import Real

import numpy as np

from .params import NONE, Constraint, Instance, Interval, Method, Options, integer, positive

CODEBOOKS = {"kmeans16": 8, "kmeans256": 16, "log4": 8, "posit8": 16}  # width of the weights that they are made of
SHARED_PARAMETERS: dict[str, tuple[Constraint, ...]] = {
    "max_model_bytes": (integer(1), NONE),
    "max_cycles": (integer(1), NONE),
    "bits": (Options(("auto", 3, 4, 5, 6, 8, 16, "mixed", *CODEBOOKS)),),
    "max_accuracy_loss": (Interval(Real, 0, 1),),
    "epochs": (integer(1), NONE),
    "batch_size": (integer(1), NONE),
    "learning_rate": (positive(), NONE),
    "teacher": (Options(("auto",)), Method("predict"), NONE),
    "augment": (Method("__call__"), NONE),
    "restarts": (integer(1),),
    "random_state": (integer(0, 2**32 - 1), Instance((np.random.RandomState,)), NONE),
    "verbose": (integer(0), Instance((bool,))),
}
CLASSIFIER_PARAMETERS: dict[str, tuple[Constraint, ...]] = {
    "class_weight": (Options(("balanced",)), Instance((dict,)), NONE),
    "label_smoothing": (Interval(Real, 0, 1),),
}
WITHOUT_EPOCHS = {
    name: SHARED_PARAMETERS[name] for name in ("max_model_bytes", "max_cycles", "random_state", "verbose")
}
"""Those of families that are no gradient training."""
TRAINING_ONLY = ("teacher", "augment", "storage")  # parameters that a fitted model does without
