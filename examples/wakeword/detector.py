"""From scores hop by hop to detections, in the integers of detector.h; the threshold is picked on a stream.

Knows scores and times, no models and no sound.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
HOP, RATE = 128, 8000
EARLY, LATE = 1.0, 0.6  # seconds before and after the end of a clip in which its word may be detected


@dataclass(frozen=True)
class Detector:
    """A level that follows scores; above the threshold there is a detection, and then none for a while.

    Parameters
    ----------
    threshold : int
        In raw scores.
    smoothing : int
        The level's time constant is ``2**smoothing`` hops.
    pause : int
        Hops after a detection without another one.
    """

    threshold: int
    smoothing: int = 2
    pause: int = 62

    def levels(self, scores: Ints) -> Ints:
        """Level after each hop; scores (n, n_hops)."""
        level = scores[:, 0]  # the first one takes it as it is
        out = np.empty_like(scores)
        for hop in range(scores.shape[1]):
            level = level + ((scores[:, hop] - level) >> self.smoothing)
            out[:, hop] = level
        return out

    def detections(self, scores: Ints) -> NDArray[np.bool_]:
        """Whether the word is detected with each hop; scores (n, n_hops)."""
        return fired(self.levels(scores), np.array([self.threshold]), self.pause)[0]

    def settings(self) -> dict[str, int]:
        """For a file."""
        return asdict(self)


def fired(levels: Ints, thresholds: Ints, pause: int) -> NDArray[np.bool_]:
    """Detections of levels (n, n_hops) for each threshold: (n_thresholds, n, n_hops)."""
    waiting = np.zeros((len(thresholds), len(levels)), np.int64)
    out = np.zeros((len(thresholds), *levels.shape), bool)
    above = levels[None] > thresholds[:, None, None]
    for hop in range(levels.shape[1]):
        now = above[:, :, hop] & (waiting == 0)
        waiting = np.where(now, pause, np.maximum(waiting - 1, 0))
        out[:, :, hop] = now
    return out


def word_scores(scores: Ints, word: int) -> Ints:
    """Score of one word, (n, n_hops), from those of all classes, (n, n_hops, n_outputs); see detector.h."""
    if scores.shape[2] == 1:
        return scores[:, :, 0] if word else -scores[:, :, 0]
    others = np.delete(scores, word, axis=2).max(axis=2)
    return scores[:, :, word] - others


@dataclass(frozen=True)
class Counts:
    """What was heard in a stream: words, how many of them were detected, and false alarms."""

    words: int
    hits: int
    alarms: int
    hours: float

    @property
    def recall(self) -> float:
        """Share of the words that were detected."""
        return self.hits / max(self.words, 1)

    @property
    def alarms_per_hour(self) -> float:
        """False alarms an hour."""
        return self.alarms / self.hours


def judge(detected: NDArray[np.bool_], ends: list[Ints]) -> Counts:
    """Count hits and false alarms of detections (n, n_hops), and the samples where the word's clips end."""
    hits = alarms = words = 0
    for row, stops in zip(detected, ends, strict=True):
        times = (np.flatnonzero(row) + 1) * HOP / RATE
        near = (times[:, None] > stops[None] / RATE - EARLY) & (times[:, None] <= stops[None] / RATE + LATE)
        hits += int(near.any(axis=0).sum())
        alarms += int((~near.any(axis=1)).sum())
        words += len(stops)
    return Counts(words, hits, alarms, detected.size * HOP / RATE / 3600)


def trade_off(scores: Ints, ends: list[Ints], smoothing: int, pause: int) -> list[tuple[int, Counts]]:
    """Thresholds and what they give, the detection error trade-off curve; scores (n, n_hops) of one word."""
    levels = Detector(0, smoothing, pause).levels(scores)
    peaks = levels[:, : levels.shape[1] // 50 * 50].reshape(-1, 50).max(axis=1)
    thresholds = np.unique(np.quantile(peaks, np.linspace(0, 1, 400)).astype(np.int64))
    found = fired(levels, thresholds, pause)
    return [(int(t), judge(one, ends)) for t, one in zip(thresholds, found, strict=True)]


def pick(scores: Ints, ends: list[Ints], alarms_per_hour: float, *, pause: int = 62) -> tuple[Detector, Counts]:
    """The detector with the highest recall whose false alarms an hour are at most so many, smoothing included."""
    best: tuple[Detector, Counts] | None = None
    for smoothing in range(1, 6):
        for threshold, counts in trade_off(scores, ends, smoothing, pause):
            allowed = counts.alarms_per_hour <= alarms_per_hour
            if allowed and (best is None or (counts.recall, threshold) > (best[1].recall, best[0].threshold)):
                best = Detector(threshold, smoothing, pause), counts
    assert best is not None  # the highest level is above itself nowhere
    return best
