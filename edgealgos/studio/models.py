"""A model that was trained, as the studio shows it: facts, the report's sections, its simulation; knows no HTTP."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

import edgealgos as ea

from ..cli.data import Data
from ..cli.scores import score, score_name
from ..pages.facts import simulation_rows
from ..pages.html import table
from ..pages.report import sections_of
from ..pages.sketch import namespace
from .jobs import Job
from .opened import Opened


class Fitted:
    """A model with the data that it was trained for.

    Parameters
    ----------
    number : int
        From 1.
    file : Path
        Of the saved model.
    facts : dict
        budget, board, bytes, cycles, ram, family, score (of rows held out to choose by), trial (its name).
    search : int
        Number of the training that has tried it.
    opened : Opened
    data : Data
        With the test part, which nothing was chosen by.

    Attributes
    ----------
    simulating : Job or None
    simulation : Simulation or None
    """

    def __init__(self, number: int, file: Path, facts: dict[str, Any], search: int, opened: Opened, data: Data) -> None:
        self.number, self.file, self.facts, self.search = number, file, facts, search
        self.opened, self.data = opened, data
        self.simulating: Job | None = None
        self.simulation: ea.Simulation | None = None
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        """Of sketch and files, as C++ takes it."""
        return namespace(Path(self.opened.shown).stem)

    @cached_property
    def model(self) -> Any:
        """The fitted estimator or Pipeline."""
        return ea.load(self.file)

    @cached_property
    def compiled(self) -> ea.CompiledModel:
        """For its board."""
        return ea.compile_model(self.model, board=self.facts["board"])

    @property
    def sections(self) -> list[Markup]:
        """The report page's, on rows of the test part; made once, as the sketch is built for them."""
        with self._lock:
            return self._sections

    @cached_property
    def _sections(self) -> list[Markup]:
        made = sections_of(self.compiled, self.data.X_test, self.data.y_test, self.name)
        return [Markup(section) for section in made]  # escaped there

    @cached_property
    def tested(self) -> str:
        """How well the device answers on the test part."""
        if self.data.y_test is None:
            return ""
        found = score(self.compiled, self.data.y_test, self.compiled.predict(self.data.X_test))
        return f"{score_name(self.compiled)} {found:.4f} on {len(self.data.y_test)} test rows"

    @property
    def simulated(self) -> Markup:
        """What a simulation has measured, and how its answers compare."""
        found = self.simulation
        if found is None:
            return Markup("")
        expected = self.compiled.predict(self.data.X_test[: len(found.labels)])
        different = int(np.count_nonzero(np.asarray(expected) != np.asarray(found.labels)))
        rows = [("answers that differ from Python's", f"{different} of {len(expected)}"), *simulation_rows(found)]
        return Markup(table(rows))  # escaped there
