"""How well a device's answers are: against targets, against real numbers, tensor by tensor; knows programs, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codegen.program.interpret import observed, run_float
from ..codegen.program.scores import decide

if TYPE_CHECKING:
    from ..codegen.twin import Twin

OBSERVED = 128  # rows whose every value is compared


@dataclass(frozen=True)
class Rounding:
    """What rounding did to one tensor.

    Parameters
    ----------
    name : str
        Of the tensor.
    kind : str
        "constant" or "computed".
    bits : int
        Width of its integers.
    error : float
        Root mean square of the error over that of the values.
    largest : float
        Largest error over the largest value.
    """

    name: str
    kind: str
    bits: int
    error: float
    largest: float


def float_answers(twin: Twin, X: ArrayLike) -> NDArray[Any] | None:
    """Answers in real numbers, of the model as it was before rounding; None where that model is not at hand."""
    if twin.real is None:
        return None
    scores = run_float(twin.real, np.asarray(X, dtype=np.float64))
    if twin.program.task != "classifier":
        return scores[:, 0]
    found: NDArray[Any] = twin.classes[decide(scores)]
    return found


def confusion(y: NDArray[Any], answers: NDArray[Any], labels: list[Any]) -> NDArray[np.int64]:
    """Rows of each label (down) by answer (across); the last column counts answers that are no label: rejected."""
    place = {str(label): i for i, label in enumerate(labels)}
    found = np.zeros((len(labels), len(labels) + 1), np.int64)
    for truth, answer in zip(map(str, y.tolist()), map(str, answers.tolist()), strict=True):
        if truth in place:
            found[place[truth], place.get(answer, len(labels))] += 1
    return found


def same(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Share of equal labels."""
    return float(np.mean([str(x) == str(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]))


def saturated_by_feature(twin: Twin, X: ArrayLike) -> list[tuple[str, int, float]]:
    """Features with values outside the calibrated range: name, how many, which share."""
    program = twin.program
    width = max(program.encoding.offset.size, program.input.size)
    columns = np.asarray(X, dtype=np.float64).reshape(-1, width)
    outside = program.encoding.saturates(columns)
    names = program.feature_names if len(program.feature_names) == width else [f"input {i}" for i in range(width)]
    counts = outside.sum(axis=0).tolist()
    return [(str(name), int(n), n / len(columns)) for name, n in zip(names, counts, strict=True) if n]


def rounding(twin: Twin, X: ArrayLike) -> list[Rounding]:
    """What rounding did to each constant and to each value computed, worst first.

    Tensors of one program alone are left out. The values are those of the first `OBSERVED` rows.
    """
    if twin.real is None:
        return []
    rows = np.asarray(X)[:OBSERVED]
    real = observed(twin.real, rows, real=True)
    device = observed(twin.program, twin.quantize(rows), real=False)
    found = []
    for name, values in device.items():
        before = real.get(name)
        if before is None or before.shape != values.shape or not values.size:
            continue
        qtype, kind = twin.program[name].type, "computed" if twin.program[name].data is None else "constant"
        error, size = qtype.dequantize(values) - before, np.abs(before).max()
        if not size or not np.isfinite(before).all():
            continue
        relative = float(np.sqrt(np.square(error).mean() / np.square(before).mean()))
        found.append(Rounding(name, kind, qtype.bits, relative, float(np.abs(error).max() / size)))
    return sorted(found, key=lambda each: -each.error)
