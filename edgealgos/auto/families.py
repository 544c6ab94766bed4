"""The families that a search tries: their estimators, what rows they take, the few knobs worth turning; trains none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

Knobs = Mapping[str, tuple[Any, ...]]
_SEEDS = tuple(range(1, 1000))


@dataclass(frozen=True)
class Family:
    """One family.

    Parameters
    ----------
    name : str
        What a user calls it.
    module : str
        Where its estimators are, below ``edgealgos.estimators``.
    classifier, regressor : str or None
        Their names.
    sequences : bool
        Whether it takes sequences, or else tables.
    knobs : mapping of str to tuple
        Parameters and the values to try besides the default.
    fixed : mapping
        Parameters that differ from the family's own defaults in every search.
    quickly : mapping
        Parameters of the shortest training worth the name, where there is no time for another.
    refit : float
        Time of the last fit, which chooses nothing any more, in those that candidates took.
    least_seconds : float
        With less than that a fit is not begun: TensorFlow alone takes seconds until it trains.
    lead : float
        Standard errors by which it has to be better than the simplest family: the best of several is lucky.
    """

    name: str
    module: str
    classifier: str | None
    regressor: str | None
    sequences: bool
    knobs: Knobs
    fixed: Mapping[str, Any] = field(default_factory=dict)
    quickly: Mapping[str, Any] = field(default_factory=dict)
    refit: float = 1.3
    least_seconds: float = 8.0
    lead: float = 0.5

    def estimator(self, classifies: bool) -> Any:
        """The class."""
        name = self.classifier if classifies else self.regressor
        return None if name is None else getattr(import_module(f"edgealgos.estimators.{self.module}"), name)


FAMILIES = (
    Family("linear", "linear", "LinearClassifier", "LinearRegressor", False, {"bits": (16,)}, refit=0.7,
           least_seconds=0.5, lead=0.0),
    Family(
        "boostedtrees", "boosted_trees", "BoostedTreesClassifier", "BoostedTreesRegressor", False,
        {"max_depth": (2, 3, 4, 5), "learning_rate": (0.15, 0.3, 0.6), "bits": (4, 6), "random_state": _SEEDS},
        refit=0.4, least_seconds=1.0,
    ),
    Family("neighbours", "neighbours", "NeighboursClassifier", None, False, {}, refit=0.5, least_seconds=1.0),
    Family(
        "bonsai", "bonsai", "BonsaiClassifier", "BonsaiRegressor", False,
        {"depth": (0, 1, 2, 3), "learning_rate": (0.003, 0.03), "random_state": _SEEDS}, refit=0.5,
    ),
    Family(
        "protonn", "protonn", "ProtoNNClassifier", "ProtoNNRegressor", False,
        {"learning_rate": (0.003, 0.03), "random_state": _SEEDS}, refit=0.5,
    ),
    Family(
        "fastgrnn", "fastgrnn", "FastGRNNClassifier", "FastGRNNRegressor", True,
        {"hidden_size": (8, 12, 16, 24, 32, 48), "learning_rate": (0.005, 0.02), "random_state": _SEEDS},
        quickly={"hidden_size": 8, "epochs": 5},
    ),
    Family(
        "fastrnn", "fastgrnn", "FastRNNClassifier", None, True, {"hidden_size": (8, 16, 32), "random_state": _SEEDS}
    ),
    Family("gru", "fastgrnn", "GRUClassifier", "GRURegressor", True, {"random_state": _SEEDS}),
    Family("convnet", "convnet", "ConvNetClassifier", "ConvNetRegressor", True, {"random_state": _SEEDS},
           fixed={"search_time": 0}),
)  # fmt: skip
"""All, the simplest first; those whose module this installation lacks are left out."""


def families_for(wanted: str | Sequence[str], classifies: bool, sequences: bool) -> list[Family]:
    """The families to try, in the order of :data:`FAMILIES`.

    Raises
    ------
    ValueError
        For a name that is none, or where none of those wanted takes such rows and targets.
    """
    here = [family for family in FAMILIES if _is_here(family)]
    possible = [f for f in here if f.sequences == sequences and f.estimator(classifies) is not None]
    if wanted == "auto":
        return possible
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    plain = [_plain(name) for name in names]
    if strange := [name for name, short in zip(names, plain, strict=True) if short not in {f.name for f in here}]:
        raise ValueError(f"families has {strange[0]!r}; possible are 'auto' and {', '.join(f.name for f in here)}")
    found = [family for family in possible if family.name in plain]
    if not found:
        rows, task = "sequences" if sequences else "tables", "classes" if classifies else "real targets"
        others = ", ".join(family.name for family in possible)
        raise ValueError(f"families={wanted!r}: none of them takes {rows} with {task}; {others} do")
    return found


def _plain(name: Any) -> str:
    """A family's name however it is written: ``BoostedTreesClassifier``, ``boosted_trees``, ``boosted trees``."""
    short = str(name).lower().removesuffix("classifier").removesuffix("regressor")
    return short.replace("_", "").replace("-", "").replace(" ", "")


def _is_here(family: Family) -> bool:
    try:
        import_module(f"edgealgos.estimators.{family.module}")
    except ModuleNotFoundError:
        return False
    return True
