"""The sketch of a compiled model for a page: its files, and the firmware that the page's board runs; no HTML."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EdgeAlgosError
from ..files import Scratch

if TYPE_CHECKING:
    from ..codegen.compiled import CompiledModel

CHIPS = ("atmega168", "atmega328p", "atmega1280", "atmega2560")  # those of assets/board.js
MOST_ROWS, MOST_TEXT = 20, 400_000  # samples to pick from, and characters that they may take
SIGNIFICANT = 7  # digits of a typed value: the sketch reads nine
SMALLEST_PICTURE, LARGEST_PICTURE = 8, 64  # pixels a side that one can draw


@dataclass(frozen=True)
class Running:
    """What the page's board needs, or why there is none.

    Parameters
    ----------
    board : dict or None
        Firmware and facts for ``assets/page.js``.
    reason : str
        Why there is none, and what to do.
    """

    board: dict[str, Any] | None
    reason: str = ""


def namespace(name: str) -> str:
    """The name, or one near it where C++ or Arduino's boards have another use for it."""
    from ..codegen.emit.cpp.names import suggestion

    return suggestion(name, "arduino")


def sketch_text(compiled: CompiledModel, name: str) -> dict[str, str]:
    """The files that are exported for the model; ExportError where C++ can have no such name."""
    from ..codegen.emit.cpp.files import cpp_files, sketch_files
    from ..codegen.emit.cpp.names import checked_name

    checked_name(name, "arduino" if compiled.board.framework.sketches else "plain")
    if compiled.board.framework.sketches:
        return sketch_files(compiled, name, name)
    return cpp_files(compiled, name)


def running(compiled: CompiledModel, name: str) -> Running:
    """Build the sketch for the page's board."""
    board = compiled.board
    if board.mcu not in CHIPS or not board.core_is_here:
        return Running(None, f"The page can run sketches of the Uno, Nano and Mega, not of the {board.title}.")
    try:
        image, watched = _built(compiled, name)
    except EdgeAlgosError as error:
        return Running(None, f"The sketch does not run here, as it was not built: {error}")
    if len(image) > board.flash_bytes:
        return Running(None, f"The sketch takes {len(image):,} bytes and the board has {board.flash_bytes:,}.")
    program = compiled.program
    facts = {
        "image": base64.b64encode(image).decode("ascii"), "chip": board.mcu, "watched": watched,
        "clock": board.clock_hz, "steps": program.steps, "features": program.input.size,
        "names": [str(each) for each in program.input_names], "task": program.task,
    }  # fmt: skip
    return Running(facts)


def _built(compiled: CompiledModel, name: str) -> tuple[bytes, list[tuple[int, int]]]:
    """Flash from address 0, and word addresses of the functions that make up a prediction with their number."""
    from ..codegen.build.sketch import build_sketch
    from ..codegen.emit.cpp.files import write_sketch
    from ..codegen.simulate.measured import target_of

    with Scratch() as folder:
        write_sketch(compiled, folder / name, name)
        firmware = build_sketch(folder / name, compiled.board)
        target = target_of(firmware, [each.replace("model::", f"{name}::", 1) for each in compiled.watched])
    addresses = [(at // 2, i) for i, copies in enumerate(target.watches, 1) for at in copies]
    return target.image, addresses


def samples(compiled: CompiledModel, X: NDArray[Any], y: NDArray[Any] | None) -> list[dict[str, Any]]:
    """Samples to pick from, as one types them, with what the twin answers to what is typed."""
    picked: list[dict[str, Any]] = []
    size, apart = 0, max(1, min(8, len(X) // MOST_ROWS))
    for place, row in zip(range(0, len(X), apart), X[::apart], strict=True):
        lines = _lines(compiled, row)
        size += sum(map(len, lines))
        if picked and (size > MOST_TEXT or len(picked) == MOST_ROWS):
            break
        typed = np.array([[float(value) for value in line.split(",")] for line in lines]).reshape(1, *np.shape(row))
        truth = None if y is None else str(y[place])
        picked.append({"row": place, "lines": lines, "twin": str(compiled.predict(typed)[0]), "truth": truth})
    return picked


def _lines(compiled: CompiledModel, row: NDArray[Any]) -> list[str]:
    values = np.asarray(row, dtype=np.float64).reshape(-1, compiled.program.input.size)
    return [",".join(_typed(value) for value in step) for step in values.tolist()]


def _typed(value: float) -> str:
    return np.format_float_positional(value, precision=SIGNIFICANT, unique=True, fractional=False, trim="-")


def picture(compiled: CompiledModel, X: NDArray[Any], shape: tuple[int, int] | None) -> dict[str, Any] | None:
    """Height, width and range of the picture that a sample is; None where it seems to be none."""
    program = compiled.program
    if shape is None:
        if X.ndim == 3 and program.family.startswith("ConvNet"):
            shape = X.shape[1], X.shape[2]
        else:
            side = round(float(np.sqrt(X[0].size)))
            named, square = bool(program.feature_names), side * side == X[0].size
            if X.ndim != 2 or named or not square or float(X.min()) < 0:
                return None
            shape = side, side
    if shape[0] * shape[1] != X[0].size or not all(SMALLEST_PICTURE <= n <= LARGEST_PICTURE for n in shape):
        return None
    return {"height": int(shape[0]), "width": int(shape[1]), "low": float(X.min()), "high": float(X.max())}
