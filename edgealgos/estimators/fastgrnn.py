"""FastGRNN, FastRNN and GRU: parameters and structure of the estimators; their program and training are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .cells import CELLS, program_of
from .gradient import GradientTrained
from .model import Lesson
from .params import NONE, Constraint, Options, integer
from .pictures import mover
from .tasks import EdgeClassifier, EdgeRegressor
from .validation import SequenceMixin
from .windows import WINDOW_PARAMETERS, WINDOW_STRUCTURE, Windowed

FAMILY_PARAMETERS = {
    "hidden_size": (integer(1, 255), NONE),
    "rank_w": (integer(1, 255), NONE),
    "rank_u": (integer(1, 255), NONE),
    "step_size": (integer(1),),
    "nonlinearity": (Options(("hard_tanh", "tanh")),),
}
STRUCTURE: dict[str, tuple[Constraint, ...]] = {
    "hidden_size": (integer(1, 255),),
    "rank_w": (integer(1, 255), NONE),
    "rank_u": (integer(1, 255), NONE),
    "cell": (Options(tuple(CELLS)),),
    "nonlinearity": FAMILY_PARAMETERS["nonlinearity"],
}


class _Recurrent(SequenceMixin, GradientTrained):
    """What the sequence estimators share."""

    _structured = STRUCTURE
    program_of = staticmethod(program_of)
    _cell = "FastGRNN"
    hidden_size: int | None
    rank_w: int | None
    rank_u: int | None
    nonlinearity: str

    def _student(self, lesson: Lesson) -> tuple[Any, Mapping[str, Any]]:
        from ..training.fastgrnn import FastGRNN, structure_for_budget

        frame, windows = lesson.frame, self._windows
        steps, features = frame.shape
        fixed: dict[str, Any] = {
            "n_steps": windows.get("window_steps", steps), "problem": frame.problem, "bits": lesson.bits,
            "cell": self._cell, "nonlinearity": self.nonlinearity, "every_step": bool(windows),
        }  # fmt: skip
        hidden_size, rank_w, rank_u = structure_for_budget(
            self.max_model_bytes, features, frame.n_outputs, hidden_size=self.hidden_size, rank_w=self.rank_w,
            rank_u=self.rank_u, max_cycles=self.max_cycles, least_cycles=self._least_cycles(lesson), **fixed,
        )  # fmt: skip
        student = FastGRNN(features, frame.n_outputs, hidden_size=hidden_size, rank_w=rank_w, rank_u=rank_u, **fixed)
        return student, student.structure | windows

    def _augmenter(self, lesson: Lesson) -> Callable[..., Any] | None:
        """The user's; what seems to be a picture or a spectrogram is moved without a search, but for windows of it."""
        if self.augment is None and lesson.picture is not None and not self._windows:
            return mover(lesson.picture, lesson.examples.rows)
        return super()._augmenter(lesson)

    @property
    def _windows(self) -> dict[str, Any]:
        """What the structure says of windows: nothing for whole sequences."""
        return {}


class _SequenceClassifier(Windowed, EdgeClassifier, _Recurrent):
    """Parameters of a classifier of any cell."""

    _usual_bits = 4

    _declared = EdgeClassifier._declared | FAMILY_PARAMETERS | WINDOW_PARAMETERS
    _structured = STRUCTURE | WINDOW_STRUCTURE

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", max_accuracy_loss=0.005,
        hidden_size=None, rank_w=None, rank_u=None, step_size=1,
        nonlinearity="hard_tanh", window_steps=None, window_stride=None, early_exit=None,
        class_weight=None, epochs=None, batch_size=None, learning_rate=None,
        teacher="auto", augment=None, label_smoothing=0.0, restarts=1, random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.max_accuracy_loss = max_accuracy_loss
        self.hidden_size = hidden_size
        self.rank_w = rank_w
        self.rank_u = rank_u
        self.step_size = step_size
        self.nonlinearity = nonlinearity
        self.window_steps = window_steps
        self.window_stride = window_stride
        self.early_exit = early_exit
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


class _SequenceRegressor(EdgeRegressor, _Recurrent):
    """Parameters of a regressor of any cell."""

    _declared = EdgeRegressor._declared | FAMILY_PARAMETERS
    _farthest = 2.0**18

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", max_accuracy_loss=0.005,
        hidden_size=None, rank_w=None, rank_u=None, step_size=1,
        nonlinearity="hard_tanh", epochs=None, batch_size=None, learning_rate=None,
        teacher="auto", augment=None, restarts=1, random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.max_accuracy_loss = max_accuracy_loss
        self.hidden_size = hidden_size
        self.rank_w = rank_w
        self.rank_u = rank_u
        self.step_size = step_size
        self.nonlinearity = nonlinearity
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.teacher = teacher
        self.augment = augment
        self.restarts = restarts
        self.random_state = random_state
        self.verbose = verbose


class FastGRNNClassifier(_SequenceClassifier):
    """FastGRNN classifier of sequences: a gated recurrent cell whose gate and candidate share their matrices.

    ``z = sigmoid(W x + U h + b_z)``, ``c = tanh(W x + U h + b_h)``, ``h = (zeta (1 - z) + nu) c + z h``; the scores are
    linear in the last ``h`` (Kusupati et al., NeurIPS 2018, section 3.2). W and U may be of low rank and sparse.

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
        With ``bits="mixed"`` or ``early_exit="auto"``, accuracy that narrower weights and early answers each may lose
        on held-out training rows (regressors: share of the variance).
    hidden_size : int or None, default=None
        Size of the state ``h``.
    rank_w, rank_u : int or None, default=None
        Ranks of W and U; None: chosen with the budget, full rank included.
    step_size : int, default=1
        Columns of 2-D input that make one time step; 3-D input carries its steps itself.
    nonlinearity : {"hard_tanh", "tanh"}, default="hard_tanh"
        Piecewise-linear functions, or tanh and sigmoid by a table.
    window_steps : int or None, default=None
        For long sequences of which only a short stretch carries the class: time steps that surely hold it. Training
        finds the stretch (EMI-RNN), and the most confident window answers. None: the state after the last step does.
    window_stride : int or None, default=None
        Steps from one window's start to the next one's, a divisor of `window_steps`; None: its half. On the device
        ``window_steps / window_stride`` windows are under way at a time, each with its own state.
    early_exit : float, "auto" or None, default=None
        Confidence (probability of the best class against the second best) above which the scores of a window under
        way are the answer, and the rest of the sequence is not computed; ``"auto"``: the least that costs at most
        `max_accuracy_loss` on a sixth of the rows, at most 1000, held out for that. None: every window is computed.
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
        Columns seen in `fit`: steps times features of a step.
    n_steps_, n_step_features_ : int
        Time steps of a sequence, features of a step.
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
    early_exit_ : float or None
        Confidence above which an answer stands; with `window_steps` alone.
    n_iter_ : int
        Epochs run.
    history_ : dict
        Loss and score, epoch by epoch.

    References
    ----------
    A. Kusupati et al. FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated recurrent neural network.
    NeurIPS 2018.

    D. Dennis, C. Pabbaraju, H. V. Simhadri, P. Jain. Multiple instance learning for efficient sequential data
    classification on resource-constrained devices. NeurIPS 2018.

    Examples
    --------
    Eight pixels of a row of digits are one time step:

    >>> from sklearn.datasets import load_digits
    >>> from edgealgos import FastGRNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FastGRNNClassifier(step_size=8, hidden_size=8, epochs=2, random_state=0).fit(X, y)
    >>> model.n_steps_, model.n_step_features_
    (8, 8)
    >>> model.model_bytes_ <= 2048
    True
    """


class FastGRNNRegressor(_SequenceRegressor):
    """FastGRNN regressor of sequences; see :class:`FastGRNNClassifier` for model, parameters and attributes.

    The target's mean and a power of two near its deviation are folded into the program.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, max_accuracy_loss, hidden_size, rank_w, rank_u, step_size, nonlinearity, \
epochs, batch_size, learning_rate, teacher, augment, restarts, random_state, verbose
        As in :class:`FastGRNNClassifier`.

    Attributes
    ----------
    n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, model_bytes_, n_iter_, history_
        As in :class:`FastGRNNClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos import FastGRNNRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 5, 2))
    >>> model = FastGRNNRegressor(epochs=2, random_state=0).fit(X, X[:, :, 0].mean(axis=1))
    >>> model.predict(X[:3]).shape
    (3,)
    """


class FastRNNClassifier(_SequenceClassifier):
    """FastRNN classifier of sequences: a recurrent cell with a weighted residual connection.

    ``h = alpha tanh(W x + U h + b_h) + beta h``; the scores are linear in the last ``h`` (Kusupati et al., NeurIPS
    2018, section 3.1). Parameters and attributes are those of :class:`FastGRNNClassifier`.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, max_accuracy_loss, hidden_size, rank_w, rank_u, step_size, nonlinearity, \
window_steps, window_stride, early_exit, class_weight, epochs, batch_size, learning_rate, teacher, augment, \
label_smoothing, restarts, random_state, verbose
        As in :class:`FastGRNNClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from edgealgos import FastRNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> FastRNNClassifier(step_size=8, hidden_size=8, epochs=2, random_state=0).fit(X, y).predict(X[:5]).shape
    (5,)
    """

    _cell = "FastRNN"


class GRUClassifier(_SequenceClassifier):
    """GRU classifier of sequences: a recurrent cell whose two gates and candidate have matrices of their own.

    ``z = sigmoid(W_z x + U_z h + b_z)``, ``r = sigmoid(W_r x + U_r h + b_r)``, ``c = tanh(W_c x + r (U_c h) + b_c)``,
    ``h = (1 - z) c + z h``; the scores are linear in the last ``h`` (Cho et al., EMNLP 2014). The reset gate stands
    behind the product with the state, as in cuDNN, so that one product with U serves all three. Parameters and
    attributes are those of :class:`FastGRNNClassifier`; W and U are the three matrices on top of each other, and share
    their number type and their ranks.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, max_accuracy_loss, hidden_size, rank_w, rank_u, step_size, nonlinearity, \
window_steps, window_stride, early_exit, class_weight, epochs, batch_size, learning_rate, teacher, augment, \
label_smoothing, restarts, random_state, verbose
        As in :class:`FastGRNNClassifier`.

    Attributes
    ----------
    classes_, n_features_in_, n_steps_, n_step_features_, feature_names_in_, encoding_, weights_, qtypes_, \
model_bytes_, early_exit_, n_iter_, history_
        As in :class:`FastGRNNClassifier`.

    References
    ----------
    K. Cho et al. Learning phrase representations using RNN encoder-decoder for statistical machine translation.
    EMNLP 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from edgealgos import GRUClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = GRUClassifier(step_size=8, hidden_size=6, epochs=2, random_state=0).fit(X, y)
    >>> model.predict(X[:5]).shape
    (5,)
    """

    _cell = "GRU"


class GRURegressor(_SequenceRegressor):
    """GRU regressor of sequences; see :class:`GRUClassifier` for the model.

    The target's mean and a power of two near its deviation are folded into the program.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, max_accuracy_loss, hidden_size, rank_w, rank_u, step_size, nonlinearity, \
epochs, batch_size, learning_rate, teacher, augment, restarts, random_state, verbose
        As in :class:`FastGRNNClassifier`.

    Attributes
    ----------
    n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, model_bytes_, n_iter_, history_
        As in :class:`FastGRNNClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos import GRURegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 5, 2))
    >>> model = GRURegressor(epochs=2, random_state=0).fit(X, X[:, :, 0].mean(axis=1))
    >>> model.predict(X[:3]).shape
    (3,)
    """

    _cell = "GRU"
