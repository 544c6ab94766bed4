"""Recurrent cells over all steps, in real numbers or exactly as the device, with one gradient written by hand.

Thousands of tiny operations make a recurrence slow, not its arithmetic; differentiated automatically it takes three
times as many. What a step passes back depends only on values known after the forward pass (:class:`Slopes`), so the
backward pass is one product and three element-wise operations a step, and every sum over steps is one operation.
Rounding is passed straight through; nothing passes where a value saturates.

A graph that holds every step of a long sequence takes minutes to make: there a loop runs over blocks of steps, which
does the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from .cells import RAW_C, RAW_H, RAW_P, Cell, Path, Slopes, Tensors, clip, half_up, saturated, widened

UNROLLED = 32  # steps of a sequence that needs no loop
BLOCK = 8  # steps inside the loop: what it takes itself is then little beside them
Step = Callable[[Tensors, Tensors], tuple[Tensors, Tensors]]  # of one time and what is handed on: what is made, and so


def times(h: tf.Tensor, factors: Tensors) -> tf.Tensor:
    """``U h`` of rows h, U given as one matrix or as outer and inner factor."""
    for factor in reversed(factors):
        h = tf.matmul(h, factor, transpose_b=True)
    return h


def over_steps(step: Step, sequences: Tensors, handed: Tensors) -> Tensors:
    """What a step makes of each time of sequences (steps, n, ...), from the first on, each handing on to the next."""
    steps = sequences[0].shape[0]
    if steps <= UNROLLED:
        return _unrolled(step, sequences, handed)[0]
    count = -(-steps // BLOCK)
    blocks = tuple(_blocks(values, count) for values in sequences)
    made, handed = _unrolled(step, tuple(block[0] for block in blocks), handed)
    arrays = tuple(tf.TensorArray(part.dtype, count, element_shape=part.shape).write(0, part) for part in made)

    def block(i: tf.Tensor, handed: Tensors, arrays: tuple[Any, ...]) -> tuple[tf.Tensor, Tensors, tuple[Any, ...]]:
        made, handed = _unrolled(step, tuple(block[i] for block in blocks), handed)
        return i + 1, handed, tuple(array.write(i, part) for array, part in zip(arrays, made, strict=True))

    _, _, arrays = tf.while_loop(lambda i, *_: i < count, block, (tf.constant(1), handed, arrays))
    widths = (part.shape[-1] for part in made)
    return tuple(
        tf.reshape(array.stack(), (count * BLOCK, -1, width))[:steps]
        for array, width in zip(arrays, widths, strict=True)
    )


def _unrolled(step: Step, sequences: Tensors, handed: Tensors) -> tuple[Tensors, Tensors]:
    """What a step makes of each time, without a loop, and what the last hands on."""
    made = []
    for of_one in zip(*map(tf.unstack, sequences), strict=True):
        parts, handed = step(of_one, handed)
        made.append(parts)
    return tuple(map(tf.stack, zip(*made, strict=True))), handed


def _blocks(values: tf.Tensor, count: int) -> tf.Tensor:
    """Values of all times, (steps, n, ...), in so many blocks; the last is filled up with zeros."""
    missing = count * BLOCK - values.shape[0]
    padded = tf.concat([values, tf.zeros_like(values[:missing])], 0)
    return tf.reshape(padded, (count, BLOCK, -1, values.shape[-1]))


def real_path(cell: Cell, wx: tf.Tensor, factors: Tensors, vectors: Tensors, scalars: Tensors) -> Path:
    """All steps in real numbers."""

    def step(of_one: Tensors, handed: Tensors) -> tuple[Tensors, Tensors]:
        (wx_t,), (h,) = of_one, handed
        made = cell.real_step(wx_t, times(h, factors), h, vectors, scalars)
        return made, made[-1:]

    return _path(step, wx, factors)


def device_path(
    cell: Cell, wx: tf.Tensor, factors: Tensors, vectors: Tensors, scalars: Tensors, inner_scale: tf.Tensor
) -> Path:
    """All steps in the integers of the device, given as real numbers; arguments lie on their grids."""
    product = _device_product(factors, inner_scale)
    constants = cell.device_constants(vectors, scalars)

    def step(of_one: Tensors, handed: Tensors) -> tuple[Tensors, Tensors]:
        (wx_t,), (h,) = of_one, handed
        h8 = tf.minimum(half_up(h * (RAW_C / RAW_H)), 127.0)
        made = cell.device_step(wx_t, product(h8), h, constants)
        return made, made[-1:]

    raw = _path(step, wx * RAW_P, factors)
    parts = tuple(part if unit == 1.0 else part * unit for part, unit in zip(raw.parts, cell.units, strict=True))
    return Path(parts, raw.states * (1.0 / RAW_H))


def _path(step: Step, wx: tf.Tensor, factors: Tensors) -> Path:
    """What all steps made, the states with the zero they start from."""
    start = tf.zeros_like(wx[0, :, : factors[-1].shape[-1]])
    *parts, after = over_steps(step, (wx,), (start,))
    return Path(tuple(parts), tf.concat([start[None], after], 0))


def _device_product(factors: Tensors, inner_scale: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """``U h8`` from raw to raw; scales are folded into the factors (powers of two: exact)."""
    if len(factors) == 1:
        outer = factors[0] * (RAW_P / RAW_C)
        return lambda h8: saturated(half_up(tf.matmul(h8, outer, transpose_b=True)))
    outer, inner = factors[0] * (RAW_P / inner_scale), factors[1] * (inner_scale / RAW_C)

    def low_rank(h8: tf.Tensor) -> tf.Tensor:
        middle = clip(half_up(tf.matmul(h8, inner, transpose_b=True)), -128.0, 127.0)
        return saturated(half_up(tf.matmul(middle, outer, transpose_b=True)))

    return low_rank


def states(
    cell: Cell, wx: tf.Tensor, factors: Tensors, vectors: Tensors, scalars: Tensors, *, rounded: tf.Tensor,
    inner_scale: tf.Tensor = 1.0,
) -> tf.Tensor:  # fmt: skip
    """Hidden state after every step, with a gradient for every argument but the last two.

    Parameters
    ----------
    cell : Cell
    wx : tensor, shape (steps, n, rows)
        Products of inputs and W, whose rows are as many as the state's units, or three times as many (GRU); multiples
        of 2**-12 where rounded.
    factors : tuple of tensors
        ``(U,)``, or ``(U1, U2)`` of shapes (rows, rank) and (rank, hidden).
    vectors, scalars : tuples of tensors
        Biases of shape (hidden,) or (rows,) and constants of shape () of the cell.
    rounded : scalar bool tensor
        Whether to compute as the device does.
    inner_scale : scalar tensor
        2**frac of the inner product of a low-rank U.

    Returns
    -------
    tensor, shape (steps, n, hidden)
    """
    count = len(factors), len(vectors)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(wx: tf.Tensor, *rest: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Tensors]]:
        factors, vectors = rest[: count[0]], rest[count[0] : sum(count)]
        scalars = rest[sum(count) :]
        path = Path(*tf.cond(
            rounded,
            lambda: tuple(device_path(cell, wx, factors, vectors, scalars, inner_scale)),
            lambda: tuple(real_path(cell, wx, factors, vectors, scalars)),
        ))  # fmt: skip

        def gradient(dh: tf.Tensor) -> Tensors:
            slopes = cell.slopes(path, vectors, scalars)
            dh, dp = _backwards(dh, slopes, factors)
            dwx = dp if slopes.inputs is slopes.products else widened(dh, slopes.inputs) * slopes.inputs
            biases = (tf.reduce_sum(widened(dh, vector) * vector, [0, 1]) for vector in slopes.vectors)
            of_factors = _factor_gradients(dp, path.states[:-1], factors)
            return (dwx, *of_factors, *biases, *cell.scalar_gradients(path, dh))

        return path.states[1:], gradient

    return run(wx, *factors, *vectors, *scalars)


def _backwards(dh: tf.Tensor, slopes: Slopes, factors: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
    """Total gradients of states, and of products with U, from the direct ones of the states (steps, n, hidden)."""
    carry = tf.concat([slopes.carry[1:], tf.zeros_like(slopes.carry[:1])], 0)  # into the step after each

    def step(of_one: Tensors, handed: Tensors) -> tuple[Tensors, Tensors]:
        (direct, into, carry), (after, back) = of_one, handed
        for factor in factors:
            back = tf.matmul(back, factor)
        total = direct + after * carry + back
        made = total, widened(total, into) * into
        return made, made

    backwards = tuple(tf.reverse(values, [0]) for values in (dh, slopes.products, carry))
    nothing = tf.zeros_like(dh[0]), tf.zeros_like(slopes.products[0])
    totals, pre = over_steps(step, backwards, nothing)
    return tf.reverse(totals, [0]), tf.reverse(pre, [0])


def _factor_gradients(dp: tf.Tensor, before: tf.Tensor, factors: Tensors) -> Tensors:
    """Gradients of the factors of U, all steps in one product."""
    dp, before = tf.reshape(dp, (-1, dp.shape[-1])), tf.reshape(before, (-1, before.shape[-1]))
    if len(factors) == 1:
        return (tf.matmul(dp, before, transpose_a=True),)
    middle = tf.matmul(before, factors[1], transpose_b=True)
    inner = tf.matmul(tf.matmul(dp, factors[0]), before, transpose_a=True)
    return tf.matmul(dp, middle, transpose_a=True), inner
