"""What the form of an op as straight-line AVR code is: which constants, what code, how it is called and told.

Knows programs and code, no ops: a form an op lives in the files beside this one.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from edgealgos.codegen.ops.products import row_chunks
from edgealgos.codegen.program.op import Counts
from edgealgos.codegen.program.tensor import Space
from edgealgos.codegen.storage.record import Storage

from ..code import Code
from ..straight_line import Narrow
from .text import function, part_name, reader

if TYPE_CHECKING:
    from edgealgos.codegen.program.program import Program
    from edgealgos.codegen.program.tensor import Tensor

Parts = tuple[Code, ...]


class Form:
    """How one kind of op becomes code whose instructions hold its constants.

    Methods take the op (of the kind that the form is for) with its program.
    """

    blocks: bool = True
    """Whether rows side by side are faster than those of packed tables."""

    def groups(self, op: Any) -> tuple[tuple[str, ...], ...]:
        """Names of the constants that become straight-line code together."""
        raise NotImplementedError

    def parts(self, program: Program, op: Any, name: str) -> Parts | None:
        """Functions of a constant, those of a tree a node each; None where it cannot be."""
        raise NotImplementedError

    def chosen(self, program: Program, op: Any, name: str) -> Parts:
        """Functions of a constant that is code, in part or as a whole."""
        found = self.parts(program, op, name)
        assert found is not None, name
        return found

    def narrowed(self, program: Program, op: Any) -> Narrow | None:
        """What is made of sums while they are in registers, where code is then all there is of the op; else None."""
        return None

    def in_one(self, program: Program, op: Any) -> bool:
        """Whether straight-line code is all there is of the op."""
        names = self.groups(op)[0]
        return all(program[name].unrolled for name in names) and self.narrowed(program, op) is not None

    def local_bytes(self, program: Program, op: Any) -> int:
        """Bytes of arrays in the frame of a function that is all there is of the op."""
        return 0

    def counts(self, program: Program, op: Any) -> Counts:
        """Parts that take time beside the code, where it is all there is of the op."""
        return Counter()

    def shares(self, program: Program, op: Any, name: str) -> Iterable[float]:
        """How often a prediction runs each function."""
        return itertools.repeat(1.0)

    def tables(self, program: Program, op: Any, names: tuple[str, ...]) -> tuple[Storage, ...]:
        """Storages that are faster with code of its own."""
        return ()

    def partial(self, op: Any) -> tuple[int, ...]:
        """Numbers of matrices, less than all, that may become code while the others stay tables."""
        return ()

    def whole(self, tensor: Tensor) -> int:
        """Number of matrices of a constant."""
        return 1

    def tells_label(self, program: Program, op: Any) -> bool:
        """Whether the code finds the largest score, so that the op behind it need not look for it."""
        return False

    def absent(self, program: Program, op: Any) -> tuple[str, ...]:
        """Constants that flash does not hold, because the code does."""
        return ()

    # ------------------------------------------------------------------ C++

    def functions(self, program: Program, op: Any, name: str, rest_reader: str) -> str:
        """Functions of a constant and the reader of rows that calls them.

        `rest_reader` makes the reader of what stays a table.
        """
        found = self.chosen(program, op, name)
        bits = next(p.acc_bits for p in op.products(program) if p.matrix.name == name)
        kind = f"int{bits}_t"
        texts = [function(part_name(name, found, i), code, kind, "sums") for i, code in enumerate(found)]
        rows = [len(chunk) for chunk in row_chunks(program[name].values)][: len(found)]
        return "\n".join([self.comment(name, found), *texts, reader(name, found, kind, rows, rest_reader)])

    def comment(self, name: str, found: Parts) -> str:
        """What stands above the functions."""
        return f"// {name} as straight-line code: {sum(code.size for code in found):,} bytes."

    def call(self, program: Program, op: Any) -> str:
        """Call of an op that is straight-line code as a whole."""
        raise NotImplementedError


def is_decided(program: Program, scores: str) -> bool:
    """Whether the op after the one that makes several scores finds the largest of them, so that code may tell it."""
    if program[scores].size == 1:
        return False
    return any(
        first.out == scores and scores in second.scores and not second.is_stored
        for body in program.functions.values()
        for first, second in itertools.pairwise(body)
    )


def nonzero_share(program: Program, op: Any) -> float | None:
    """Share of the vector's elements that are not zero, if it pays to leave the others out."""
    return 1.0 - program.zeros if program.zeros and program[op.vector].space is Space.INPUT else None
