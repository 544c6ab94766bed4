"""Work in a process of its own, and what it has told so far; one may look at any time, and end it; knows no page.

Ending the process ends the work, whatever it is in the middle of; and the process ends with the one that started it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from typing import Any

import edgealgos as ea

from ..progress import Listener
from .words import plainly

PATIENCE = 5.0  # seconds that a killed process may take
MOST_EPOCHS = 2000  # of one fit that are kept


def name_of(trial: Mapping[str, Any]) -> str:
    """What tells a trial from others of a search for several budgets."""
    return f"{trial['budget']} {trial['family']} {trial['params']}"


class Job:
    """Work that goes on whoever looks.

    Parameters
    ----------
    title : str
        What it does.
    work : callable
        Of ``work.py``; called with a function that tells events, and `arguments`.
    arguments : tuple
    heard : callable
        Called with each event, in a thread.

    Attributes
    ----------
    state : {"running", "done", "failed", "cancelled"}
    reason : str
        Why it failed.
    epochs : list of dict
        Of the fit that goes on.
    candidates : list of dict
        All that a search has judged, in the order of their first judgement.
    notes : list of str
    """

    def __init__(
        self, title: str, work: Callable[..., None], arguments: tuple[Any, ...], heard: Listener = lambda *_: None
    ) -> None:
        self.title, self._heard = title, heard
        self.state, self.reason = "running", ""
        self.began, self.ended = time.monotonic(), 0.0
        self.changes = 0
        self.epochs: list[dict[str, Any]] = []
        self.candidates: list[dict[str, Any]] = []
        self._trials: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.budget: int | None = None
        self._begin(work, arguments)

    def _begin(self, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
        ours, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=run, args=(theirs, work, arguments), daemon=True)
        self._process.start()
        theirs.close()
        self._listener = threading.Thread(target=self._listen, args=(ours,), daemon=True)
        self._listener.start()

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.state == "running"

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return (self.ended or time.monotonic()) - self.began

    def cancel(self) -> None:
        """End it, with all that it has started."""
        if self.running:
            self.state = "cancelled"
        self._kill()
        self._process.join(PATIENCE)
        self._listener.join(PATIENCE)

    def wait(self, seconds: float | None = None) -> None:
        """Until it has ended."""
        self._listener.join(seconds)

    def _kill(self) -> None:
        if hasattr(os, "killpg") and self._process.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # no group of its own yet, or ended
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ValueError):
            self._process.kill()

    def _listen(self, connection: Connection) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._take(*connection.recv())
        connection.close()
        self._process.join(PATIENCE)
        self.ended = time.monotonic()
        if self.running:
            self.state, self.reason = "failed", "the process was ended from outside, or memory was too short"
        self.changes += 1

    def _take(self, what: str, facts: dict[str, Any]) -> None:
        if what == "epoch":
            if facts["epoch"] == 1:
                self.epochs = []
            self.epochs = [*self.epochs[-MOST_EPOCHS:], facts]
        elif what == "candidate":
            trial = facts | {"budget": self.budget}
            self._trials[name_of(trial)] = trial  # told again after each split that it was judged on
            self.candidates = list(self._trials.values())
        elif what == "budget":
            self.budget = facts["budget"]
        elif what == "note":
            self.notes = [*self.notes, facts["text"]]
        else:
            self._heard(what, facts)
            if what in ("done", "failed") and self.running:
                self.state, self.reason = what, facts.get("text", "")
        self.changes += 1


# ---- in the process --------------------------------------------------------------------------------------------------


def run(connection: Connection, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """The process: does the work, sends events, and how it ended as the last one."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C is for the server, and what this process starts ends with it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _be_silent()

    def tell(what: str, facts: dict[str, Any]) -> None:
        connection.send((what, facts))

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *_, **__: tell("note", {"text": plainly(str(message))})
        tell(*_ended(work, tell, arguments))


def _ended(work: Callable[..., None], tell: Listener, arguments: tuple[Any, ...]) -> tuple[str, dict[str, Any]]:
    try:
        work(tell, *arguments)
    except MemoryError:
        return "failed", {"text": "there was too little memory; open fewer or shorter recordings"}
    except (ea.EdgeAlgosError, ValueError, OSError) as error:
        return "failed", {"text": plainly(str(error))}
    except Exception as error:
        traceback.print_exc()
        return "failed", {"text": f"a fault of edgealgos ({type(error).__name__}: {error}); please report it"}
    return "done", {}


def _be_silent() -> None:
    """TensorFlow and compilers say things that are no news; faults are still shown in the server's terminal."""
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    sys.stderr = os.fdopen(shown, "w")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    if hasattr(os, "killpg"):
        os.killpg(0, 9)
    os._exit(1)
