"""From an answer every hop to gestures: majority of the last answers, then a pause; the twin of ``vote.h``."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence

from cane import RATE, Event


class Vote:
    """Tells a gesture once, when most of the last answers agree on it, and again only when they no longer did.

    Parameters
    ----------
    depth : int
        How many answers vote.
    majority : int
        How many of them must agree.
    pause : int
        Answers after a gesture during which none is told.
    ignored : collection of int
        Indices of the classes that are no gesture.

    Notes
    -----
    Integers only; of classes with equally many votes the lower index counts. ``vote.h`` does the same on the board.
    """

    def __init__(self, depth: int = 6, majority: int = 4, pause: int = 10, ignored: Collection[int] = ()) -> None:
        self.depth, self.majority, self.pause, self.ignored = depth, majority, pause, frozenset(ignored)
        self.reset()

    def reset(self) -> None:
        """Forget every answer."""
        self._last: deque[int] = deque(maxlen=self.depth)
        self._quiet = 0
        self._told: int | None = None

    def take(self, answer: int) -> int | None:
        """Take the next answer; the class to be told now, or None."""
        self._last.append(answer)
        winner = self._winner()
        if winner != self._told:
            self._told = None
        if self._quiet:
            self._quiet -= 1
        elif winner is not None and winner != self._told:
            self._told, self._quiet = winner, self.pause
            return winner
        return None

    def _winner(self) -> int | None:
        """The gesture that the majority votes for."""
        counts = {c: self._last.count(c) for c in sorted(set(self._last))}
        winner = max(counts, key=lambda c: counts[c])
        return winner if counts[winner] >= self.majority and winner not in self.ignored else None


def told(answers: Iterable[int], vote: Vote, labels: Sequence[str], window: int, hop: int) -> list[Event]:
    """What is told of a stream whose answers come every `hop` samples, the first after `window`."""
    vote.reset()
    found = []
    for i, answer in enumerate(answers):
        if (winner := vote.take(int(answer))) is not None:
            moment = window + i * hop
            found.append(Event(moment - window, moment, labels[winner]))
    return found


class Score:
    """Gestures found and false alarms, over any number of streams.

    Attributes
    ----------
    gestures, found, false_alarms : int
        Gestures that were made; that were told by their name between their beginning and `patience` seconds after
        their end; gestures told that nobody made.
    minutes : float
        Of everything that is no gesture.
    """

    def __init__(self, patience: float = 2.0) -> None:
        self.patience = patience
        self.gestures = self.found = self.false_alarms = 0
        self.minutes = 0.0

    def add(self, length: int, made: Iterable[Event], found: Iterable[Event]) -> None:
        """Take one stream of `length` samples: its gestures and what was told."""
        made, left = list(made), list(found)
        for event in made:
            hit = next((f for f in left if f.label == event.label and self._fits(event, f)), None)
            if hit is not None:
                left.remove(hit)
                self.found += 1
        self.gestures += len(made)
        self.false_alarms += len(left)
        self.minutes += (length - sum(event.stop - event.start for event in made)) / (60 * RATE)

    def _fits(self, event: Event, found: Event) -> bool:
        return event.start < found.stop <= event.stop + self.patience * RATE

    @property
    def recall(self) -> float:
        """Share of the gestures that were found."""
        return self.found / max(1, self.gestures)

    @property
    def false_alarms_a_minute(self) -> float:
        """Of everything that is no gesture."""
        return self.false_alarms / max(self.minutes, 1e-9)

    def __str__(self) -> str:
        return (
            f"{self.found} of {self.gestures} gestures ({self.recall:.1%}), {self.false_alarms} false alarms in "
            f"{self.minutes:.1f} minutes ({self.false_alarms_a_minute:.2f} a minute)"
        )
