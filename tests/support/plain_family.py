"""A family without TensorFlow, as small as one can be: class means as a linear machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgealgos.codegen.ops import MatVec
from edgealgos.codegen.program.qtype import QType
from edgealgos.estimators.model import Constants, Model
from edgealgos.estimators.shared import SHARED_PARAMETERS
from edgealgos.estimators.tasks import EdgeClassifier, EdgeRegressor

NAMES = ("max_model_bytes", "bits", "max_accuracy_loss", "restarts", "random_state", "verbose")


def program_of(weights, qtypes, frame):
    """``scores = M x + b``."""
    constants = Constants(weights, qtypes)
    tensors = [frame.input(), constants.flash("M"), constants.flash("b"), frame.output()]
    return frame.program("means", tensors, {"predict": [MatVec("scores", matrix="M", vector="x", bias="b")]})


class _Means:
    _declared = {name: SHARED_PARAMETERS[name] for name in NAMES}  # noqa: RUF012
    program_of = staticmethod(program_of)

    def __init__(self, *, max_model_bytes=2048, bits=8, max_accuracy_loss=0.005, restarts=1, random_state=None,
                 verbose=0):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.bits = bits
        self.max_accuracy_loss = max_accuracy_loss
        self.restarts = restarts
        self.random_state = random_state
        self.verbose = verbose

    def _train(self, lesson):
        frame, x_type = lesson.frame, lesson.frame.encoding.qtype
        x, y = x_type.dequantize(lesson.x_q), lesson.examples.y
        if frame.labels is None:
            means = np.linalg.lstsq(x, y - y.mean(), rcond=None)[0][None]
            bias = np.array([y.mean()])
        else:
            means = np.stack([x[y == c].mean(axis=0) for c in range(len(frame.labels))])
            bias = -0.5 * np.square(means).sum(axis=1)
            if frame.n_outputs == 1:
                means, bias = means[1:] - means[:1], bias[1:] - bias[:1]
        bits = 4 if "M" in lesson.four_bits else lesson.bits
        m_type = QType.covering(float(np.abs(means).max()), bits)
        qtypes = {"M": m_type, "b": QType(32, m_type.frac + x_type.frac)}
        weights = {name: qtypes[name].dequantize(qtypes[name].quantize(v)) for name, v in
                   {"M": means, "b": bias}.items()}  # fmt: skip
        return Model(weights, qtypes, replace(frame, structure={"rows": len(means)}), n_iter=1, history={"loss": [0.0]})


class MeansClassifier(_Means, EdgeClassifier):
    """Nearest class mean."""


class MeansRegressor(_Means, EdgeRegressor):
    """Least squares."""
