"""Links: how likely scores say that classes are, by the device's integers; knows arrays and tables alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import frexp, log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from .qtype import Ints
from .tables import EXP2

SOFTMAX, LOGISTIC, SHARES = "softmax", "logistic", "shares"

_FRAC, _NEVER_FAR = 12, 43  # fractional bits of a distance between scores; from how many on all 32 bits are near
_STEPS = 64 / log(2) * 2 ** (16 - _FRAC)  # of the table for a distance, in units of 2^-16
_GONE = 16 << 6  # steps from which on a power of two is less than what the parts are counted in
_HALF_RANGE = 1 << 30  # scores farther from zero count as so far: sums of two are numbers of 32 bits
_PART_BITS = 15
_WHOLE = int(EXP2[0]) << 8  # e^0 as the table has it


class Constants(NamedTuple):
    """A link as the device's integers: what is multiplied, added, cut off and shifted."""

    frac: int
    factor: int
    offset: int
    span: int
    shift: int


@dataclass(frozen=True)
class Link:
    """How likely classes are, given scores: what a function makes of ``scale * score + offset``, as shares of its sum.

    Of two classes there is one number, by how much the second one leads; its share is the function of it.

    Parameters
    ----------
    kind : str
        ``"softmax"``: the exponential function, of two classes the logistic one. ``"logistic"``: that of every score by
        itself. ``"shares"``: what is between 0 and 1.
    scale, offset : float
    calibrated : bool
        Whether the model itself holds classes so likely; if not, shares only say of which rows it is surer.
    """

    kind: str = SOFTMAX
    scale: float = 1.0
    offset: float = 0.0
    calibrated: bool = True

    @property
    def title(self) -> str:
        """What shares are made of."""
        functions = {SOFTMAX: "softmax", LOGISTIC: "logistic functions", SHARES: "shares"}
        title = f"{functions[self.kind]} of the scores"
        return title if self.calibrated else f"{title}, no probabilities of the model itself"

    def is_logistic(self, scores: int) -> bool:
        """Whether it takes a logistic function of every score; of two classes it is as dear as a softmax."""
        return self.kind == LOGISTIC and scores > 2

    @classmethod
    def of_votes(cls, total: float, classes: int) -> Link:
        """That of scores which sum up to `total`; of two classes of their difference."""
        return cls(SHARES, 1 / total) if classes > 2 else cls(SHARES, 0.5 / total, 0.5)

    def behind(self, slope: float, shift: float = 0.0) -> Link:
        """That of scores which are ``slope * score + shift`` of those that it is made for."""
        return replace(self, scale=self.scale / slope, offset=self.offset - self.scale / slope * shift)

    def score_at(self, share: float) -> float:
        """By how much the second of two classes leads where it is so likely."""
        return float(((share if self.kind == SHARES else logit(share)) - self.offset) / self.scale)

    def constants(self, frac: int) -> Constants:
        """The integers that the device computes with, for scores of so many fractional bits."""
        mantissa, exponent = frexp(self.scale)
        raw = np.ldexp([self.offset / self.scale, 1 / self.scale], frac)
        offset, span = np.rint(raw).clip(-_HALF_RANGE, _HALF_RANGE)
        span = max(int(span), 1)
        return Constants(
            frac=min(max(frac - exponent + 1, -4), _NEVER_FAR),
            factor=round(2 * mantissa * _STEPS),
            offset=int(offset),
            span=span,
            shift=max(span.bit_length() - _PART_BITS, 0),
        )

    def kernel(self, frac: int) -> str:
        """The C++ type of what computes it."""
        numbers = self.constants(frac)
        if self.kind == SHARES:
            return f"edgealgos::Shares<{numbers.span}, {numbers.shift}, {numbers.offset}>"
        return f"edgealgos::{self.kind.capitalize()}<{numbers.frac}, {numbers.factor}, {numbers.offset}>"

    def parts(self, scores: Ints, frac: int) -> Ints:
        """What the shares of the classes are in proportion to, shape (n, n_classes), as the device has it."""
        numbers = self.constants(frac)
        lead = _led(scores)
        led = np.clip(lead, -_HALF_RANGE, _HALF_RANGE) + numbers.offset
        if self.kind == SHARES:
            parts = np.clip(led, 0, numbers.span) >> numbers.shift
            whole = numbers.span >> numbers.shift
            return parts if scores.shape[1] > 2 else np.concatenate([whole - parts, parts], axis=1)
        if scores.shape[1] <= 2:
            led = led if numbers.offset else lead
            return _likelihood(np.maximum(np.concatenate([led, -led], axis=1), 0), numbers)
        if self.kind == SOFTMAX:
            return _likelihood(scores.max(axis=1, keepdims=True) - scores, numbers)
        top = np.minimum(led.max(axis=1, keepdims=True), 0)  # where all are below zero, multiples of e^best
        own = np.where(led >= 0, _WHOLE, _likelihood(np.maximum(top - led, 0), numbers))
        return (own << _PART_BITS) // (_WHOLE + _likelihood(np.abs(led), numbers))


def _led(scores: NDArray[Any]) -> NDArray[Any]:
    """What a link looks at: by how much the second of two classes leads, of several the score of each."""
    return scores[:, 1:] - scores[:, :1] if scores.shape[1] == 2 else scores


def _likelihood(below: Ints, numbers: Constants) -> Ints:
    """2^15 * e^-below, to 7 bits; powers of two come from a table of 64."""
    frac = numbers.frac
    far = below >= np.ldexp(1 << 16 - _FRAC, frac)
    fine = np.where(far, 0, below) >> max(frac - _FRAC, 0) << min(max(_FRAC - frac, 0), 31)
    steps = fine * numbers.factor >> 16
    gone = far | (steps >= _GONE)
    found: Ints = np.where(gone, 0, (EXP2[steps & 63] << 8) >> np.where(gone, 0, steps >> 6))
    return found
