"""Runs a .tflite file with LiteRT's interpreter, if it is here; knows files and rows, no models."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgealgos.errors import ExportError, MissingToolError

PACKAGE, INSTALL = "ai-edge-litert", "pip install 'edgealgos[tflite]'"


def is_here() -> bool:
    """Whether the interpreter is installed."""
    return find_spec("ai_edge_litert") is not None


def answers(content: bytes, rows: NDArray[Any]) -> NDArray[np.int8]:
    """What the interpreter answers.

    Parameters
    ----------
    content : bytes
        Of the file.
    rows : int8 array, shape (n, ...)
        Device inputs.

    Returns
    -------
    int8 array, shape (n, n_outputs)

    Raises
    ------
    MissingToolError
        If it is not installed.
    ExportError
        If it refuses the file.
    """
    if not is_here():
        raise MissingToolError(PACKAGE, "run .tflite files in Python", INSTALL)
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"{PACKAGE} refuses the file that was made; nothing was written: {error}") from error
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for row in np.asarray(rows, np.int8):
        interpreter.set_tensor(taken["index"], row.reshape(taken["shape"]))
        interpreter.invoke()
        found.append(interpreter.get_tensor(given["index"]).ravel().copy())
    return np.array(found, np.int8).reshape(len(rows), -1)
