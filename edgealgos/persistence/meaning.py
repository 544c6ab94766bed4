"""Whether what a file holds is a model: each number for what it means, all together, and one step of a trial run.

Nothing here takes memory or time that the file's own size does not account for.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ..codegen.lowering.pipeline import lower
from ..codegen.passes import model_bytes, to_integer
from ..codegen.passes.represent import REPRESENTATIONS
from ..codegen.program.encoding import InputEncoding
from ..codegen.program.interpret import run_integer
from ..codegen.program.program import Program
from ..codegen.program.qtype import QType
from ..errors import ModelFileError
from ..estimators.base import EdgeEstimator
from ..estimators.params import check_parameters
from ..estimators.tasks import MOST_CLASSES, EdgeClassifier
from ..features.base import FeatureExtractor
from .values import FITTED, whole

MOST_FEATURES = 2**20  # of a row, all its steps together
LARGEST_EXPONENT = 160  # of a raw unit: what a 32-bit float can say, and a few bits below
WIDTHS = (*range(2, 17), 32)
LARGEST_FLOAT = 1e38  # of 32 bits
MOST_LANES = 256  # windows under way at a time
LARGEST_SHIFT = 29
MOST_COARSER = 16  # bits that a constant may give up for its accumulator
ALWAYS = {"n_features_in_", "encoding_", "weights_", "qtypes_", "structure_", "n_iter_", "history_"}
SEARCHES = ("AutoClassifier", "AutoRegressor")
SCORE = "validation_score"  # None where a limit was broken
LINE = {"family", "params", SCORE, "validation_spread", "model_bytes", "cycles", "ram_bytes", "seconds"}
SOMETIMES = {"feature_names_in_", "representations_", "input_warnings_"}


def check(model: BaseEstimator) -> None:
    """ModelFileError (or what NumPy says) for what is no model; counts the bytes of one that is."""
    steps = [step for _, step in _steps(model)]
    for step in steps:
        _check_step(step)
    if isinstance(steps[-1], EdgeEstimator) or _is_search(steps[-1]):
        _try(model)


def _steps(model: BaseEstimator) -> list[tuple[str, Any]]:
    if not isinstance(model, Pipeline):
        return [("model", model)]
    model._validate_names([name for name, _ in model.steps])
    steps = [(name, step) for name, step in model.steps if step not in (None, "passthrough")]
    _demand(bool(steps), "holds a Pipeline without steps")
    return steps


def _is_search(step: Any) -> bool:
    return type(step).__name__ in SEARCHES


def _check_step(step: Any) -> None:
    if _is_search(step):
        _check_search(step)
    elif isinstance(step, EdgeEstimator):
        _check_estimator(step)
    elif isinstance(step, FeatureExtractor):
        _check_extractor(step)
    else:
        _demand(isinstance(step, BaseEstimator) and not isinstance(step, Pipeline), "holds a step that is none")
        _check_scaler(step)


def _demand(condition: bool, complaint: str) -> None:
    if not condition:
        raise ModelFileError(complaint)


def _between(value: Any, low: int, high: int, what: str) -> int:
    _demand(low <= whole(value) <= high, f"says {str(value)[:40]} {what}, possible are {low} to {high}")
    return int(value)


def _attributes(thing: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(thing).items() if FITTED.fullmatch(name)}


def _check_attributes(thing: Any, always: set[str], sometimes: set[str]) -> None:
    found = set(_attributes(thing))
    missing, strange = always - found, found - always - sometimes
    _demand(not missing and not strange, f"lacks {sorted(missing)} or has {sorted(strange)} too many")


def _check_search(search: Any) -> None:
    """A search is its best estimator, of the same rows and labels, and a table for people."""
    check_parameters(search, search.get_params(deep=False), search._declared)
    labels = {"classes_"} if hasattr(search, "classes_") else set()
    _check_attributes(search, {"best_estimator_", "leaderboard_", "n_features_in_"} | labels, {"feature_names_in_"})
    best, board = search.best_estimator_, search.leaderboard_
    _demand(isinstance(best, EdgeEstimator), "holds a search whose best is no estimator")
    _check_estimator(best)
    _demand(bool(labels) == isinstance(best, EdgeClassifier), "holds a search for something else than its best")
    _demand(best.n_features_in_ == search.n_features_in_, "holds a search in other rows than its best")
    same = not labels or np.array_equal(best.classes_, search.classes_)
    _demand(same and isinstance(board, list) and all(_is_line(line) for line in board), "holds no leaderboard")
    if hasattr(search, "feature_names_in_"):
        _check_names(search, search.n_features_in_)


def _is_line(line: Any) -> bool:
    """Whether a line of a leaderboard tells all that people, and the picture of it, read."""
    if not isinstance(line, dict) or line.keys() != LINE:
        return False
    told = isinstance(line["family"], str) and isinstance(line["params"], dict)
    amounts = [line[name] for name in LINE - {"family", "params", SCORE}]
    counted = all(_is_amount(amount) and amount >= 0 for amount in amounts)
    return told and counted and (line[SCORE] is None or _is_amount(line[SCORE]))


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


# ---- estimators ------------------------------------------------------------------------------------------------------


def _check_estimator(model: EdgeEstimator) -> None:
    check_parameters(model, model.get_params(deep=False), model._declared)
    labels = {"classes_"} if isinstance(model, EdgeClassifier) else set()
    _check_attributes(model, ALWAYS | labels | set(model._row_attributes), SOMETIMES)
    columns = _between(model.n_features_in_, 1, MOST_FEATURES, "features")
    for name in model._row_attributes:
        _between(getattr(model, name), 1, MOST_FEATURES, name)
    _demand(prod(model._row_shape) == columns, f"says {columns} features of a row of shape {model._row_shape}")
    _check_names(model, columns)
    if labels:
        _check_labels(model.classes_)
    _check_encoding(model.encoding_, model._row_shape)
    _check_numbers(model.weights_, model.qtypes_, model.encoding_)
    _check_structure(model.structure_, model._structured)
    _check_story(model)


def _check_names(thing: Any, columns: int) -> None:
    if hasattr(thing, "feature_names_in_"):
        names = thing.feature_names_in_
        sound = isinstance(names, np.ndarray) and names.shape == (columns,) and names.dtype == object
        _demand(sound and all(isinstance(name, str) for name in names.tolist()), "holds impossible names of columns")


def _check_labels(classes: Any) -> None:
    _demand(isinstance(classes, np.ndarray) and classes.ndim == 1, "holds no list of labels")
    _between(len(classes), 2, MOST_CLASSES, "classes")
    values = classes.tolist()
    _demand(all(isinstance(value, (str, bytes, bool, int, float)) for value in values), "holds labels of unknown kinds")
    _demand(len(set(values)) == len(values), "holds one label twice")


def _check_encoding(encoding: Any, shape: tuple[int, ...]) -> None:
    _demand(isinstance(encoding, InputEncoding), "holds no input encoding")
    values = {field.name: getattr(encoding, field.name) for field in fields(encoding)}
    arrays = [value for value in values.values() if isinstance(value, np.ndarray)]
    sizes = {array.shape for array in arrays}
    sound = sizes <= {(1,), shape[-1:], (prod(shape),)} and encoding.offset.shape == encoding.scale.shape
    _demand(sound and all(_finite(array) for array in arrays), "holds an impossible input encoding")
    qtype, low, high = encoding.qtype, np.asarray(encoding.low), np.asarray(encoding.high)
    _check_type("the inputs", qtype)
    ordered = bool(np.all((qtype.low <= low) & (low <= high) & (high <= qtype.high)))
    integers = low.dtype.kind == "i" and high.dtype.kind == "i"
    _demand(qtype.bits <= 16 and integers and ordered, "holds an impossible range of inputs")
    _demand(_positive(encoding.scale), "holds an impossible scale of inputs")


def _positive(values: NDArray[Any]) -> bool:
    return bool(np.all((values > 1 / LARGEST_FLOAT) & (values < LARGEST_FLOAT)))


def _finite(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "iu" or (array.dtype.kind == "f" and bool(np.isfinite(array).all()))


def _check_type(name: Any, qtype: Any) -> None:
    sound = isinstance(qtype, QType) and qtype.bits in WIDTHS and abs(qtype.frac) <= LARGEST_EXPONENT
    _demand(sound, f"gives {str(name)[:40]!r} an impossible number type, {str(qtype)[:80]}")


def _check_numbers(weights: Any, qtypes: Any, encoding: InputEncoding) -> None:
    _demand(isinstance(weights, dict) and isinstance(qtypes, dict) and bool(weights), "holds no numbers")
    for name, qtype in qtypes.items():
        _check_type(name, qtype)
    inputs = qtypes.get("x", encoding.qtype)
    same = (inputs.container, inputs.frac) == (encoding.qtype.container, encoding.qtype.frac)
    _demand(same, "holds two types of the inputs")
    for name, values in weights.items():
        sound = isinstance(name, str) and isinstance(values, np.ndarray) and values.dtype == np.float64
        _demand(sound and _finite(values), f"holds {str(name)[:40]!r}, which are no numbers, or of another kind")
        if name in qtypes:
            on_grid = np.array_equal(qtypes[name].dequantize(qtypes[name].quantize(values)), values)
            _demand(on_grid, f"holds values of {name!r} that are none of its type, {qtypes[name]}")


def _check_structure(structure: Any, declared: Mapping[str, Any]) -> None:
    _demand(isinstance(structure, dict), "holds no structure")
    for name, value in structure.items():
        sound = name in declared and any(constraint.accepts(value) for constraint in declared[name])
        _demand(sound, f"says {str(name)[:40]}={str(value)[:40]} of its structure, which cannot be")
    if "window_steps" in structure:
        width, stride = structure["window_steps"], structure["window_stride"]
        _demand(width % stride == 0 and width // stride <= MOST_LANES, f"says windows of {width} steps every {stride}")


def _check_story(model: EdgeEstimator) -> None:
    """What is for people alone."""
    whole(model.n_iter_)
    history, told = model.history_, getattr(model, "representations_", {})
    said = getattr(model, "input_warnings_", ())
    _demand(isinstance(said, tuple) and all(isinstance(text, str) for text in said), "holds impossible warnings")
    lists = isinstance(history, dict) and all(isinstance(k, str) and isinstance(v, list) for k, v in history.items())
    known = isinstance(told, dict) and all(k in model.weights_ and v in REPRESENTATIONS for k, v in told.items())
    _demand(lists and known, "holds an impossible history")


def _try(model: BaseEstimator) -> None:
    """The whole must make a program that 32 bits hold, of these very numbers, and answer a row."""
    last = _steps(model)[-1][1]
    estimator: EdgeEstimator = last.best_estimator_ if _is_search(last) else last
    with np.errstate(all="ignore"):
        program = estimator.to_program()
        integer = to_integer(program)
        _check_constants(program, integer)
        estimator.model_bytes_ = model_bytes(integer)
        together = lower(model)
        encoding = together.encoding
        _demand(_finite(encoding.offset) and _positive(encoding.scale), "holds scalers that go with no model")
        run_integer(to_integer(together), np.zeros((1, together.input.size), together.input.type.dtype))


def _check_constants(program: Program, integer: Program) -> None:
    """No constant becomes another one on the device, as one would whose type does not go with those around it."""
    for tensor in program.tensors:
        if tensor.data is not None and tensor.qtype is not None:
            stored = integer[tensor.name]
            off = np.abs(stored.type.dequantize(stored.values) - tensor.values).max(initial=0.0)
            near = abs(stored.type.frac - tensor.qtype.frac) <= MOST_COARSER and off <= stored.type.step
            _demand(bool(near), f"holds values of {tensor.name!r} that do not fit its place")


# ---- what stands in front --------------------------------------------------------------------------------------------


def _check_extractor(step: Any) -> None:
    check_parameters(step, step.get_params(deep=False), step._declared)
    more = {"centre_", "shift_", "window_"} & set(_attributes(step))
    _check_attributes(step, {"n_features_in_", "n_steps_", "step_size_"} | more, set())
    steps, size = (_between(n, 1, MOST_FEATURES, "steps") for n in (step.n_steps_, step.step_size_))
    _demand(size == step._step_size((1, steps, size)), f"takes {size} values a step")
    _demand(whole(step.n_features_in_) in (steps, *range(steps * size, steps * size + size)), "has no whole steps")
    for name in more & {"centre_", "shift_"}:
        values = getattr(step, name)
        _demand(values.dtype.kind == "i" and values.shape == (size,), f"holds an impossible {name}")
    if "shift_" in more:
        _demand(bool(np.all((step.shift_ >= 0) & (step.shift_ <= LARGEST_SHIFT))), "holds an impossible shift")
    window = getattr(step, "window_", None)
    step._check_length()
    _demand(getattr(step, "window_", None) == window, "holds an impossible window")
    step.to_program()


_COUNTS = ("n_features_in_", "n_samples_seen_", "feature_names_in_")


def _check_scaler(step: Any) -> None:
    step._validate_params()
    columns = _between(step.n_features_in_, 1, MOST_FEATURES, "features")
    _check_names(step, columns)
    for name, values in _attributes(step).items():
        if name in _COUNTS or values is None:
            continue
        sound = isinstance(values, np.ndarray) and values.shape == (columns,) and _finite(values)
        possible = sound and np.abs(values).max(initial=0) < LARGEST_FLOAT and (name != "scale_" or _positive(values))
        _demand(possible, f"holds an impossible {name} of a scaler")
    with np.errstate(all="ignore"):
        step.transform(_row(step, columns))


def _row(step: Any, columns: int) -> Any:
    row = np.zeros((1, columns))
    if not hasattr(step, "feature_names_in_"):
        return row
    import pandas as pd

    return pd.DataFrame(row, columns=step.feature_names_in_)
