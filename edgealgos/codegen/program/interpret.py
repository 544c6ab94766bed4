"""Runs programs: in real numbers and, bit for bit, in the integers of the device.

Asks each op what it computes; knows no op, nothing of C++ or boards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .op import Op, Values
from .program import Program
from .qtype import Ints
from .tensor import Space

Reals = NDArray[np.float64]
_ROWS_AT_ONCE = 4096


def run_float(program: Program, X: NDArray[Any]) -> Reals:
    """Scores in real numbers.

    Parameters
    ----------
    program : Program
        A float program.
    X : array, shape (n, n_features), (n, n_steps * n_features) or (n, n_steps, n_features)
        Raw features.

    Returns
    -------
    array, shape (n, n_outputs)
    """
    return _run(program, _real(program, X), real=True)


def run_integer(program: Program, q: NDArray[np.integer]) -> Ints:
    """Raw integer scores of an integer program, exactly as the device computes them.

    Parameters
    ----------
    program : Program
        An integer program.
    q : integer array, shape as in :func:`run_float`
        Device inputs.

    Returns
    -------
    int64 array, shape (n, n_outputs)
    """
    scores: Ints = _run(program, _as_steps(program, q).astype(np.int64), real=False)
    return scores


def run_stream(program: Program, q: NDArray[np.integer]) -> Ints:
    """Raw integer scores after each step of a sequence model, as if ``predict()`` followed each ``push()``.

    Returns
    -------
    int64 array, shape (n, n_steps, n_outputs)
    """
    x = _as_steps(program, q).astype(np.int64)
    values = _start(program, x, real=False)
    scores = np.empty((*x.shape[:2], program.output.size), np.int64)
    for step in range(x.shape[1]):
        values[program.input.name] = x[:, step]
        _run_ops(program, "push", values, real=False)
        _run_ops(program, "predict", values, real=False)
        scores[:, step] = values[program.output.name]
    return scores


def run_features(program: Program, q: NDArray[np.integer]) -> Ints:
    """What a feature extractor makes of raw samples, exactly as the device does.

    Parameters
    ----------
    program : Program
        Of task ``"features"``.
    q : integer array, shape (n, n_steps, n_inputs) or (n, n_steps * n_inputs)
        Raw samples.

    Returns
    -------
    int64 array, shape (n, n_features), or (n, n_frames, n_features) where features are made as the samples come
    """
    x = _as_steps(program, q).astype(np.int64)
    blocks = [_features(program, x[i : i + _ROWS_AT_ONCE]) for i in range(0, max(len(x), 1), _ROWS_AT_ONCE)]
    return np.concatenate(blocks)


def _features(program: Program, x: Ints) -> Ints:
    values = _start(program, x, real=False)
    frames: list[Ints] = []
    for step in range(x.shape[1]):
        values[program.input.name] = x[:, step]
        if _run_ops(program, "push", values, real=False) and not program.functions["predict"]:
            frames.append(values[program.output.name])
    if program.functions["predict"]:
        _run_ops(program, "predict", values, real=False)
        return values[program.output.name]
    return np.stack(frames, axis=1) if frames else np.zeros((len(x), 0, program.output.size), np.int64)


def largest_magnitudes(program: Program, X: NDArray[Any]) -> dict[str, float]:
    """Largest magnitude that each op's result has in a float program, over raw rows X shaped as in `run_float`."""
    largest: dict[str, float] = {}

    def watch(name: str, value: NDArray[Any]) -> None:
        if value.size:
            largest[name] = max(largest.get(name, 0.0), float(np.abs(value).max()))

    _run(program, _real(program, X), real=True, watch=watch)
    return largest


def observed(program: Program, X: NDArray[Any], *, real: bool) -> dict[str, NDArray[Any]]:
    """Every constant, and of each op all results one after the other (a sequence's steps behind each other).

    Parameters
    ----------
    program : Program
        A float program and raw rows, or (`real` False) an integer program and device inputs.
    X : array, shape as in :func:`run_float`
        Few rows: all values are kept.

    Returns
    -------
    dict of str to array
        By tensor; what ops computed flat.
    """
    seen: dict[str, list[NDArray[Any]]] = {}
    rows = _real(program, X) if real else _as_steps(program, X).astype(np.int64)
    _run(program, rows, real, lambda name, value: seen.setdefault(name, []).append(np.array(value).ravel()))
    constants = {t.name: np.asarray(t.data) for t in program.tensors if t.data is not None}
    return constants | {name: np.concatenate(values) for name, values in seen.items()}


def encode(program: Program, X: NDArray[Any]) -> NDArray[np.signedinteger]:
    """Device inputs of raw features, in the shape of X."""
    return program.encoding.encode(_columns(program, X)).reshape(np.shape(X))


def count_saturated(program: Program, X: NDArray[Any]) -> int:
    """Number of values of X outside the calibrated range."""
    return program.encoding.saturated(_columns(program, X))


def _real(program: Program, X: NDArray[Any]) -> Reals:
    return _as_steps(program, program.encoding.real(_columns(program, X)))


def _columns(program: Program, X: NDArray[Any]) -> NDArray[Any]:
    """X with a last axis that fits the encoding: one time step, or the whole row."""
    return np.asarray(X).reshape(len(X), -1, max(program.encoding.offset.size, program.input.size))


def _as_steps(program: Program, X: NDArray[Any]) -> NDArray[Any]:
    """X as (n, features) for models without state, (n, steps, features) for sequence models."""
    X = np.asarray(X)
    if program.steps is None:
        return X.reshape(len(X), program.input.size)
    return X.reshape(len(X), -1, program.input.size)


Watch = Callable[[str, NDArray[Any]], None]


def _run(program: Program, x: NDArray[Any], real: bool, watch: Watch | None = None) -> NDArray[Any]:
    """Run in blocks of rows, so that whole data sets do not need their intermediate values at once."""
    outputs = []
    for start in range(0, max(len(x), 1), _ROWS_AT_ONCE):
        values = _start(program, x[start : start + _ROWS_AT_ONCE], real)
        _run_block(program, x[start : start + _ROWS_AT_ONCE], values, real, watch)
        outputs.append(values[program.output.name])
    return np.concatenate(outputs)


def _start(program: Program, x: NDArray[Any], real: bool) -> Values:
    values: Values = {t.name: t.data for t in program.tensors if t.data is not None}
    dtype = np.float64 if real else np.int64
    for tensor in program.tensors:
        if tensor.space is Space.STATE:
            values[tensor.name] = np.zeros((len(x), *tensor.shape), dtype)
    return values


def _run_block(program: Program, x: NDArray[Any], values: Values, real: bool, watch: Watch | None) -> None:
    if program.steps is None:
        values[program.input.name] = x
    else:
        for step in range(x.shape[1]):
            values[program.input.name] = x[:, step]
            _run_ops(program, "push", values, real, watch)
    _run_ops(program, "predict", values, real, watch)


def _run_ops(program: Program, function: str, values: Values, real: bool, watch: Watch | None = None) -> bool:
    """Run a function; False where an op waits for more (all samples are at the same step) and the rest is left out."""
    return _run_body(program, program.functions[function], values, real, watch)


def _run_body(program: Program, body: tuple[Op, ...], values: Values, real: bool, watch: Watch | None) -> bool:
    for i, op in enumerate(body):
        result = op.real(program, values) if real else op.integer(program, values)
        if result is None:
            return False
        while result is not None:
            values[op.out] = result
            if watch is not None:
                watch(op.out, result)
            if not op.repeats:
                break
            _run_body(program, body[i + 1 :], values, real, watch)
            result = op.further(program, values)
        if op.repeats:
            return True
    return True
