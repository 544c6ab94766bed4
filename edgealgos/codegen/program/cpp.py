"""What calls of kernels are written with; knows neither ops nor the emitter that fills it in."""

from __future__ import annotations

from typing import Protocol


class Cpp(Protocol):
    """What an op's call is written with, so that ops know no emitter."""

    def ref(self, name: str | None) -> str:
        """A tensor; a null pointer for None."""

    def or_null(self, name: str | None, kind: str = "int32_t") -> str:
        """A table of constants, or a null pointer to such."""

    def rows(self, name: str) -> str:
        """The reader of a matrix' rows, whatever its storage."""

    def masks(self, name: str) -> str:
        """The table of masks of a matrix, or a null pointer."""

    def constant(self, name: str, value: int, kind: str = "") -> str:
        """A number of the call, under a name that says what it means; in the narrowest kind of int if none is given."""

    def count(self, length: int, name: str = "kSize") -> str:
        """A length in the narrowest type: kernels have a faster form for it."""

    def type(self, name: str) -> str:
        """The C type of a tensor's elements."""

    def largest(self, scores: str) -> str:
        """The number of the largest score: searched for, unless the code that made the scores has told it."""
