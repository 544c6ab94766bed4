"""AutoClassifier and AutoRegressor: a search over families that behaves as one estimator; knows no family."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from copy import copy
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
from tqdm.auto import tqdm

from ..codegen.targets.boards import get_board
from ..errors import in_plain_words
from ..estimators.params import NONE, Constraint, Instance, Options, check_parameters, integer, positive
from ..estimators.shared import SHARED_PARAMETERS
from ..estimators.validation import check_groups, check_weight
from .families import FAMILIES, Family, families_for
from .judge import Candidate, Data, Judge, Limits
from .plot import draw
from .propose import OwnProposer, Proposer, SharedProposer, study_name
from .search import Found, Search

_DECLARED: dict[str, tuple[Constraint, ...]] = {
    "max_model_bytes": SHARED_PARAMETERS["max_model_bytes"],
    "max_cycles": (integer(1), NONE),
    "max_ram_bytes": (integer(1), NONE),
    "board": (Instance((str,)),),
    "time_limit": (positive(),),
    "families": (Options(("auto",)), Instance((str, list, tuple))),
    "storage": (Instance((str, os.PathLike)), NONE),
    "step_size": (integer(1), NONE),
    "random_state": SHARED_PARAMETERS["random_state"],
    "verbose": SHARED_PARAMETERS["verbose"],
}


class _Auto(BaseEstimator):
    """What the classifier and the regressor share."""

    _declared: ClassVar = _DECLARED
    _score_name: ClassVar[str]

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, max_ram_bytes=None, board="uno", time_limit=60,
        families="auto", storage=None, step_size=None, random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.max_ram_bytes = max_ram_bytes
        self.board = board
        self.time_limit = time_limit
        self.families = families
        self.storage = storage
        self.step_size = step_size
        self.random_state = random_state
        self.verbose = verbose

    # ------------------------------------------------------------------ fitting

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> _Auto:
        """Search for the best model within the budgets, and fit it to all rows.

        Where that fails or is interrupted, the estimator stays as it was.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_steps, n_features)
            Raw features, finite.
        y : array-like of shape (n_samples,)
            Class labels, or real targets of a regressor.
        sample_weight : array-like of shape (n_samples,), optional
            Importance of each row, not negative; it counts in every judgement.
        groups : array-like of shape (n_samples,), optional
            What belongs together: rows held out for judging are whole groups.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For NaN or infinity, a single class, or budgets that no family can meet: it tells each family's reason.
        """
        check_parameters(self, self.get_params(deep=False), self._declared)
        get_board(self.board)
        data, seen = self._data(X, y, sample_weight, groups)
        sequences = np.ndim(data.X) == 3 or self.step_size is not None
        families = families_for(self.families, data.classifies, sequences)
        seed = self._seed()
        judge = self._judge(seed)
        with self._bar() as tick:
            splits = data.splits(seed)
            search = Search(judge, self._proposer(families, seed, data), splits, float(self.time_limit), tick)
            found = search.run(len(families)) if splits else Found(None)
        self._become(seen, found, self._best(judge, found, families, data))
        return self

    @in_plain_words()
    def _data(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, groups: ArrayLike | None
    ) -> tuple[Data, dict[str, Any]]:
        """Rows as families take them, and what they say about themselves."""
        noted = copy(self)  # scikit-learn notes there what it sees
        classifies = isinstance(self, ClassifierMixin)
        if _are_sequences(X):
            rows, target = np.asarray(X), column_or_1d(y, warn=True)
            seen: dict[str, Any] = {"n_features_in_": int(np.prod(rows.shape[1:]))}
        else:
            rows, target = validate_data(noted, X, y, dtype=np.float64, y_numeric=not classifies)
            seen = {name: vars(noted)[name] for name in ("n_features_in_", "feature_names_in_") if name in vars(noted)}
        weight = check_weight(sample_weight, len(rows))
        belonging, counts = check_groups(groups, len(rows)), weight > 0
        rows, target = self._named(rows[counts], seen), target[counts]
        if classifies:
            check_classification_targets(target)
            seen["classes_"] = np.unique(target)
            if len(seen["classes_"]) < 2:
                raise ValueError(
                    f"{type(self).__name__} needs rows of at least two classes; y holds one class only: "
                    f"{seen['classes_'].tolist()[0]!r}"
                )
        else:
            target = np.asarray(target, np.float64)
        weights = None if sample_weight is None else weight[counts]
        return Data(rows, target, weights, None if belonging is None else belonging[counts], classifies), seen

    def _named(self, rows: NDArray[Any], facts: Mapping[str, Any]) -> Any:
        """Rows as a table with names, if there are such."""
        names = facts.get("feature_names_in_")
        return rows if names is None or np.ndim(rows) != 2 else pd.DataFrame(rows, columns=list(names))

    def _seed(self) -> int:
        state = self.random_state
        return int(state) if isinstance(state, Integral) else int(check_random_state(state).randint(2**31 - 1))

    def _judge(self, seed: int) -> Judge:
        limits = Limits(self.max_model_bytes, self.max_cycles, self.max_ram_bytes, self.board)
        return Judge(limits, {"random_state": seed} | ({"step_size": self.step_size} if self.step_size else {}))

    def estimator_of(self, line: Mapping[str, Any]) -> Any:
        """The estimator of a line of the leaderboard, unfitted, within the budgets of this search.

        Parameters
        ----------
        line : mapping
            Of ``leaderboard_``, as whoever looks at :meth:`plot` picks it.

        Returns
        -------
        estimator

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from edgealgos import AutoClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> auto = AutoClassifier(max_model_bytes=256, families=["linear"], time_limit=10, random_state=0).fit(X, y)
        >>> auto.estimator_of(auto.leaderboard_[-1]).fit(X, y).model_bytes_ <= 256
        True
        """
        family = next((family for family in FAMILIES if family.name == line["family"]), None)
        if family is None:
            raise ValueError(f"no family is named {line['family']!r}; take a line of leaderboard_")
        return self._judge(self._seed()).estimator(
            Candidate(family, dict(line["params"])), isinstance(self, ClassifierMixin)
        )

    def _proposer(self, families: list[Family], seed: int, data: Data) -> Proposer:
        shared = self.storage
        if shared is None:
            return OwnProposer(families, seed)
        params = {n: v for n, v in self.get_params(deep=False).items() if n not in ("time_limit", "storage", "verbose")}
        name = study_name(np.asarray(data.X), np.asarray(data.y).astype(str), sorted(params.items(), key=str))
        return SharedProposer(families, None, shared, name)

    def _bar(self) -> _Bar:
        return _Bar(type(self).__name__, self._score_name, bool(self.verbose))

    def _best(self, judge: Judge, found: Found, families: list[Family], data: Data) -> Any:
        """The best candidate fitted to all rows; the simplest where nothing could be judged."""
        simplest = Candidate(families[0], dict(families[0].quickly))
        if found.best is None and len(found.refusals) >= len(families):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in found.refusals.items())
            raise ValueError(f"no family can meet these budgets. {reasons}")
        if found.best is None and any(c.refused for c in found.known):
            refused = "; ".join(f"{c.family.name}: {c.refused}" for c in found.known if c.refused)
            raise ValueError(f"no model keeps the limits of {self.board}. {refused}")
        if found.cut_short:
            warnings.warn(
                f"time_limit={self.time_limit:g} seconds is too short for a fit of more than the simplest family; "
                f"best_estimator_ is of the family {families[0].name!r}; give it more time",
                UserWarning,
                stacklevel=3,
            )
        return judge.fit(found.best or simplest, data, found.seconds, decided=not found.chooses_again, hard=False)

    def _become(self, seen: dict[str, Any], found: Found, best: Any) -> None:
        """Everything that fit has found, in one assignment."""
        told = [candidate.told() for candidate in found.known if candidate.scores or candidate.refused]
        others = {name: value for name, value in vars(self).items() if not name.endswith("_")}
        self.__dict__ = others | seen | {"best_estimator_": best, "leaderboard_": told}

    # ------------------------------------------------------------------ the fitted model

    @in_plain_words()
    def _rows(self, X: ArrayLike) -> Any:
        """Rows as the best estimator takes them, checked in this estimator's name."""
        check_is_fitted(self)
        if not _are_sequences(X):
            X = self._named(validate_data(self, X, dtype=np.float64, reset=False), vars(self))
        return X

    @property
    def model_bytes_(self) -> int:
        """Bytes that the export stores for the best estimator, exactly."""
        check_is_fitted(self)
        return int(self.best_estimator_.model_bytes_)

    @property
    def n_iter_(self) -> int:
        """Passes or rounds of the best estimator's training."""
        check_is_fitted(self)
        return int(self.best_estimator_.n_iter_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """What the best estimator answers: labels or real targets, shape (n_samples,)."""
        check_is_fitted(self)
        answers: NDArray[Any] = self.best_estimator_.predict(self._rows(X))
        return answers

    def to_program(self) -> Any:
        """The best estimator's float program."""
        check_is_fitted(self)
        return self.best_estimator_.to_program()

    def export_arduino(self, path: str | Path, **options: Any) -> Any:
        """Write an Arduino sketch; see :func:`edgealgos.export_arduino` for the options and the report returned."""
        check_is_fitted(self)
        return self.best_estimator_.export_arduino(path, **{"board": self.board, **options})

    def export_cpp(self, path: str | Path, **options: Any) -> Any:
        """Write portable C++; see :func:`edgealgos.export_cpp` for the options and the report returned."""
        check_is_fitted(self)
        return self.best_estimator_.export_cpp(path, **options)

    def plot(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure of the leaderboard: accuracy over bytes, what is not beaten in both joined by a line.

        Parameters
        ----------
        path : str or Path, optional
            Picture to write; the ending chooses the format.
        """
        check_is_fitted(self)
        return draw(self.leaderboard_, self._score_name, path)


class AutoClassifier(ClassifierMixin, _Auto):
    """The best classifier within budgets: linear models, trees, neighbours, Bonsai, ProtoNN, recurrent cells.

    Every family is fitted as it comes on a part of the rows and judged by what its device program answers on the rest,
    more often where rows are few; then what did best is varied until the time is over or nothing gets better. The best
    is fitted to all rows.

    Parameters
    ----------
    max_model_bytes : int or None, default=2048
        Flash for everything the model stores. None: no limit.
    max_cycles : int or None, default=None
        Clock cycles that a prediction may take, as the report predicts them. None: no limit.
    max_ram_bytes : int or None, default=None
        RAM of the whole sketch, deepest stack included. None: the board's.
    board : str, default="uno"
        What is compiled for.
    time_limit : float, default=60
        Seconds of wall clock for the whole fit. Too short for more than the simplest family: a warning says so.
    families : "auto", str or list of str, default="auto"
        Families to try: linear, boosted_trees, neighbours, bonsai, protonn; of sequences fastgrnn, fastrnn.
        ``"auto"``: all.
    storage : str, path or None, default=None
        Journal file, or address of a database (``"postgresql://..."``), in which searches of the same data and budgets
        go on where others stopped, several processes at a time. Needs Optuna: ``pip install 'edgealgos[search]'``.
    step_size : int or None, default=None
        Columns that make one time step: rows are then sequences.
    random_state : int, RandomState or None, default=None
        Seed of splits and trainings. How many models are tried depends on the time that each takes.
    verbose : int, default=0
        1 shows one progress bar with the best so far.

    Attributes
    ----------
    best_estimator_ : estimator
        Fitted to all rows.
    leaderboard_ : list of dict
        Everything that was judged: first the one that was fitted to all rows, best of those judged on most splits, then
        the others by score. ``family``, ``params``, ``validation_score`` (None where it broke a limit) and its
        ``validation_spread`` over splits, ``model_bytes``, ``cycles``, ``ram_bytes``, ``seconds``.
    classes_ : ndarray of shape (n_classes,)
        Labels in the order of the scores.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of str
        Their names, when X was a table with names.
    model_bytes_ : int
        Bytes that the export stores for the model, exactly.
    n_iter_ : int
        Passes or rounds of the best estimator's training.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from edgealgos import AutoClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> auto = AutoClassifier(max_model_bytes=256, families=["linear"], time_limit=10, random_state=0).fit(X, y)
    >>> auto.model_bytes_ <= 256
    True
    >>> sorted(auto.leaderboard_[0])[:3]
    ['cycles', 'family', 'model_bytes']
    """

    _score_name = "accuracy"

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the best estimator, shape (n_samples, n_classes), columns in the order of ``classes_``."""
        check_is_fitted(self)
        shares: NDArray[np.float64] = self.best_estimator_.predict_proba(self._rows(X))
        return shares

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Scores of the best estimator: (n_samples,) for two classes, else a column a class."""
        check_is_fitted(self)
        scores: NDArray[np.float64] = self.best_estimator_.decision_function(self._rows(X))
        return scores


class AutoRegressor(RegressorMixin, _Auto):
    """The best regressor within budgets; see :class:`AutoClassifier` for parameters and attributes; scores are R².

    Parameters
    ----------
    max_model_bytes, max_cycles, max_ram_bytes, board, time_limit, families, storage, step_size, random_state, verbose
        As in :class:`AutoClassifier`.

    Attributes
    ----------
    best_estimator_, leaderboard_, n_features_in_, feature_names_in_, model_bytes_, n_iter_
        As in :class:`AutoClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from edgealgos import AutoRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> auto = AutoRegressor(max_model_bytes=256, families=["linear"], time_limit=10, random_state=0).fit(X, y)
    >>> auto.model_bytes_ <= 256, bool(auto.score(X, y) > 0.4)
    (True, True)
    """

    _score_name = "R²"


def _are_sequences(X: Any) -> bool:
    """Whether rows have steps of their own."""
    return len(X.shape if hasattr(X, "shape") else np.asarray(X, object).shape) == 3


class _Bar:
    """A progress bar of candidates with the best so far, or nothing."""

    def __init__(self, name: str, score: str, shown: bool) -> None:
        self._name, self._score, self._shown = name, score, shown
        self._bar: Any = None

    def __enter__(self) -> Callable[[Candidate, Candidate | None], None]:
        return self._tick

    def __exit__(self, *fault: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _tick(self, tried: Candidate, best: Candidate | None) -> None:
        if best is None:  # a search that finds nothing has one sentence to say
            return
        if self._bar is None:
            self._bar = tqdm(disable=not self._shown, desc=self._name, unit="fit")
        self._bar.update()
        self._bar.set_postfix_str(f"best {best.family.name} {self._score} {best.score:.4f}, {best.model_bytes} bytes")
