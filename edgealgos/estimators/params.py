"""Declared constraints on constructor parameters and the one message for a breach; knows nothing of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np

from ..errors import written


class Constraint(Protocol):
    """Something a parameter value meets or not."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` meets the constraint."""

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Interval:
    """Numbers of one kind between two bounds (None: open-ended); `open_low` excludes the lower bound."""

    kind: type
    low: float | None = None
    high: float | None = None
    open_low: bool = False

    def accepts(self, value: Any) -> bool:
        """Whether `value` is such a number."""
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.kind):
            return False
        number: Any = value
        too_low = self.low is not None and (number < self.low or (self.open_low and number == self.low))
        return bool(np.isfinite(number) and not too_low and (self.high is None or number <= self.high))

    def __str__(self) -> str:
        noun = "an integer" if self.kind is Integral else "a number"
        if self.low is None and self.high is None:
            return noun
        if self.high is None:
            return f"{noun} {'greater than' if self.open_low else 'of at least'} {self.low}"
        if self.open_low:
            return f"{noun} above {self.low} and up to {self.high}"
        return f"{noun} from {self.low} to {self.high}"


@dataclass(frozen=True)
class Options:
    """One of a few values."""

    values: tuple[Any, ...]

    def accepts(self, value: Any) -> bool:
        """Whether `value` is one of them (True is not 1 here)."""
        return any(type(value) is type(v) and value == v for v in self.values) or (
            isinstance(value, np.integer) and int(value) in self.values
        )

    def __str__(self) -> str:
        return "one of " + ", ".join(repr(v) for v in self.values)


@dataclass(frozen=True)
class Instance:
    """An object of given types."""

    types: tuple[type, ...]

    def accepts(self, value: Any) -> bool:
        """Whether `value` has one of the types."""
        return isinstance(value, self.types)

    def __str__(self) -> str:
        return "a " + " or a ".join(t.__name__ for t in self.types)


@dataclass(frozen=True)
class Method:
    """An object (no class) that has a method of a given name; `__call__`: anything that can be called."""

    name: str

    def accepts(self, value: Any) -> bool:
        """Whether `value` has the method."""
        return not isinstance(value, type) and callable(getattr(value, self.name, None))

    def __str__(self) -> str:
        return "callable" if self.name == "__call__" else f"an object with a method {self.name!r}"


NONE = Options((None,))


def integer(low: int, high: int | None = None) -> Interval:
    """Integers from `low` to `high`."""
    return Interval(Integral, low, high)


def positive() -> Interval:
    """Real numbers above 0."""
    return Interval(Real, 0, open_low=True)


def check_parameters(owner: object, params: Mapping[str, Any], declared: Mapping[str, tuple[Constraint, ...]]) -> None:
    """Raise ValueError for the first parameter that meets none of its constraints."""
    for name, constraints in declared.items():
        value = params[name]
        if not any(c.accepts(value) for c in constraints):
            wanted = " or ".join("None" if c is NONE else str(c) for c in constraints)
            raise ValueError(
                f"The {name!r} parameter of {type(owner).__name__} must be {wanted}. Got {written(value)} instead."
            )
