"""What the studio does in a process of its own: training and simulating; tells events, knows no page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edgealgos as ea

from ..cli.data import Data
from ..cli.models import fitted, new_model
from ..progress import Listener, heard_by
from .jobs import name_of
from .words import plainly, understood


@dataclass(frozen=True)
class Wish:
    """What is to be trained.

    Parameters
    ----------
    board : str
    budgets : tuple of int
        Bytes; a search each.
    seconds : float
        Of each search.
    families : tuple of str
        Those to try; empty: all that take such rows.
    """

    board: str = "uno"
    budgets: tuple[int, ...] = (512, 1024, 2048)
    seconds: float = 30.0
    families: tuple[str, ...] = ()

    def words(self, place: str, budget: int) -> list[str]:
        """The command that does the same."""
        families = [f"--families={','.join(self.families)}"] if self.families else []
        return ["train", place, "--family=auto", f"--board={self.board}", f"--max-model-bytes={budget}",
                f"--time-limit={self.seconds:g}", *families]  # fmt: skip


def train(tell: Listener, parts: Data, wish: Wish, folder: Path) -> None:
    """A search for each budget; the models lie in the folder, and an event tells of each."""
    for budget in wish.budgets:
        tell("budget", {"budget": budget})
        try:
            with heard_by(tell):
                model = fitted(_unfitted(parts, wish, budget), parts)
        except ValueError as error:  # this budget cannot be met; another may
            if len(wish.budgets) == 1:
                raise
            tell("note", {"text": f"{budget:,} bytes: {plainly(str(error))}"})
            continue
        search = model[-1] if hasattr(model, "steps") else model
        unjudged: dict[str, Any] = {
            "family": type(search.best_estimator_).__name__,
            "validation_score": None,
            "params": {},
        }
        best = search.leaderboard_[0] if search.leaderboard_ else unjudged
        _keep(tell, model, wish, best | {"budget": budget}, folder)


def fit(tell: Listener, parts: Data, wish: Wish, trial: Mapping[str, Any], folder: Path) -> None:
    """What a search has tried on a part of the rows, fitted to all that one may learn from."""
    tell("budget", {"budget": trial["budget"]})
    model = _unfitted(parts, wish, trial["budget"])
    if hasattr(model, "steps"):
        model.steps[-1] = (model.steps[-1][0], model[-1].estimator_of(trial))
    else:
        model = model.estimator_of(trial)
    with heard_by(tell):
        _keep(tell, fitted(model, parts), wish, trial, folder)


def _unfitted(parts: Data, wish: Wish, budget: int) -> Any:
    return new_model(understood(*wish.words("-", budget), "--verbose=0"), parts)


def _keep(tell: Listener, model: Any, wish: Wish, trial: Mapping[str, Any], folder: Path) -> None:
    """Save a model, and tell of it; its score is that of the trial."""
    report = ea.compile_model(model, board=wish.board).report
    path = ea.save(model, folder / f"{trial['budget']}.edgealgos")
    tell("model", {
        "file": str(path), "budget": trial["budget"], "board": wish.board, "bytes": report.model_bytes,
        "cycles": report.cycles, "ram": report.ram_bytes, "family": trial["family"],
        "score": trial["validation_score"], "trial": name_of(trial),
    })  # fmt: skip


def simulate(tell: Listener, path: Path, board: str, X: Any) -> None:
    """The firmware of a saved model on a simulated board, on all rows."""
    compiled = ea.compile_model(ea.load(path), board=board)
    tell("simulated", {"simulation": compiled.simulate(X)})
