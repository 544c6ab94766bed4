"""From fitted estimators of this library, and what stands around them, to float programs.

An estimator of this library writes its own program (``to_program``), and so does a feature extractor; a Pipeline's
scalers are composed into the input encoding, so that they cost nothing on the device.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array, check_is_fitted

from edgealgos.errors import UnsupportedModelError, in_plain_words

from ..program.choose_encoding import MOST_SCALE
from ..program.encoding import InputEncoding
from ..program.program import Program
from ..program.verify import verify
from .columns import check_columns
from .join import join
from .matrix import behind_matrix
from .scalers import Affine, affine, supported_scalers
from .sklearn.finite import check_finite
from .sklearn.registry import affine_map, transformers_known
from .wrappers import Unwrapped, unwrap


def lower(model: Any) -> Program:
    """Float program of a fitted estimator of this library, alone or within Pipelines, searches and the like.

    Raises
    ------
    UnsupportedModelError
        If the model, or a step of it, cannot be compiled; the message lists what can.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    return lower_unwrapped(unwrap(model))


def lower_unwrapped(unwrapped: Unwrapped, rows: NDArray[np.float64] | None = None) -> Program:
    """The same of what :func:`~.wrappers.unwrap` gives; a projection in front takes its range from raw rows."""
    model, steps = unwrapped.model, unwrapped.front
    if not unwrapped.is_ours:
        raise UnsupportedModelError(
            f"{_name(model)} cannot be compiled here. Supported are the estimators of edgealgos, alone or as the last "
            f"step of a scikit-learn Pipeline behind {', '.join(sorted(supported_scalers()))}."
        )
    if (unwrapped.slope, unwrapped.shift) != (1.0, 0.0):
        raise UnsupportedModelError(f"{_name(model)} scales its targets itself; leave out TransformedTargetRegressor")
    if hasattr(model, "fit"):
        check_is_fitted(model)
    check_finite(*(step for _, step in steps))
    program: Program = model.to_program()
    if program.task == "features":
        raise UnsupportedModelError(f"{_name(model)} gives features, no answer: put a model behind it in a Pipeline")
    for name, step in reversed(steps):
        if hasattr(step, "to_program"):
            if step is not steps[0][1]:
                raise UnsupportedModelError(
                    f"step {name!r} ({_name(step)}) of the Pipeline takes raw samples: it must be the first step"
                )
            check_is_fitted(step)
            return join(step.to_program(), verify(program))
        try:
            slope, shift = affine(step)
        except NotImplementedError:
            return _behind_matrix(program, unwrapped, steps[: steps.index((name, step)) + 1], rows)
        program = replace(program, encoding=compose(program.encoding, slope, shift, program.input.size))
    return verify(program)


def _behind_matrix(
    program: Program, unwrapped: Unwrapped, steps: tuple[tuple[str, Any], ...], rows: NDArray[np.float64] | None
) -> Program:
    """The program behind transformers that are a matrix together: a product makes its inputs."""
    width = int(steps[0][1].n_features_in_)
    matrix, shift = np.eye(width), np.zeros(width)
    for name, step in steps:
        try:
            further, moved = affine_map(step)
        except NotImplementedError:
            raise UnsupportedModelError(
                f"step {name!r} ({_name(step)}) of the Pipeline cannot be compiled in front of "
                f"{_name(unwrapped.model)}; supported are {', '.join(transformers_known())} and the extractors of "
                "edgealgos.features. Apply it before the Pipeline, or leave it out."
            ) from None
        matrix, shift = further @ matrix, further @ shift + moved
    if program.steps is not None:
        raise UnsupportedModelError(f"a matrix in front of {program.family}, which takes sequences, cannot be compiled")
    return behind_matrix(program, matrix, shift, rows)


def compose(
    encoding: InputEncoding, slope: NDArray[np.float64], shift: NDArray[np.float64], width: int
) -> InputEncoding:
    """Encoding of x such that it encodes ``x * slope + shift`` as `encoding` does.

    Rows of a 2-D sequence model have `width` columns a time step; where a scaler treats all steps alike, one step's
    numbers are kept, else those of the whole row.
    """
    steps = max(len(slope) // width, encoding.offset.size // width, 1)
    old_offset, old_scale = (_row(v.astype(np.float64), width, steps) for v in (encoding.offset, encoding.scale))
    slope, shift = _row(slope, width, steps), _row(shift, width, steps)
    offset, scale = _shortest((old_offset - shift) / slope, old_scale * slope, width)
    if (np.abs(scale) > MOST_SCALE).any():
        column = int(np.argmax(np.abs(scale)))
        raise UnsupportedModelError(
            f"feature {column} varies too little for 32-bit floats: multiply it by a power of ten before the Pipeline"
        )
    return replace(encoding, offset=offset, scale=scale.astype(np.float32))


def _row(values: NDArray[np.float64], width: int, steps: int) -> NDArray[np.float64]:
    """One value a column of the whole row, from one value, one step or the whole row."""
    values = np.asarray(values, dtype=np.float64)
    return np.resize(values, width * steps) if values.size in (1, width) else values


def _shortest(offset: NDArray[np.float64], scale: NDArray[np.float64], width: int) -> Affine:
    for size in (1, width):
        if all(np.array_equal(v, np.resize(v[:size], v.size)) for v in (offset, scale)):
            return offset[:size], scale[:size]
    return offset, scale


@in_plain_words()
def check_samples(program: Program, X: ArrayLike) -> NDArray[np.float64]:
    """Samples as float64, refused where they are not finite, or have other features than the model was fitted on."""
    check_columns(program.feature_names, X)
    samples: NDArray[np.float64] = check_array(X, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name="X")
    width = program.input.size
    if program.steps is None:
        if samples.ndim != 2 or samples.shape[1] != width:
            raise ValueError(f"X has shape {samples.shape}, this model takes (n_samples, {width})")
    elif samples.ndim == 4 and samples.shape[2] * samples.shape[3] == width:  # pictures with channels
        return samples.reshape(*samples.shape[:2], width)
    elif program.preprocessing:
        return _whole_steps(samples, width)
    elif samples.ndim not in (2, 3) or samples.shape[-1] % width or (samples.ndim == 3 and samples.shape[2] != width):
        raise ValueError(
            f"X has shape {samples.shape}, this model takes (n_samples, n_steps, {width}) or rows of whole steps "
            f"of {width}"
        )
    return samples


def _whole_steps(samples: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Raw samples of a feature extractor, (n, n_steps, width).

    What does not fill a last step is left out, as the device waits for the rest of it.
    """
    if samples.ndim == 3 and samples.shape[2] == width:
        return samples
    if samples.ndim != 2 or samples.shape[1] < width:
        raise ValueError(
            f"X has shape {samples.shape}, this Pipeline takes raw samples (n_samples, n_steps, {width}) or rows of at "
            f"least {width}"
        )
    whole = samples.shape[1] // width * width
    return samples[:, :whole].reshape(len(samples), -1, width)


def _name(thing: Any) -> str:
    return type(thing).__name__
