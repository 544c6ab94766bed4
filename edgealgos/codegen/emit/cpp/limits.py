"""What the exported interface can count, and the refusal of programs beyond it; knows programs and boards."""

from __future__ import annotations

from collections.abc import Iterator

from edgealgos.errors import ExportError

from ...program.program import Program
from ...program.tensor import Space
from ...storage.record import tensor_bytes
from ...targets.boards import Board

MOST_BYTE, MOST_WORD = (1 << 8) - 1, (1 << 16) - 1


def check_countable(program: Program, board: Board) -> None:
    """Refuse a program whose numbers overflow the counts of the C++ that would be written.

    Raises
    ------
    ExportError
        What there is too much of, how much can be had, and what to do.
    """
    for what, found, most, remedy in (*_interface(program), *_objects(program, board)):
        if found > most:
            raise ExportError(f"the model has {found:,} {what}, {board.title} takes at most {most:,}: {remedy}")


def _interface(program: Program) -> Iterator[tuple[str, int, int, str]]:
    """Counts that are constants of the header, and indices of its functions."""
    scaled = max(program.encoding.scale.size, program.encoding.offset.size)
    yield "inputs a step", program.input.size, MOST_WORD, "choose features before the model"
    yield "time steps", program.steps or 0, MOST_WORD, "use shorter sequences, or larger steps"
    yield "columns with a scale of their own", scaled, MOST_WORD, "scale all time steps of a feature alike"
    yield "classes", len(program.labels), MOST_BYTE, "join classes"
    yield "outputs", program.output.size, MOST_BYTE, "train several models"


def _objects(program: Program, board: Board) -> Iterator[tuple[str, int, int, str]]:
    """Sizes of single tables and arrays, which compilers for small processors limit."""
    most = board.architecture.largest_object
    if most is None:
        return
    encoding = program.encoding
    longest = max((len(text.encode("utf-8")) + 1 for text in program.label_texts), default=0)
    yield "bytes in a label", longest, most, "use shorter labels"
    if not encoding.uniform:
        width = encoding.scale.itemsize
        remedy = "scale all time steps of a feature alike, or scale before the model"
        yield "bytes of scales of inputs", encoding.scale.size * width, most, remedy
    for tensor in program.tensors:
        if tensor.space is Space.FLASH:
            table = tensor.table
            yield f"bytes in {tensor.name}", 0 if table is None else tensor_bytes(table), most, "lower max_model_bytes"
        else:
            yield f"bytes in {tensor.name}", tensor.ram_bytes, most, "use fewer features or a smaller model"
