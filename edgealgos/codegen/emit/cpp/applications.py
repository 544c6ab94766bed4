"""Programs around a model: the sketch, main programs of plain C++, a self-test. Knows twins and templates, no files."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from edgealgos.codegen.program.decimals import decimal_scales
from edgealgos.codegen.program.program import Program

from .literals import c_string, number_lines
from .template import template

if TYPE_CHECKING:
    from edgealgos.codegen.twin import Twin

BAUD = 250_000
_LINUX_START = (
    '  fprintf(stderr, "# self-test: %d of %d rows as in Python\\n", selfTest(),\n'
    "          static_cast<int>(sizeof kTestAnswers / sizeof kTestAnswers[0]));\n"
)
_BARE_START = "  tell(selfTest());\n"
_TYPED = """  if (typed) {
    row[index] = ${name}::quantize_decimal(index, number.digits, number.decimals);
    return true;
  }"""
_MOST_DECIMALS = 6


def sketch_source(twin: Twin, name: str, self_test: ArrayLike | None) -> str:
    """Text of the .ino."""
    program = twin.program
    steps = program.steps is not None
    values = facts(twin, name) | {
        "predict": "predict" if program.task == "classifier" else "predict_raw",
        "start": "",
        "broken": "  if (line == kBroken && (hosted || !typed)) skipStep();\n" if steps else "",
        "restart": "  restart();\n" if steps else "",
        "expected": f"{program.input.size} numbers",
        "typed": _TYPED.replace("${name}", name),
    }
    if decimal_scales(program.encoding) is None:
        values |= {"typed": "  if (typed) return false;", "expected": f"'=' and {program.input.size} device inputs"}
    body = [_tell(twin, name), template(f"answer_{'sequence' if steps else 'sample'}.ino").substitute(values)]
    if self_test is not None:
        body.append(_self_test(twin, name, self_test))
        values["start"] = "  selfTest();\n"
    lines = "\n".join(f"  Serial.println(F({c_string('# ' + line)}));" for line in _help(twin))
    helping = template("help.ino").substitute(lines=lines).rstrip("\n")
    return template("sketch.ino").substitute(values, body="\n".join(body).rstrip("\n"), help=helping)


def _tell(twin: Twin, name: str) -> str:
    """The function that tells an answer."""
    if twin.program.task == "classifier":
        return template("tell_classifier.ino").substitute(name=name)
    frac = twin.program.output.type.frac
    values = {"frac": frac, "count": min(math.ceil(frac * math.log10(2)), _MOST_DECIMALS), "whole": f">> {frac}"}
    if frac <= 0:
        values["whole"] = f"<< {-frac}"
    decimals = template("decimals_regressor.ino").substitute(values) if frac > 0 else ""
    return template("tell_regressor.ino").substitute(values, decimals=decimals)


def _help(twin: Twin) -> list[str]:
    """What an empty line prints."""
    program, count = twin.program, twin.program.input.size
    what = "a class and how sure the model is" if program.task == "classifier" else "a number"
    line = f"Type {count} numbers" + (" a time step" if program.steps is not None else "")
    if decimal_scales(program.encoding) is None:
        return [f"Send '=' and {count} device inputs ({program.encoding.low}..{program.encoding.high}) in a line."]
    found = [f"{line}, separated by commas or blanks; the answer is {what}."]
    if program.feature_names:
        found.append(f"{count} numbers: {', '.join(program.feature_names)}")
    return found


def typed_example(program: Program) -> str:
    """Numbers in the middle of the ranges, as people would type them."""
    offsets = np.resize(program.encoding.offset, program.input.size)[:4]
    return ",".join(f"{offset:.3g}" for offset in offsets) + (",..." if program.input.size > 4 else "")


def typed_answer(program: Program) -> str:
    """What the answer to typed numbers looks like, in a comment of C++."""
    if program.task != "classifier":
        return "the output, in decimals"
    return re.sub(r"[^ -\[\]-~]", "?", str(program.labels[0]))[:40] + " 98%"


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
        "typed_example": typed_example(program),
        "typed_answer": typed_answer(program),
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
