"""The report page: one HTML file about a compiled model, its sketch running inside; puts together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import r2_score

from ..codegen.program.program import Program
from ..codegen.program.qtype import Ints
from ..errors import EdgeAlgosError
from . import quality
from .facts import model_rows, report_pieces
from .html import asset, data, table, text
from .sketch import picture, running, samples, sketch_text

if TYPE_CHECKING:
    from ..codegen.compiled import CompiledModel
    from ..codegen.cost.report import Report

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
_LARGEST_CONFUSION = 60  # classes
_MOST_TENSORS = 20
SCRIPTS = ("avr", "board", "page")  # of the running sketch, in this order
_RIGHT, _WRONG = "0,114,178", "213,94,0"  # colours


def report_page(
    report: Report, X: ArrayLike | None, y: ArrayLike | None, name: str, image_shape: tuple[int, int] | None
) -> str:
    """The page; parameters as those of :meth:`Report.save`."""
    compiled: CompiledModel | None = report.subject
    if compiled is None:
        raise EdgeAlgosError("this report has no compiled model to show; take that of compile_model(...).report")
    sections = sections_of(compiled, X, y, name, image_shape)
    return page(f"{name}: {compiled.program.family} on {compiled.board.title}", sections, SCRIPTS)


def sections_of(
    compiled: CompiledModel, X: ArrayLike | None, y: ArrayLike | None, name: str,
    image_shape: tuple[int, int] | None = None,
) -> list[str]:  # fmt: skip
    """The parts of the page; those who show them elsewhere load :data:`SCRIPTS`, in this order."""
    files = sketch_text(compiled, name)  # refuses a name that C++ cannot have
    rows = None if X is None else _rows(compiled.program, X)
    targets = None if y is None else np.asarray(y)
    if rows is not None and targets is not None and len(rows) != len(targets):
        raise ValueError(f"X has {len(rows)} samples and y {len(targets)}; they must be equally many")
    sections = [section("Model", table(model_rows(compiled)))]
    sections.append(_board(compiled, name, rows, targets, image_shape))
    if rows is not None:
        sections += _judged(compiled, X, rows, targets)
    sections.append(section("Memory and time", "".join(report_pieces(compiled.report))))
    sections.append(section("The sketch", "".join(_file(each, content) for each, content in files.items())))
    return sections


def page(title: str, sections: list[str], scripts: tuple[str, ...]) -> str:
    """A whole page that loads nothing."""
    code = "".join(f"<script>{asset(f'{each}.js')}</script>" for each in scripts)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><link rel="icon" href="data:,">'
        f'<meta name="viewport" content="width=device-width"><style>{asset("style.css")}</style></head>'
        f'<body class="edgealgos"><h1>{text(title)}</h1>{"".join(sections)}{code}</body></html>\n'
    )


def section(title: str, *pieces: str) -> str:
    """A part of the page."""
    return f"<section><h2>{text(title)}</h2>{''.join(pieces)}</section>"


def _rows(program: Program, X: ArrayLike) -> NDArray[Any]:
    """Samples as an array; of raw ones the whole steps, as the device waits for the rest of the last one."""
    rows, width = np.asarray(X), program.input.size
    if rows.ndim < 2 or not len(rows):
        raise ValueError(f"X must hold at least one sample, (n, ...), not the shape {rows.shape}")
    return rows[:, : rows.shape[1] // width * width] if program.preprocessing and rows.ndim == 2 else rows


# ---- how good it is --------------------------------------------------------------------------------------------------


def _judged(compiled: CompiledModel, X: Any, rows: NDArray[Any], y: NDArray[Any] | None) -> list[str]:
    device = compiled.predict(X)
    real = quality.float_answers(compiled, rows)
    found = [section("Answers", _agreement(compiled, device, real, y))]
    if y is not None and compiled.program.task == "classifier" and len(compiled.program.labels) <= _LARGEST_CONFUSION:
        labels = list(compiled.program.labels)
        counts = quality.confusion(y, device, labels)
        found.append(section("Confusion: true class down, the board's answer across", _confusion(counts, labels)))
    found.append(section("What rounding cost, by tensor", _rounding(compiled, rows)))
    found.append(section("Saturated inputs, by feature", _saturated(compiled, rows)))
    return found


def _agreement(compiled: CompiledModel, device: NDArray[Any], real: NDArray[Any] | None, y: NDArray[Any] | None) -> str:
    rows: list[tuple[Any, ...]] = [("samples", len(device))]
    is_classifier = compiled.program.task == "classifier"
    if y is not None:
        measure, of = ("accuracy", quality.same) if is_classifier else ("R²", r2_score)
        if real is not None:
            rows.append((f"{measure} in real numbers", f"{of(y, real):.4f}"))
        rows.append((f"{measure} on the device", f"{of(y, device):.4f}"))
    if real is not None and is_classifier:
        rows.append(("device agrees with real numbers on", f"{quality.same(real, device):.2%} of the samples"))
    elif real is not None:
        rows.append(("largest difference between the two", f"{np.abs(real - device).max():.4g}"))
    return table(rows)


def _confusion(counts: Ints, labels: list[Any]) -> str:
    rejected = bool(counts[:, -1].any())
    shown = counts if rejected else counts[:, :-1]
    head = "".join(f"<th>{text(str(label))}</th>" for label in [*labels, *(["rejected"] if rejected else [])])
    lines = []
    for i, (label, row) in enumerate(zip(labels, shown.tolist(), strict=True)):
        whole = max(sum(row), 1)
        cells = "".join(
            f'<td class="number" style="background:rgba({_RIGHT if i == j else _WRONG},{0.6 * n / whole:.2f})">{n}</td>'
            for j, n in enumerate(row)
        )
        lines.append(f"<tr><th>{text(str(label))}</th>{cells}<td>{row[i] / whole:.1%}</td></tr>")
    return f'<table class="confusion"><tr><th></th>{head}<th>right</th></tr>{"".join(lines)}</table>'


def _rounding(compiled: CompiledModel, rows: NDArray[Any]) -> str:
    found = quality.rounding(compiled, rows)
    if not found:
        return "<p>The model in real numbers is not at hand.</p>"
    shown = [
        (each.name, compiled.program[each.name].doc, each.kind, each.bits, f"{each.error:.3%}", f"{each.largest:.3%}")
        for each in found[:_MOST_TENSORS]
    ]
    head = ("tensor", "what it is", "kind", "bits", "error (root mean square)", "largest error")
    more = "" if len(found) <= _MOST_TENSORS else f" The {len(found) - _MOST_TENSORS} tensors with less are left out."
    return (
        f"<p>Integers of the device against real numbers, on {min(len(rows), quality.OBSERVED)} samples; the error is "
        f"relative to the values' own size. What training has rounded already costs nothing here.{more}</p>"
        f"{table(shown, head)}"
    )


def _saturated(compiled: CompiledModel, rows: NDArray[Any]) -> str:
    found = sorted(quality.saturated_by_feature(compiled, rows), key=lambda each: -each[1])
    if not found:
        return "<p>None: all values lie inside the range that training saw.</p>"
    return table([(name, n, f"{share:.2%}") for name, n, share in found[:50]], ("feature", "values", "share"))


# ---- the board -------------------------------------------------------------------------------------------------------


def _board(
    compiled: CompiledModel, name: str, rows: NDArray[Any] | None, y: NDArray[Any] | None, shape: tuple[int, int] | None
) -> str:
    built = running(compiled, name)
    if built.board is None:
        return section("The sketch, running", f'<p class="missing">{text(built.reason)}</p>')
    facts = dict(built.board)
    facts["samples"] = [] if rows is None else samples(compiled, rows, y)
    facts["picture"] = None if rows is None else picture(compiled, rows, shape)
    controls = asset("board.html")
    return section(f"The sketch, running on a simulated {compiled.board.title}", controls, data("board", facts))


def _file(name: str, content: str) -> str:
    return (
        f'<details><summary>{text(name)} ({len(content.encode("utf-8")):,} bytes) <button class="copy">copy</button>'
        f"</summary><pre>{text(content)}</pre></details>"
    )
