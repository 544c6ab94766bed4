"""What every estimator shares: fitting under budgets, rows and what fit writes, its program, export; no family's maths.

A family gives

* ``_declared``: what its constructor parameters may be, the shared ones of :mod:`.shared` among them;
* ``_structured``: what the plain values of its structure may be;
* ``program_of(weights, qtypes, frame)``: a pure function that writes its program (a static method);
* ``_train(lesson)``: a :class:`~.model.Model` for device inputs and targets, trained within
  ``max_model_bytes`` and ``max_cycles`` (what takes more is an error of the family's). Families that the gradient
  loop trains derive from :class:`~.gradient.GradientTrained` and give ``_student(lesson)`` instead.

and derives from :class:`~.tasks.EdgeClassifier` or :class:`~.tasks.EdgeRegressor` besides. Parameters that a family
does not have keep the values that this class gives them. Nothing writes to the estimator before fit has succeeded.
TensorFlow is never imported here: :mod:`edgealgos.training` is, inside ``_train``.
"""

from __future__ import annotations

import re
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, estimator_html_repr
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from ..codegen.passes import model_bytes
from ..codegen.program import interpret
from ..codegen.program.choose_encoding import choose_encoding, losses
from ..codegen.program.program import Program
from ..errors import in_plain_words
from .model import Arrays, Examples, Frame, Lesson, Model, Types
from .params import Constraint, check_parameters
from .precision import device_error, narrowed, proven, represented
from .shared import CODEBOOKS, SHARED_PARAMETERS
from .splits import held_out
from .teacher import Answer, answers_of
from .validation import check_groups, check_magnitude, check_weight

HELD_OUT_SHARE, MOST_HELD_OUT = 1 / 6, 1000  # of the rows, for judging
FAST_INPUT_BITS, FAST_BITS = 6, 5  # of weights: sums of 16 bits hold a hundred of their products
Seen = dict[str, Any]  # fitted attributes that describe the rows


class EdgeEstimator(BaseEstimator):
    """Base of all estimators: a model that is trained under a byte budget and runs on a microcontroller."""

    _declared: ClassVar[dict[str, tuple[Constraint, ...]]] = dict(SHARED_PARAMETERS)
    _usual_bits: ClassVar[int] = 8  # where nothing else is chosen
    _structured: ClassVar[dict[str, tuple[Constraint, ...]]] = {}
    _row_attributes: ClassVar[tuple[str, ...]] = ()  # fitted ones that together are the shape of a row
    _transposed: ClassVar[frozenset[str]] = frozenset()  # matrices that the program holds the other way round

    max_cycles: int | None = None
    max_accuracy_loss: float = 0.0
    teacher: Any = None
    augment: Any = None
    restarts: int = 1
    _decided: Mapping[str, Any] | None = None
    """What another fit has chosen (the first of its ``history_["choices"]``), so that this one need not."""

    @staticmethod
    @abstractmethod
    def program_of(weights: Arrays, qtypes: Types, frame: Frame) -> Program:
        """The family's float program of such numbers; depends on nothing else."""

    @abstractmethod
    def _train(self, lesson: Lesson) -> Model:
        """The family's training."""

    @abstractmethod
    def _prepare_target(
        self, y: NDArray[Any], weight: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[np.float64], Seen]:
        """What training fits, the final row weights, and what undoes the preparation."""

    # ------------------------------------------------------------------ fitting

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> EdgeEstimator:
        """Train under the byte budget.

        Where that fails or is interrupted, the estimator stays as it was.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Raw features, finite. Sequence estimators also take (n_samples, n_steps, n_features).
        y : array-like of shape (n_samples,)
            Class labels (numbers, strings or booleans), or real targets of a regressor.
        sample_weight : array-like of shape (n_samples,), optional
            Importance of each row, not negative. Rows of weight 0 are as if absent.
        groups : array-like of shape (n_samples,), optional
            What belongs together (a person, a recording): rows that `fit` holds out for judging are whole groups.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For NaN or infinity, a single class, or a budget that no structure can meet.
        """
        self._check_parameters()
        examples, seen = self._examples(X, y, sample_weight, groups)
        with np.errstate(under="ignore"):  # NumPy's own setting, of which other libraries (emlearn) make an error
            model, program = proven(self._learned(examples, self._frame(seen, examples.rows)))
        self._check_budgets(program)
        self._become(seen, model, model_bytes(program))
        return self

    def _check_parameters(self) -> None:
        check_parameters(self, self.get_params(deep=False), self._declared)
        if self.max_cycles is not None and self.bits in (16, "mixed", *CODEBOOKS):
            raise ValueError(f"max_cycles needs weights of one byte or less: bits of at most 8, got {self.bits!r}")

    def _examples(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, groups: ArrayLike | None
    ) -> tuple[Examples, Seen]:
        """What training fits, and what the rows say about themselves."""
        rows, target, seen = self._check_rows_and_target(X, y)
        weight = check_weight(sample_weight, len(rows))
        belonging, counts = check_groups(groups, len(rows)), weight > 0
        belonging = None if belonging is None else belonging[counts]
        target, weight, answers = self._prepare_target(target[counts], weight[counts])
        return Examples(rows[counts], target, weight, belonging), seen | answers

    @in_plain_words()
    def _check_rows_and_target(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any], Seen]:
        noted = copy(self)  # scikit-learn notes there what it sees
        rows, target = validate_data(noted, X, y, dtype=np.float64, **self._target_checks)
        names = ("n_features_in_", "feature_names_in_")
        seen = {name: getattr(noted, name) for name in names if hasattr(noted, name)}
        return check_magnitude(rows), column_or_1d(target, warn=True), seen

    @property
    def _target_checks(self) -> dict[str, bool]:
        return {}

    @in_plain_words()
    def _check_rows(self, X: ArrayLike) -> NDArray[np.float64]:
        """Raw rows of a fitted estimator's input, last axis = features of one program step."""
        check_is_fitted(self)
        rows: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        return rows

    def _frame(self, seen: Seen, rows: NDArray[np.float64]) -> Frame:
        """The frame of a model of these rows, before a family has chosen its structure."""
        labels = tuple(seen["classes_"].tolist()) if "classes_" in seen else None
        names = seen.get("feature_names_in_")
        names = names if names is not None and len(names) == rows.shape[-1] else None
        encoding = choose_encoding(rows, bits=self._input_bits, names=names)
        told = tuple(losses(encoding, rows, names).sentences())
        if told:
            warnings.warn("; ".join(told), UserWarning, stacklevel=3)
        return Frame(type(self).program_of, rows.shape[1:], encoding, labels, {}, self.max_cycles, told)

    def _become(self, seen: Seen, model: Model, size: int) -> None:
        """Everything that fit has found, in one assignment: an interrupt finds the old model or the new one."""
        found = {"encoding_": model.frame.encoding, "weights_": dict(model.weights), "qtypes_": dict(model.qtypes),
                 "structure_": dict(model.frame.structure), "model_bytes_": size, "n_iter_": model.n_iter,
                 "history_": dict(model.history), "input_warnings_": model.frame.warnings}  # fmt: skip
        if model.representations is not None:
            found["representations_"] = dict(model.representations)
        others = {name: value for name, value in vars(self).items() if not re.fullmatch("[^_].*_", name)}
        self.__dict__ = others | seen | found

    # ------------------------------------------------------------------ training

    def _learned(self, examples: Examples, frame: Frame) -> Model:
        """Train as often as asked for, keep what does best on rows held out, and settle what is open then."""
        apart = self._held_out(examples)
        lesson, judged = self._lesson(examples.where(~apart), frame), examples.where(apart)
        lesson = self._prepared(lesson)
        model, seed = self._best(lesson, judged)
        if self.bits == "mixed":
            further = replace(lesson, seed=seed, start=model.float_weights)
            model = narrowed(model, judged, self.max_accuracy_loss, lambda names: self._train(
                replace(further, four_bits=names)), self._transposed)  # fmt: skip
        elif self.bits in CODEBOOKS:
            model = represented(model, self.bits, self._transposed)
        return self._settle(model, judged)

    def _prepared(self, lesson: Lesson) -> Lesson:
        """The lesson with what is left open chosen: nothing, but an estimator may choose by short trainings."""
        return lesson

    def _lesson(self, examples: Examples, frame: Frame) -> Lesson:
        x_q = frame.encoding.encode(examples.rows)
        return Lesson(examples, x_q, frame, self._weight_bits, _seed(self.random_state), self._answer(examples, frame))

    def _answer(self, examples: Examples, frame: Frame) -> Answer | None:
        """A teacher that the user has given, as a function of raw rows."""
        if self.teacher is None or self.teacher == "auto":
            return None
        classes = None if frame.labels is None else np.array(frame.labels)
        labels = examples.y if classes is None else classes[examples.y]
        return answers_of(self.teacher, examples.rows, labels, classes, examples.weight)

    def _best(self, lesson: Lesson, judged: Examples) -> tuple[Model, int]:
        """Of one training a restart, the model whose device program does best, and its seed."""
        first = lesson.seed
        seeds = [first, *np.random.SeedSequence(first).generate_state(self.restarts - 1).tolist()]
        best, least = None, np.inf
        for seed in seeds:
            model = self._train(replace(lesson, seed=seed))
            if len(seeds) == 1:
                return model, seed
            error = device_error(model, judged)
            if best is None or error < least:
                best, least = (model, seed), error
        assert best is not None
        return best

    def _settle(self, model: Model, held_out: Examples) -> Model:
        """What is chosen when all weights stand, on rows held out: nothing, but an estimator may have something."""
        return model

    @property
    def _weight_bits(self) -> int:
        """Width that training rounds weights to; other representations are made of those afterwards."""
        if self.max_cycles is not None:
            return FAST_BITS if self.bits == "auto" else min(FAST_BITS, int(self.bits))
        width: Any = {"auto": self._usual_bits, "mixed": 8, **CODEBOOKS}.get(self.bits, self.bits)
        return int(width)

    @property
    def _input_bits(self) -> int:
        """Width of inputs: a byte or a word, less where few cycles are wanted."""
        return 16 if self.bits == 16 else 8 if self.max_cycles is None else FAST_INPUT_BITS

    def _held_out(self, examples: Examples) -> NDArray[np.bool_]:
        """Rows that training does not see: a sixth of them, at most 1000, where something is to be judged."""
        if not self._judges:
            return np.zeros(len(examples), dtype=bool)
        return held_out(
            examples, HELD_OUT_SHARE, MOST_HELD_OUT, _seed(self.random_state), isinstance(self, ClassifierMixin)
        )

    @property
    def _judges(self) -> bool:
        """Whether something is to be judged on rows that training does not see."""
        return self.bits == "mixed" or self.restarts > 1

    def _check_budgets(self, program: Program) -> None:
        """The budgets are promises: break loudly rather than take more."""
        from ..codegen.passes.choose_forms import predicted_cycles

        taken = (("max_cycles", self.max_cycles, lambda: predicted_cycles(program), "cycles"),
                 ("max_model_bytes", self.max_model_bytes, lambda: model_bytes(program), "bytes"))  # fmt: skip
        for name, most, count, unit in taken:
            if most is not None and (found := count()) > most:
                raise RuntimeError(
                    f"{type(self).__name__} was trained to {found} {unit}, more than {name}={most}; "
                    "this is a fault of edgealgos, please report it."
                )

    # ------------------------------------------------------------------ the fitted model

    def to_program(self) -> Program:
        """The fitted model as a float program: the one meaning that Python and the device share."""
        check_is_fitted(self)
        labels = tuple(self.classes_.tolist()) if hasattr(self, "classes_") else None
        told = getattr(self, "input_warnings_", ())  # absent from models of earlier versions
        around = (self._row_shape, self.encoding_, labels, self.structure_, self.max_cycles, tuple(told))
        return Frame(type(self).program_of, *around).program_of(self.weights_, self.qtypes_)

    @property
    def _row_shape(self) -> tuple[int, ...]:
        """Shape of one raw row as training sees it."""
        return tuple(getattr(self, name) for name in self._row_attributes) or (self.n_features_in_,)

    def _html_repr(self) -> str:
        """The estimator as scikit-learn draws it; once fitted, what it needs on its board below."""
        drawn = str(estimator_html_repr(self))
        if not hasattr(self, "encoding_"):
            return drawn
        from ..pages.facts import estimator_html

        return drawn + estimator_html(self)

    def _repr_html_inner(self) -> str:  # what scikit-learn calls it up to 1.6
        return self._html_repr()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        told = dict(super()._repr_mimebundle_(**options))
        return told | ({"text/html": self._html_repr()} if "text/html" in told else {})

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        """Scores of the float program, shape (n_samples, n_outputs), for inputs that saturate as the device's do."""
        rows, program = self._check_rows(X), self.to_program()
        return interpret.run_float(program, self.encoding_.within(rows))

    def export_arduino(self, path: str | Path, **options: Any) -> Any:
        """Write an Arduino sketch; see :func:`edgealgos.export_arduino` for the options and the report returned."""
        from ..codegen.export import export_arduino

        return export_arduino(self, path, **options)

    def export_cpp(self, path: str | Path, **options: Any) -> Any:
        """Write portable C++; see :func:`edgealgos.export_cpp` for the options and the report returned."""
        from ..codegen.export import export_cpp

        return export_cpp(self, path, **options)


def _seed(random_state: int | np.random.RandomState | None) -> int:
    """One seed for the whole training."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
