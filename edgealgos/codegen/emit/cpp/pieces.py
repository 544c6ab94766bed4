"""What programs around a model and documents about it share: facts, answers, self-tests. Knows twins and templates."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from edgealgos.codegen.program.program import Program

from .literals import number_lines
from .template import template

if TYPE_CHECKING:
    from edgealgos.codegen.twin import Twin

BAUD = 250_000
_MOST_DECIMALS = 6


def facts(twin: Twin, name: str) -> dict[str, Any]:
    """What templates of programs and documents say of a model."""
    program = twin.program
    example = program.encoding.low, 0, program.encoding.high
    return {
        "name": name,
        "features": program.input.size,
        "low": program.encoding.low,
        "high": program.encoding.high,
        "baud": BAUD,
        "example": ",".join(map(str, example[: program.input.size])) + (",..." if program.input.size > 3 else ""),
        "answer": "class index and scores, separated by commas" if program.task == "classifier" else "the raw output",
        "typed_example": _typed_example(program),
        "typed_answer": _typed_answer(program),
        "entry": "predict" if program.steps is None else "push",
        "predict": "predict" if program.task == "classifier" else "predict_raw",
        "answer_type": "uint8_t" if program.task == "classifier" else "int32_t",
    }


def _typed_example(program: Program) -> str:
    """Numbers in the middle of the ranges, as people would type them."""
    offsets = np.resize(program.encoding.offset, program.input.size)[:4]
    return ",".join(f"{offset:.3g}" for offset in offsets) + (",..." if program.input.size > 4 else "")


def _typed_answer(program: Program) -> str:
    """What the answer to typed numbers looks like, in a comment of C++."""
    if program.task != "classifier":
        return "the output, in decimals"
    return re.sub(r"[^ -\[\]-~]", "?", str(program.labels[0]))[:40] + " 98%"


def part(twin: Twin, stem: str, suffix: str, name: str) -> str:
    """A piece of text that is another one for samples and sequences, classifiers and regressors."""
    kind = "sequence" if twin.program.steps is not None else "sample"
    text = template(f"{stem}_{kind}_{twin.program.task}{suffix}")
    label = f"{name}::label(index);"
    tell_label = f"Serial.println({label[:-1]});" if twin.board.framework.sketches else f"const char *label = {label}"
    return text.substitute(name=name, tell_label=tell_label).rstrip("\n")


def tell(twin: Twin, name: str) -> str:
    """The function of a sketch that tells a person the answer."""
    if twin.program.task == "classifier":
        return template("person_classifier.ino").substitute(name=name)
    frac = twin.program.output.type.frac
    values = {"frac": frac, "count": min(math.ceil(frac * math.log10(2)), _MOST_DECIMALS), "whole": f">> {frac}"}
    if frac <= 0:
        values["whole"] = f"<< {-frac}"
    decimals = template("decimals_regressor.ino").substitute(values) if frac > 0 else ""
    return template("person_regressor.ino").substitute(values, decimals=decimals)


def self_test_source(twin: Twin, name: str, X: ArrayLike) -> str:
    """Rows with the answers that Python gave, and the function that asks the board for them."""
    rows, answers = twin.quantize(X), twin.told(X)
    entry = "predict" if twin.program.task == "classifier" else "predict_raw"
    kind = "sequence" if twin.program.steps is not None else "sample"
    steps = rows[0].size // twin.program.input.size
    suffix = ".ino" if twin.board.framework.sketches else ".cpp"
    values = {"name": name, "entry": entry, "steps": steps, "count": len(rows)}
    run = template(f"self_test_{kind}{suffix}").substitute(values).rstrip("\n")
    return template(f"self_test{suffix}").substitute(
        values, rows=number_lines(rows), answers=number_lines(answers), run=run
    )
