"""What ops have in common that take a picture row by row; no op itself. Knows programs, no boards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..program.op import Op, Read, Update, counting

if TYPE_CHECKING:
    from ..program.program import Program


class TakesRows(Op, abstract=True):
    """Takes a picture row by row, counts the rows, and lets what follows run for each of its results."""

    source: Read
    position: Update

    kernels = ("conv",)
    over_rows = True
    largest = counting()
    counts_steps = True
    repeats = True

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.out, self.position

    @property
    def results(self) -> int:
        """Rows of results of a whole picture."""
        raise NotImplementedError

    def value_range(self, program: Program) -> tuple[int, int]:
        low, high = program.value_range(self.source)
        return min(low, 0), max(high, 0)

    def steps_left(self, steps: int) -> int:
        return self.results
