"""Bonsai: parameters, structure and program of the sparse projected tree; training itself is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..codegen.ops import MatVec, TreeWalk
from ..codegen.program.op import Op
from ..codegen.program.program import Program
from .gradient import MANY_FEATURES, GradientTrained
from .model import Arrays, Constants, Frame, Lesson, Types
from .params import NONE, integer, positive
from .tasks import EdgeClassifier, EdgeRegressor

FAMILY_PARAMETERS = {"depth": (integer(0, 6), NONE), "projection_dim": (integer(1, 255), NONE), "sigma": (positive(),)}


def program_of(weights: Arrays, qtypes: Types, frame: Frame) -> Program:
    """``z = Z x + b``, then the scores along one path of the tree (Kumar et al., 2017, eq. 1)."""
    constants, depth = Constants(weights, qtypes), frame.structure["depth"]
    branches = [constants.flash("theta", "T", doc="branching directions")] if depth else []
    bias = constants.optional("score_bias", "c", doc="bias of the scores")
    tensors = [
        frame.input(),
        constants.flash("Z", doc="projection"),
        constants.flash("z_bias", "b", doc="projection bias"),
        constants.activation("z", frame.structure["projection_dim"], doc="projected input"),
        constants.flash("W", doc="scores of the nodes"),
        constants.flash("V", doc="gates of the nodes, sigma folded in"),
        *branches,
        *bias,
        frame.output(),
    ]
    body: list[Op] = [
        MatVec("z", matrix="Z", vector="x", bias="z_bias"),
        TreeWalk("scores", vector="z", weights="W", gates="V", branches="theta" if depth else None,
                    bias="score_bias" if bias else None, depth=depth, w_type=qtypes["w"]),
    ]  # fmt: skip
    return frame.program("Bonsai", tensors, {"predict": body})


class _Bonsai(GradientTrained):
    """What the classifier and the regressor share."""

    _structured = {"depth": (integer(0, 6),), "projection_dim": (integer(1, 255),)}  # noqa: RUF012
    program_of = staticmethod(program_of)
    depth: int | None
    projection_dim: int | None
    sigma: float

    def _student(self, lesson: Lesson) -> tuple[Any, Mapping[str, Any]]:
        from ..training.bonsai import Bonsai

        frame = lesson.frame
        structure = lesson.choice.structure if lesson.choice is not None else self._usual(lesson, lesson.bits)
        student = Bonsai(
            frame.shape[0], frame.n_outputs, frame.problem, **structure, sigma=self.sigma, bits=lesson.bits
        )
        return student, structure

    def _usual(self, lesson: Lesson, bits: int) -> dict[str, int]:
        from ..training.bonsai import structure_for_budget

        found = structure_for_budget(
            self.max_model_bytes, lesson.frame.shape[0], lesson.frame.n_outputs, **self._fixed(lesson, bits),
            max_cycles=self.max_cycles, least_cycles=self._least_cycles(lesson),
        )  # fmt: skip
        return dict(zip(("projection_dim", "depth"), found, strict=True))

    def _fixed(self, lesson: Lesson, bits: int) -> dict[str, Any]:
        fixed = {"projection_dim": self.projection_dim, "depth": self.depth}
        return fixed | {"problem": lesson.frame.problem, "bits": bits}

    def _structures(self, lesson: Lesson, bits: int) -> list[Mapping[str, int]]:
        from ..training.bonsai import larger_structures

        around = (self.max_model_bytes, lesson.frame.shape[0], lesson.frame.n_outputs)
        larger = larger_structures(*around, **self._fixed(lesson, bits))
        found = [dict(zip(("projection_dim", "depth"), each, strict=True)) for each in larger]
        usual = self._usual(lesson, bits)
        return [usual, *found[:1]] if lesson.frame.shape[0] >= MANY_FEATURES or len(found) < 2 else [*found]


class BonsaiClassifier(EdgeClassifier, _Bonsai):
    """Bonsai tree classifier: one sparse projection, then a shallow tree whose nodes on one path all vote.

    The scores are ``sum_k (W_k z) * tanh(sigma V_k z)`` with ``z = Z x``, summed over the nodes ``k`` of the path that
    ``theta_k z > 0`` chooses (Kumar, Goyal and Varma, ICML 2017, eq. 1).

    Parameters
    ----------
    max_model_bytes : int or None, default=2048
        Flash for everything the model stores. Structure left at None is chosen to fit. None: no limit.
    max_cycles : int or None, default=None
        Clock cycles that a prediction (of a whole sample) may take on an Uno, as the report predicts them. Training
        then keeps weights for what they are worth per cycle, gathered at few inputs, and rounds inputs to 6 bits and
        weights to 5, whose sums are fast. Such a model takes up to 24 KB of flash as code (12 KB for some 7,000
        cycles). None: no limit.
    bits : {"auto", 3, 4, 5, 6, 8, 16, "mixed", "kmeans16", "kmeans256", "log4", "posit8"}, default="auto"
        Representation of the stored weights: numbers of so many bits, which training knows; or indices of a table of 16
        or 256 values, to which the trained matrices are rounded. ``"auto"``: 4 or 8 bits, whatever does better on rows
        held out where there are enough of them (FastGRNN and FastRNN: 4, regressors 8). ``"mixed"``: 4 bits or 16
        values where `max_accuracy_loss` allows it on held-out training rows, with a quarter of the epochs more.
    max_accuracy_loss : float, default=0.005
        With ``bits="mixed"``, accuracy that narrower weights may lose on held-out training rows
        (regressors: share of the variance).
    depth : int or None, default=None
        Levels of branching nodes, 0 to 6 (0 is a single node).
    projection_dim : int or None, default=None
        Size of ``z``.
    sigma : float, default=1.0
        Slope of the gates' tanh.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss.
    epochs : int or None, default=None
        Upper limit of passes over the data, all stages together; None: the family's usual number.
    batch_size : int or None, default=None
        Rows of a step; None: chosen from the number of rows.
    learning_rate : float or None, default=None
        Peak step size of Adam; None: the family's usual one.
    teacher : {"auto"}, estimator, Keras model or None, default="auto"
        Whose answers the model learns from (distillation): the family's own choice, none, or any classifier asked about
        every row that training makes, through `predict_proba` where it has one; a Keras model through `predict`, its
        columns being the sorted labels. A scikit-learn one that is not fitted is fitted first, on a clone and the rows
        that training sees, as in `cross_val_score`; ``sklearn.frozen.FrozenEstimator`` keeps one fitted when cloned.
    augment : callable or None, default=None
        ``augment(X, rng)`` gives other rows of the same labels for a batch of raw rows; see `edgealgos.augment`.
        It takes the place of mixing rows. None: classifiers move, turn and zoom rows that look like pictures a
        little, where short trainings, if any, do not speak against it; ``lambda X, rng: X`` leaves rows as they are.
    label_smoothing : float, default=0.0
        Share of each label that is spread over all classes; no matter where a teacher answers.
    restarts : int, default=1
        Trainings from different starts. More than one: a sixth of the rows, at most 1000, is held out, and the device
        program that answers them best is kept.
    random_state : int, RandomState or None, default=None
        Seed of the whole training.
    verbose : int, default=0
        1 shows one progress bar: loss, score, non-zeros, bytes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels in the order of the scores.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of str
        Their names, when X was a table with names.
    encoding_ : InputEncoding
        How a raw feature becomes a device input.
    weights_ : dict of str to ndarray
        Trained tensors, each on its grid of device numbers.
    qtypes_ : dict of str to QType
        Number types of weights and activations.
    model_bytes_ : int
        Bytes that the export stores for the model, indices included.
    n_iter_ : int
        Epochs run.
    history_ : dict
        Loss and score, epoch by epoch. Where precision, structure or the variation of rows were chosen on rows held
        out: ``choices``, what was tried with its error, best first, and ``unused``, a sentence where bytes stay unused.

    References
    ----------
    A. Kumar, S. Goyal, M. Varma. Resource-efficient machine learning in 2 KB RAM for the Internet of Things. ICML 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from edgealgos import BonsaiClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BonsaiClassifier(max_model_bytes=256, epochs=20, random_state=0).fit(X, y)
    >>> model.model_bytes_ <= 256
    True
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _declared = EdgeClassifier._declared | FAMILY_PARAMETERS

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", max_accuracy_loss=0.005,
        depth=None, projection_dim=None, sigma=1.0, class_weight=None,
        epochs=None, batch_size=None, learning_rate=None, teacher="auto", augment=None, label_smoothing=0.0, restarts=1,
        random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.max_accuracy_loss = max_accuracy_loss
        self.depth = depth
        self.projection_dim = projection_dim
        self.sigma = sigma
        self.class_weight = class_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.teacher = teacher
        self.augment = augment
        self.label_smoothing = label_smoothing
        self.restarts = restarts
        self.random_state = random_state
        self.verbose = verbose


class BonsaiRegressor(EdgeRegressor, _Bonsai):
    """Bonsai tree regressor; see :class:`BonsaiClassifier` for model, parameters and attributes.

    The target's mean and a power of two near its deviation are folded into the program.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, max_accuracy_loss, depth, projection_dim, sigma, epochs, batch_size, \
learning_rate, teacher, augment, restarts, random_state, verbose
        As in :class:`BonsaiClassifier`.

    Attributes
    ----------
    n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, model_bytes_, n_iter_, history_
        As in :class:`BonsaiClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos import BonsaiRegressor
    >>> X = np.linspace(-1, 1, 400).reshape(-1, 1)
    >>> model = BonsaiRegressor(max_model_bytes=256, epochs=20, random_state=0).fit(X, np.abs(X[:, 0]))
    >>> model.predict(X[:3]).shape
    (3,)
    """

    _declared = EdgeRegressor._declared | FAMILY_PARAMETERS

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", max_accuracy_loss=0.005,
        depth=None, projection_dim=None, sigma=1.0,
        epochs=None, batch_size=None, learning_rate=None, teacher="auto", augment=None, restarts=1,
        random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.max_accuracy_loss = max_accuracy_loss
        self.depth = depth
        self.projection_dim = projection_dim
        self.sigma = sigma
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.teacher = teacher
        self.augment = augment
        self.restarts = restarts
        self.random_state = random_state
        self.verbose = verbose
