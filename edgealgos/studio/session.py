"""What the studio knows at a time, the same for every tab: data, models, the work that goes on; no page, no HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import edgealgos as ea

from ..cli.data import Data, split
from ..files import Scratch
from .jobs import Job
from .models import Fitted
from .opened import Opened, open_data
from .work import Wish, simulate, train

TEST_SHARE = 0.3  # of the rows, or of takes and persons
SOUND_SECONDS = 120.0  # of a search: networks over sound learn slowly


class Refused(ea.EdgeAlgosError):
    """What was asked for cannot be done now: another tab was quicker, or work goes on."""


class Session:
    """All of it; methods may be called from several threads.

    Attributes
    ----------
    opened : Opened or None
    job : Job or None
        Training, going on or ended.
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
        self.wish = Wish()
        self.models: dict[int, Fitted] = {}

    def folder(self) -> Path:
        """A new folder that goes with the session."""
        with self._lock:
            self._count += 1
            found = self._scratch.path / str(self._count)
        found.mkdir()
        return found

    def open(self, place: str, shown: str, flags: Sequence[str] = ()) -> Opened:
        """Read data in place of those that are open, as flags of `edgealgos train` say; models of these go."""
        self._check_idle()
        with self._lock:
            self._count += 1
            number = self._count
        found = open_data(number, place, shown, flags)
        with self._lock:
            self._check_idle()
            before, self.models = self.models, {}
            self.opened, self.job = found, None
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

            def heard(what: str, facts: dict[str, Any]) -> None:
                if what == "model":
                    self._add(Path(facts.pop("file")), facts, opened, parts)

            self.wish = wish
            self.job = Job("training", train, (parts, wish, self.folder()), heard)
            return self.job

    def _add(self, file: Path, facts: dict[str, Any], opened: Opened, data: Data) -> None:
        with self._lock:
            number = max(self.models, default=0) + 1
            self.models = self.models | {number: Fitted(number, file, facts, opened, data)}

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
        """End the training; models that are there stay."""
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
