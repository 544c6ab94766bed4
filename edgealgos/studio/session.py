"""What the studio knows at a time, the same for every tab: data, models, the work that goes on; no page, no HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edgealgos as ea

from ..cli.data import Data, split
from ..files import Scratch
from .jobs import Job, name_of
from .models import Fitted
from .opened import Opened, open_data
from .work import Wish, fit, simulate, train

TEST_SHARE = 0.3  # of the rows, or of takes and persons
SOUND_SECONDS = 120.0  # of a search: networks over sound learn slowly


class Refused(ea.EdgeAlgosError):
    """What was asked for cannot be done now: another tab was quicker, or work goes on."""


@dataclass(frozen=True)
class Search:
    """A training with what it learns from: what it has tried may be fitted to the same rows.

    Parameters
    ----------
    number : int
    opened : Opened
    parts : Data
        Learnt from, and put aside for tests.
    wish : Wish
    job : Job
    """

    number: int
    opened: Opened
    parts: Data
    wish: Wish
    job: Job


class Session:
    """All of it; methods may be called from several threads.

    Attributes
    ----------
    opened : Opened or None
    job : Job or None
        Training, or fitting what one has tried, going on or ended.
    search : Search or None
        The last training.
    wish : Wish
        What was trained last.
    models : dict of int to Fitted
    """

    def __init__(self) -> None:
        self._scratch = Scratch()
        self._lock = threading.RLock()
        self._count = 0
        self.opened: Opened | None = None
        self.job: Job | None = None
        self.search: Search | None = None
        self.wish = Wish()
        self.models: dict[int, Fitted] = {}

    def _next(self) -> int:
        with self._lock:
            self._count += 1
            return self._count

    def folder(self) -> Path:
        """A new folder that goes with the session."""
        found = self._scratch.path / str(self._next())
        found.mkdir()
        return found

    def open(self, place: str, shown: str, flags: Sequence[str] = ()) -> Opened:
        """Read data in place of those that are open, as flags of `edgealgos train` say; models of these go."""
        self._check_idle()
        found = open_data(self._next(), place, shown, flags)
        with self._lock:
            self._check_idle()
            before, self.models = self.models, {}
            self.opened, self.job, self.search = found, None, None
            self.wish = Wish(seconds=SOUND_SECONDS if found.kind == "sound" else Wish.seconds)
        _end(fitted.simulating for fitted in before.values())
        return found

    def current(self, number: int) -> Opened:
        """The data that a page was made for.

        Raises
        ------
        Refused
            If others were opened since, in another tab.
        """
        found = self.opened
        if found is None or found.number != number:
            raise Refused("other data were opened in another tab since this page was loaded; it shows them now")
        return found

    def train(self, number: int, wish: Wish) -> Job:
        """Begin to train."""
        with self._lock:
            opened = self.current(number)
            self._check_idle()
            parts = split(opened.data(), TEST_SHARE)  # the command's: what it tests with, nothing here has learnt from
            search = self._next()
            self.wish = wish
            self.job = self._begin("training", train, (parts, wish), (search, opened, parts))
            self.search = Search(search, opened, parts, wish, self.job)
            return self.job

    def pick(self, search: int, trial: int) -> None:
        """Begin to fit what a search has tried, if it is not fitted yet."""
        with self._lock:
            of, tried = self.tried(search, trial)
            if self.model_of(search, trial) is None:
                self._check_idle()
                self.job = self._begin("fitting", fit, (of.parts, of.wish, tried), (search, of.opened, of.parts))

    def tried(self, search: int, trial: int) -> tuple[Search, Mapping[str, Any]]:
        """A search, and what it has tried.

        Raises
        ------
        Refused
            If another was begun since, in another tab.
        """
        found = self.search
        if found is None or found.number != search or not 0 <= trial < len(found.job.candidates):
            raise Refused("another training was begun since this page was loaded; pick among its points")
        return found, found.job.candidates[trial]

    def model_of(self, search: int, trial: int) -> int | None:
        """Number of the model that is what a search has tried, fitted."""
        name = name_of(self.tried(search, trial)[1])
        mine = (n for n, model in self.models.items() if (model.search, model.facts["trial"]) == (search, name))
        return next(mine, None)

    def _begin(self, title: str, work: Any, arguments: tuple[Any, ...], of: tuple[int, Opened, Data]) -> Job:
        """Work that tells of models."""

        def heard(what: str, facts: dict[str, Any]) -> None:
            if what == "model":
                with self._lock:
                    number = max(self.models, default=0) + 1
                    self.models = self.models | {number: Fitted(number, Path(facts.pop("file")), facts, *of)}

        return Job(title, work, (*arguments, self.folder()), heard)

    def simulate(self, fitted: Fitted, most: int) -> None:
        """Begin to run a model's firmware on its rows of the test part."""
        with self._lock:
            if fitted.simulating is not None and fitted.simulating.running:
                return

            def heard(what: str, facts: dict[str, Any]) -> None:
                if what == "simulated":
                    fitted.simulation = facts["simulation"]

            rows = fitted.data.X_test[:most]
            fitted.simulating = Job("simulating", simulate, (fitted.file, fitted.facts["board"], rows), heard)

    def cancel(self) -> None:
        """End training and fitting; models that are there stay."""
        if self.job is not None:
            self.job.cancel()

    def close(self) -> None:
        """End everything."""
        _end((self.job, *(fitted.simulating for fitted in self.models.values())))
        self._scratch.close()

    def _check_idle(self) -> None:
        if self.job is not None and self.job.running:
            raise Refused("a training goes on, perhaps begun in another tab; cancel it, or wait for its end")


def _end(jobs: Iterable[Job | None]) -> None:
    for job in jobs:
        if job is not None:
            job.cancel()
