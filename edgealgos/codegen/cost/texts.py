"""Flash of words that a sketch prints: labels, names of inputs; knows programs, no costs."""

from __future__ import annotations

from ..program.decimals import decimal_scales
from ..program.program import Program
from .items import Kind, ReportItem

NAMES = "names of inputs"  # in the help of a sketch that answers lines
_LINE = 32  # bytes of a line of help, with the code that prints it
_LETTER, _MEASURED = 4, 10  # bytes of a label of one letter, with its pointer and its end; classes of what was measured
_BETWEEN = ", "


def text_items(program: Program) -> list[ReportItem]:
    """Words of the sketch that answers lines, but for the few labels of one letter that are in the measured costs."""
    texts = program.label_texts
    labels = sum(max(_size(text) - 1, 0) for text in texts) + _LETTER * max(len(texts) - _MEASURED, 0)
    items = [ReportItem(Kind.TEXT, "labels", labels)] if labels else []
    if program.input_names and decimal_scales(program.encoding) is not None:
        items.append(ReportItem(Kind.TEXT, NAMES, _LINE + sum(_size(name + _BETWEEN) for name in program.input_names)))
    return items


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
