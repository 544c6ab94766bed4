"""What every estimator shares: fitting under budgets, labels and weights, its program, export; no family's maths.

TensorFlow is never imported here: :mod:`edgealgos.training` is, inside ``fit``.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from abc import abstractmethod
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from ..codegen.passes import AccumulatorOverflow, model_bytes, to_integer
from ..codegen.passes.choose_forms import predicted_cycles
from ..codegen.passes.mixed import error_on, matrices, narrow, represent
from ..codegen.program import interpret, ir
from ..codegen.program.choose_encoding import choose_encoding, losses
from ..codegen.program.qtype import QType
from ..codegen.program.verify import verify
from ..errors import MissingToolError
from .params import NONE, Constraint, Instance, Interval, Method, Options, check_parameters, integer, positive
from .teacher import Answer, answers_of
from .validation import LARGEST_VALUE, check_magnitude, check_weight

CODEBOOKS = {"kmeans16": 8, "kmeans256": 16, "log4": 8, "posit8": 16}  # width of the weights that they are made of
SHARED_PARAMETERS: dict[str, tuple[Constraint, ...]] = {
    "max_model_bytes": (integer(1), NONE),
    "max_cycles": (integer(1), NONE),
    "bits": (Options((3, 4, 5, 6, 8, 16, "mixed", *CODEBOOKS)),),
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
TRAINING_ONLY = ("teacher", "augment")  # parameters that a fitted model does without
ROWS_WORTH_COMPILING = 100_000  # compiling a training step takes seconds: longer than training on fewer rows
HELD_OUT_SHARE, MOST_HELD_OUT = 6, 1000  # one row in so many, for judging mixed precision
FAST_INPUT_BITS, FAST_BITS = 6, 5  # of weights: sums of 16 bits hold a hundred of their products


class Lesson(NamedTuple):
    """What one training is given besides device inputs and targets: raw rows, a teacher's answers to such, a seed.

    With `start` it goes on from such parameters, the matrices of `four_bits` rounded to four bits.
    """

    rows: NDArray[np.float64]
    answer: Answer | None
    seed: int
    start: dict[str, NDArray[np.float64]] | None = None
    four_bits: tuple[str, ...] = ()


class EdgeEstimator(BaseEstimator):
    """Base of all estimators: a model that is trained under a byte budget and runs on a microcontroller.

    A family declares its parameters in ``_declared``, trains in ``_train`` and writes its program in ``to_program``.
    """

    _declared: ClassVar[dict[str, tuple[Constraint, ...]]] = dict(SHARED_PARAMETERS)

    @abstractmethod
    def _train(self, x_q: NDArray[Any], y: NDArray[Any], weight: NDArray[np.float64], lesson: Lesson) -> Any:
        """Fit arrays to device inputs; returns a TrainingResult."""

    @abstractmethod
    def to_program(self) -> ir.Program:
        """The fitted model as a float program: the one meaning that Python and the device share."""

    @abstractmethod
    def _prepare_target(self, y: NDArray[Any], weight: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """What training fits, and the final row weights; stores what undoes the preparation."""

    # ------------------------------------------------------------------ fitting

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> EdgeEstimator:
        """Train under the byte budget.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Raw features, finite. Sequence estimators also take (n_samples, n_steps, n_features).
        y : array-like of shape (n_samples,)
            Class labels (numbers, strings or booleans), or real targets of a regressor.
        sample_weight : array-like of shape (n_samples,), optional
            Importance of each row, not negative. Rows of weight 0 are as if absent.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For NaN or infinity, a single class, or a budget that no structure can meet.
        """
        check_parameters(self, self.get_params(deep=False), self._declared)
        if self.max_cycles is not None and self.bits in (16, "mixed", *CODEBOOKS):
            raise ValueError(f"max_cycles needs weights of one byte or less: bits of at most 8, got {self.bits!r}")
        rows, y = self._check_rows_and_target(X, y)
        weight = check_weight(sample_weight, len(rows))
        rows, y, weight = rows[weight > 0], y[weight > 0], weight[weight > 0]
        y, weight = self._prepare_target(y, weight)
        _need_tensorflow()
        self._choose_encoding(rows)
        held_out = self._held_out(len(rows))
        kept = ~held_out
        self._train_all(rows[kept], y[kept], weight[kept], rows[held_out], y[held_out])
        self._settle(rows[held_out], y[held_out])
        self.model_bytes_ = model_bytes(self._proven_program())
        self._check_budget()
        return self

    def _choose_encoding(self, rows: NDArray[np.float64]) -> None:
        """Device inputs for these rows; a warning says what they lose of them."""
        names: Any = getattr(self, "feature_names_in_", None)
        names = names if names is not None and len(names) == rows.shape[-1] else None
        self.encoding_ = choose_encoding(rows, bits=self._input_bits, names=names)
        self.input_warnings_ = losses(self.encoding_, rows, names).sentences()
        if self.input_warnings_:
            warnings.warn("; ".join(self.input_warnings_), UserWarning, stacklevel=3)

    def _check_rows_and_target(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any]]:
        rows, target = validate_data(self, X, y, dtype=np.float64, **self._target_checks)
        return check_magnitude(rows), column_or_1d(target, warn=True)

    @property
    def _target_checks(self) -> dict[str, bool]:
        return {}

    def _check_rows(self, X: ArrayLike) -> NDArray[np.float64]:
        """Raw rows of a fitted estimator's input, last axis = features of one program step."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, reset=False)

    # ------------------------------------------------------------------ training

    @property
    def _weight_bits(self) -> int:
        """Width that training rounds weights to; other representations are made of those afterwards."""
        if self.max_cycles is not None:
            return min(FAST_BITS, int(self.bits))
        width: Any = {"mixed": 8, **CODEBOOKS}.get(self.bits, self.bits)
        return int(width)

    def _train_all(self, rows: NDArray[Any], y: NDArray[Any], weight: NDArray[Any], *held_out: NDArray[Any]) -> None:
        """Train as often as asked for and keep the model whose device program does best on rows held out."""
        classes = getattr(self, "classes_", None)
        answer = None
        if self.teacher is not None and self.teacher != "auto":
            answer = answers_of(self.teacher, rows, y if classes is None else classes[y], classes)
        x_q = self.encoding_.encode(rows)
        seed = _seed(self.random_state)
        seeds = [seed, *np.random.SeedSequence(seed).generate_state(self.restarts - 1).tolist()]
        best = -np.inf
        for seed in seeds:
            lesson = Lesson(rows, answer, seed)
            result = self._train(x_q, y, weight, lesson)
            before = vars(self).copy()
            self._take(result)
            score = 1 - self._device_error(*held_out) if len(seeds) > 1 else 0.0
            if score > best:
                best, kept = score, lesson._replace(start=result.float_weights)
            else:
                self.__dict__.update(before)
        if self.bits == "mixed":
            self._narrow(partial(self._train, x_q, y, weight), kept, *held_out)
        elif self.bits in CODEBOOKS:
            self._take_choices({name: str(self.bits) for name in matrices(self.to_program())})

    def _take(self, result: Any) -> None:
        """Make what training gave this estimator's model."""
        self.weights_, self.qtypes_ = result.weights, result.qtypes
        self.n_iter_, self.history_ = result.n_iter, result.history

    def _run_training(
        self, model: Any, x_q: NDArray[Any], y: NDArray[Any], weight: NDArray[np.float64], lesson: Lesson,
        share: float = 1.0,
    ) -> Any:  # fmt: skip
        """The one training loop with this estimator's options, for a share of its epochs."""
        from ..training.loop import train, with_options

        options = {n: getattr(self, n) for n in ("epochs", "batch_size", "learning_rate", "label_smoothing")
                   if hasattr(self, n)}  # fmt: skip
        recipe = with_options(model.recipe, **options)
        recipe = recipe.beside(augmented=self.augment is not None, taught=lesson.answer is not None)
        if lesson.start is not None:
            recipe = recipe.further()
            model.specs |= {name: replace(model.specs[name], bits=4) for name in lesson.four_bits}
        recipe = recipe if share == 1 else recipe.shortened(share)
        return train(
            model, x_q, y, x_frac=self.encoding_.qtype.frac, budget=self.max_model_bytes, sample_weight=weight,
            max_cycles=self.max_cycles, predicted_cycles=self._predicted_cycles, start=lesson.start,
            recipe=recipe, random_state=lesson.seed, verbose=int(self.verbose), teacher=self._teacher_of(lesson),
            augment=None if self.augment is None else lambda rng: self._augmented(lesson.rows, rng, x_q.shape),
            jit=recipe.epochs * len(x_q) > ROWS_WORTH_COMPILING,
        )  # fmt: skip

    def _teacher_of(self, lesson: Lesson) -> Any:
        """As the training loop takes it: a function of device inputs, "auto" or None."""
        if lesson.answer is None:
            return self.teacher
        answer, shape = lesson.answer, lesson.rows.shape[1:]
        return lambda x_q: answer(self.encoding_.decode(x_q.reshape(len(x_q), *shape)))

    def _augmented(self, rows: NDArray[Any], rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Device inputs of augmented raw rows."""
        made = np.asarray(self.augment(rows, rng))
        if made.shape != rows.shape or not np.isfinite(made).all():
            raise ValueError(
                f"augment must give finite rows of the shape that it gets, {rows.shape}; it gave {made.shape}"
            )
        return self.encoding_.encode(made).reshape(shape)

    def _predicted_cycles(self, weights: dict[str, NDArray[np.float64]], qtypes: dict[str, QType]) -> float:
        """Cycles of a prediction on an Uno with such weights."""
        before = vars(self).copy()
        self.weights_, self.qtypes_ = weights, qtypes
        found = predicted_cycles(self._proven_program())
        self.__dict__ = before
        return found

    @property
    def _input_bits(self) -> int:
        """Width of inputs: a byte or a word, less where few cycles are wanted."""
        return 16 if self.bits == 16 else 8 if self.max_cycles is None else FAST_INPUT_BITS

    def _proven_program(self) -> ir.Program:
        """The integer program; 16-bit weights lose as many of their last bits as 32-bit accumulators ask for."""
        while True:
            try:
                return to_integer(self.to_program())
            except AccumulatorOverflow as overflow:
                name = overflow.matrix if overflow.matrix in self.weights_ else ""
                qtype = self.qtypes_.get(name)
                if qtype is None or qtype.bits <= 8:
                    raise
                coarser = QType(qtype.bits, qtype.frac - 1)
                self.qtypes_[name] = coarser
                self.weights_[name] = coarser.dequantize(coarser.quantize(self.weights_[name]))

    def _device_error(self, rows: NDArray[np.float64], y: NDArray[Any]) -> float:
        """Share of rows that the device program gets wrong (regressors: of the targets' variance)."""
        return error_on(self._proven_program(), rows, y)

    def _held_out(self, count: int) -> NDArray[np.bool_]:
        """Rows that training does not see: a sixth of them, at most 1000, where something is to be judged."""
        held_out = np.zeros(count, dtype=bool)
        if self._judges:
            chosen = np.random.default_rng(_seed(self.random_state)).permutation(count)
            held_out[chosen[: min(count // HELD_OUT_SHARE, MOST_HELD_OUT)]] = True
        return held_out

    @property
    def _judges(self) -> bool:
        """Whether something is to be judged on rows that training does not see."""
        return self.bits == "mixed" or self.restarts > 1

    def _settle(self, rows: NDArray[np.float64], y: NDArray[Any]) -> None:
        """What is chosen when all weights stand, on rows held out: nothing, but an estimator may have something."""

    def _narrow(self, train: Any, lesson: Lesson, rows: NDArray[np.float64], y: NDArray[Any]) -> None:
        """Give every matrix the narrowest representation that the allowed loss permits.

        As many matrices as may go on training with four bits; the others are narrowed as they are.
        """
        trained, loss = vars(self).copy(), 0.0
        error = error_on(self._proven_program(), rows, y)
        names = matrices(self.to_program())
        for four_bits in (names, names[:1], []):
            if four_bits:
                self._take(train(lesson._replace(four_bits=tuple(four_bits))))
                loss = error_on(self._proven_program(), rows, y) - error
            if not four_bits or loss <= self.max_accuracy_loss:
                break
            self.__dict__, loss = trained.copy(), 0.0
        choice = narrow(self.to_program(), rows, y, self.max_accuracy_loss - max(loss, 0.0))
        self._take_choices(choice.representations)
        self.representations_ = dict.fromkeys(four_bits, "fixed4") | choice.representations

    def _take_choices(self, choices: dict[str, str]) -> None:
        """Give the matrices named their representations."""
        program = represent(self.to_program(), choices)
        for name in choices:
            self._take_back(program[name])

    def _take_back(self, tensor: ir.Tensor) -> None:
        """Store a constant of the program as the trained one of the same name."""
        self.weights_[tensor.name], self.qtypes_[tensor.name] = tensor.values, tensor.type

    def _check_budget(self) -> None:
        """The budgets are promises: break loudly rather than take more."""
        if self.max_cycles is not None and (cycles := predicted_cycles(self._proven_program())) > self.max_cycles:
            raise RuntimeError(
                f"{type(self).__name__} was trained to {cycles} cycles, more than max_cycles={self.max_cycles}; "
                "this is a fault of edgealgos, please report it."
            )
        if self.max_model_bytes is not None and self.model_bytes_ > self.max_model_bytes:
            raise RuntimeError(
                f"{type(self).__name__} was trained to {self.model_bytes_} bytes, more than "
                f"max_model_bytes={self.max_model_bytes}; this is a fault of edgealgos, please report it."
            )

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        """Scores of the float program, shape (n_samples, n_outputs)."""
        return interpret.run_float(self.to_program(), self._check_rows(X))

    # ------------------------------------------------------------------ writing the program

    def _flash(self, name: str, source: str | None = None, doc: str = "") -> ir.Tensor:
        """A trained constant; `source` is its name in training where the program has a longer one."""
        source = source or name
        data = self.weights_[source]
        return ir.Tensor(name, data.shape, ir.Space.FLASH, self.qtypes_.get(source), data, doc=doc)

    def _score_bias(self, source: str) -> list[ir.Tensor]:
        """The bias of the scores, where training made one."""
        return [self._flash("score_bias", source, doc="bias of the scores")] if source in self.weights_ else []

    def _activation(self, name: str, size: int, source: str | None = None, doc: str = "") -> ir.Tensor:
        """A vector that lives inside one function, of the type that training profiled (as `source`)."""
        return ir.Tensor(name, (size,), ir.Space.SCRATCH, self.qtypes_.get(source or name), doc=doc)

    def _program(
        self, family: str, tensors: list[ir.Tensor], functions: dict[str, list[ir.Op]], steps: int | None = None
    ) -> ir.Program:
        """The program of these tensors and ops; a classifier's ends in the arg-max."""
        told = tuple(getattr(self, "input_warnings_", ()))  # absent from models of earlier versions
        facts: dict[str, Any] = {"task": "regressor", "max_cycles": self.max_cycles, "warnings": told}
        if isinstance(self, ClassifierMixin):
            facts |= {"task": "classifier", "labels": tuple(self.classes_.tolist())}
            tensors = [*tensors, ir.Tensor("label", (1,), ir.Space.SCRATCH, doc="index of the class")]
            functions = functions | {"predict": [*functions["predict"], ir.ArgMax("label", source="scores")]}
        frozen = {name: tuple(body) for name, body in functions.items()}
        return verify(ir.Program(tuple(tensors), frozen, self.encoding_, steps=steps, family=family, **facts))

    # ------------------------------------------------------------------ to the device

    def export_arduino(self, path: str | Path, **options: Any) -> Any:
        """Write an Arduino sketch; see :func:`edgealgos.export_arduino` for the options and the report returned."""
        from ..codegen.export import export_arduino

        return export_arduino(self, path, **options)

    def export_cpp(self, path: str | Path, **options: Any) -> Any:
        """Write portable C++; see :func:`edgealgos.export_cpp` for the options and the report returned."""
        from ..codegen.export import export_cpp

        return export_cpp(self, path, **options)


class EdgeClassifier(ClassifierMixin, EdgeEstimator):
    """Labels, class weights and probabilities."""

    _declared: ClassVar[dict[str, tuple[Constraint, ...]]] = SHARED_PARAMETERS | CLASSIFIER_PARAMETERS

    def _prepare_target(self, y: NDArray[Any], weight: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes; y holds one class only: "
                f"{self.classes_.tolist()[0]!r}"
            )
        if len(self.classes_) > 255:
            raise ValueError(f"a class index is one byte on the device: at most 255 classes, got {len(self.classes_)}")
        return indices, weight * compute_sample_weight(self.class_weight, y)

    @property
    def _n_outputs(self) -> int:
        """Score columns: one for two classes, else one a class."""
        return 1 if len(self.classes_) == 2 else len(self.classes_)

    @property
    def _problem(self) -> str:
        return "binary" if self._n_outputs == 1 else "multiclass"

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Scores before the arg-max: (n_samples,) for two classes (positive: ``classes_[1]``), else a column a class.

        Parameters
        ----------
        X : array-like
            As in :meth:`fit`.
        """
        scores = self._scores(X)
        return scores[:, 0] if self._n_outputs == 1 else scores

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logistic or softmax of the scores, shape (n_samples, n_classes), columns in the order of ``classes_``."""
        scores = self._scores(X)
        if self._n_outputs == 1:
            positive_share = expit(scores[:, 0])
            return np.stack([1 - positive_share, positive_share], axis=1)
        return softmax(scores, axis=1)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Labels with the highest score, shape (n_samples,): what the float program answers."""
        scores = self._scores(X)
        indices = (scores[:, 0] > 0).astype(int) if self._n_outputs == 1 else np.argmax(scores, axis=1)
        return self.classes_[indices]


class EdgeRegressor(RegressorMixin, EdgeEstimator):
    """Real targets; training folds their mean and a power of two near their deviation into the last tensors."""

    _n_outputs = 1
    _problem = "regression"

    @property
    def _target_checks(self) -> dict[str, bool]:
        return {"y_numeric": True}

    def _prepare_target(self, y: NDArray[Any], weight: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        y = np.asarray(y, dtype=np.float64)
        if np.abs(y).max() > LARGEST_VALUE:
            raise ValueError(f"targets must stay below {LARGEST_VALUE:g} in magnitude; divide y by a power of ten")
        return y, weight

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predicted targets, shape (n_samples,): what the float program answers."""
        return self._scores(X)[:, 0]


def _seed(random_state: int | np.random.RandomState | None) -> int:
    """One seed for the whole training."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _need_tensorflow() -> None:
    """Say how to get TensorFlow before anything else happens, and keep its greetings off the screen."""
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingToolError("tensorflow", "train a model", "pip install tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its sums depend on the processor
