"""What a search tries next: every family as it comes, then changes of what did best; here, or in a shared study."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..errors import MissingToolError
from .families import Family
from .judge import Candidate

DEFAULT = "default"  # stands for the family's own value
KNOBS_AT_ONCE = 2
SAMPLED_SEEDS = 8  # of a shared study, whose choices have to be written down


class Proposer(Protocol):
    """Where candidates come from, and where results go."""

    def ask(self, count: int) -> list[Candidate]:
        """At most so many candidates; none where there is nothing more to try."""

    def tell(self, candidates: Sequence[Candidate]) -> None:
        """What was found of candidates that this object gave."""

    def known(self) -> list[Candidate]:
        """All that is known, by whomever it was found."""


class OwnProposer:
    """Every family as it comes, then what did best with a knob or two turned."""

    def __init__(self, families: Sequence[Family], seed: int) -> None:
        self._families, self._random = families, random.Random(seed)
        self._known: list[Candidate] = []
        self._given: set[str] = set()
        self._waiting = [Candidate(family, {}) for family in families]

    def ask(self, count: int) -> list[Candidate]:
        found: list[Candidate] = []
        while len(found) < count:
            candidate = self._waiting.pop(0) if self._waiting else self._changed()
            if candidate is None:
                break
            self._given.add(_key(candidate))
            found.append(candidate)
        return found

    def tell(self, candidates: Sequence[Candidate]) -> None:
        self._known += candidates

    def known(self) -> list[Candidate]:
        return self._known

    def _changed(self) -> Candidate | None:
        """One of the best with other values of a knob or two; None where all that is near was tried."""
        good = sorted((c for c in self._known if c.score > -float("inf")), key=lambda c: -c.score)
        for _ in range(50):
            if not good:
                return None
            parent = good[min(int(self._random.expovariate(1.0)), len(good) - 1)]
            knobs = list(parent.family.knobs)
            params = dict(parent.params)
            for name in self._random.sample(knobs, min(len(knobs), self._random.randint(1, KNOBS_AT_ONCE))):
                params[name] = self._random.choice(parent.family.knobs[name])
            candidate = Candidate(parent.family, params)
            if _key(candidate) not in self._given:
                return candidate
        return None


class SharedProposer:
    """A study of Optuna's, in memory or in a storage that several processes share.

    Parameters
    ----------
    families : sequence of Family
    seed : int or None
    storage : str or Path
        A file for a journal, or the address of a database.
    name : str
        Of the study: those who search the same in the same data share it.
    """

    def __init__(self, families: Sequence[Family], seed: int | None, storage: str | Path, name: str) -> None:
        try:
            import optuna
        except ModuleNotFoundError:
            raise MissingToolError("optuna", "share a search", "pip install 'edgealgos[search]'") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._families = optuna, {family.name: family for family in families}
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False)
        self._study = optuna.create_study(
            storage=_storage_of(optuna, storage), study_name=name, sampler=sampler, direction="maximize",
            load_if_exists=True,
        )  # fmt: skip
        self._asked: dict[int, Any] = {}
        for family in families:
            defaults = {f"{family.name}.{knob}": DEFAULT for knob in family.knobs}
            self._study.enqueue_trial({"family": family.name, **defaults}, skip_if_exists=True)

    def ask(self, count: int) -> list[Candidate]:
        return [self._next() for _ in range(count)]

    def _next(self) -> Candidate:
        trial = self._study.ask()
        self._asked[trial.number] = trial
        family = self._families[trial.suggest_categorical("family", list(self._families))]
        params = {}
        for knob, values in family.knobs.items():
            value = trial.suggest_categorical(f"{family.name}.{knob}", [DEFAULT, *values[:SAMPLED_SEEDS]])
            if value != DEFAULT:
                params[knob] = value
        return Candidate(family, params, trial.number)

    def tell(self, candidates: Sequence[Candidate]) -> None:
        state = self._optuna.trial.TrialState
        for candidate in candidates:
            trial = self._asked.pop(candidate.number)
            facts = {"scores": candidate.scores, "model_bytes": candidate.model_bytes, "cycles": candidate.cycles,
                     "ram_bytes": candidate.ram_bytes, "seconds": candidate.seconds, "refused": candidate.refused,
                     "decided": json.dumps(candidate.decided)}  # fmt: skip
            for name, value in facts.items():
                trial.set_user_attr(name, value)
            judged = candidate.score > -float("inf")
            self._study.tell(trial, candidate.score if judged else None, state.COMPLETE if judged else state.FAIL)
            if not candidate.scores and not candidate.refused:  # there was no time: somebody else's turn
                self._study.enqueue_trial(trial.params)

    def known(self) -> list[Candidate]:
        return list(self._read())

    def _read(self) -> Iterator[Candidate]:
        complete = (self._optuna.trial.TrialState.COMPLETE,)
        for trial in self._study.get_trials(deepcopy=False, states=complete):
            family, facts = self._families.get(trial.params["family"]), trial.user_attrs
            if family is None:
                continue
            own = {name.partition(".")[2]: value for name, value in trial.params.items() if "." in name}
            params = {name: value for name, value in own.items() if value != DEFAULT}
            taken = {name: facts[name] for name in ("model_bytes", "cycles", "ram_bytes", "seconds", "refused")}
            decided = json.loads(facts["decided"])
            yield Candidate(family, params, trial.number, list(facts["scores"]), **taken, decided=decided)


def study_name(*parts: Any) -> str:
    """The same for the same data and budgets."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if hasattr(part, "tobytes") else repr(part).encode())
    return f"edgealgos-{digest.hexdigest()[:16]}"


def _storage_of(optuna: Any, storage: str | Path) -> Any:
    """A journal file, or the database at an address."""
    if "://" in str(storage):
        return str(storage)
    backend = optuna.storages.journal.JournalFileBackend(str(storage))
    return optuna.storages.JournalStorage(backend)


def _key(candidate: Candidate) -> str:
    return f"{candidate.family.name} {sorted(candidate.params.items())}"
