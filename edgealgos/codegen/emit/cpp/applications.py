"""Programs around a model: the sketch, main programs of plain C++, a self-test. Knows twins and templates, no files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .literals import number_lines
from .template import template

if TYPE_CHECKING:
    from edgealgos.codegen.twin import Twin

BAUD = 250_000
_LINUX_START = (
    '  fprintf(stderr, "# self-test: %d of %d rows as in Python\\n", selfTest(),\n'
    "          static_cast<int>(sizeof kTestAnswers / sizeof kTestAnswers[0]));\n"
)
_BARE_START = "  tell(selfTest());\n"


def sketch_source(twin: Twin, name: str, self_test: ArrayLike | None) -> str:
    """Text of the .ino."""
    body = part(twin, "answer", ".ino", name)
    start = ""
    if self_test is not None:
        body += "\n" + _self_test(twin, name, self_test)
        start = "  selfTest();\n"
    return template("sketch.ino").substitute(facts(twin, name) | {"body": body.rstrip("\n"), "start": start})


def main_source(twin: Twin, name: str, self_test: ArrayLike | None) -> str:
    """Text of the main.cpp: on Linux it answers rows, without an operating system it is an example."""
    stem = "main" if twin.board.framework.hosted else "main_bare"
    answer, start = part(twin, f"{stem}_answer", ".cpp", name), ""
    if self_test is not None:
        answer += "\n\n" + _self_test(twin, name, self_test).rstrip("\n")
        start = _LINUX_START if twin.board.framework.hosted else _BARE_START
    return template(f"{stem}.cpp").substitute(facts(twin, name) | {"answer": answer, "start": start})


def answer_source(twin: Twin, name: str) -> str:
    """The function that answers a row as the main.cpp for Linux does."""
    return part(twin, "main_answer", ".cpp", name)


def part(twin: Twin, stem: str, suffix: str, name: str) -> str:
    """A piece of text that is another one for samples and sequences, classifiers and regressors."""
    kind = "sequence" if twin.program.steps is not None else "sample"
    text = template(f"{stem}_{kind}_{twin.program.task}{suffix}")
    label = f"{name}::label(index);"
    tell_label = f"Serial.println({label[:-1]});" if twin.board.framework.sketches else f"const char *label = {label}"
    return text.substitute(name=name, tell_label=tell_label).rstrip("\n")


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
        "entry": "predict" if program.steps is None else "push",
    }


def _self_test(twin: Twin, name: str, X: ArrayLike) -> str:
    rows, scores = twin.quantize(X), twin.scores(X)
    answers = np.argmax(scores, axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(int)
    if twin.program.task == "regressor":
        answers = scores[:, 0]
    entry = "predict" if twin.program.task == "classifier" else "predict_raw"
    kind = "sequence" if twin.program.steps is not None else "sample"
    steps = rows[0].size // twin.program.input.size
    suffix = ".ino" if twin.board.framework.sketches else ".cpp"
    values = {"name": name, "entry": entry, "steps": steps, "count": len(rows)}
    run = template(f"self_test_{kind}{suffix}").substitute(values).rstrip("\n")
    return template(f"self_test{suffix}").substitute(
        values, rows=number_lines(rows), answers=number_lines(answers), run=run
    )
