"""Recurrent cells over all steps, in real numbers or exactly as the device, with one gradient written by hand.

Thousands of tiny operations make a recurrence slow, not its arithmetic; differentiated automatically it takes three
times as many. What a step passes back depends only on values known after the forward pass (:class:`Slopes`), so the
backward pass is one product and three element-wise operations a step, and every sum over steps is one operation.
Rounding is passed straight through; nothing passes where a value saturates.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from .cells import RAW_C, RAW_H, RAW_P, Cell, Path, Slopes, Tensors, clip, half_up, saturated, widened


def times(h: tf.Tensor, factors: Tensors) -> tf.Tensor:
    """``U h`` of rows h, U given as one matrix or as outer and inner factor."""
    for factor in reversed(factors):
        h = tf.matmul(h, factor, transpose_b=True)
    return h


def real_path(cell: Cell, wx: tf.Tensor, factors: Tensors, vectors: Tensors, scalars: Tensors) -> Path:
    """All steps in real numbers."""
    h = _start(wx, factors)
    steps = []
    for wx_t in tf.unstack(wx):
        steps.append(cell.real_step(wx_t, times(h, factors), h, vectors, scalars))
        h = steps[-1][-1]
    return _stacked(steps)


def device_path(
    cell: Cell, wx: tf.Tensor, factors: Tensors, vectors: Tensors, scalars: Tensors, inner_scale: tf.Tensor
) -> Path:
    """All steps in the integers of the device, given as real numbers; arguments lie on their grids."""
    product = _device_product(factors, inner_scale)
    constants = cell.device_constants(vectors, scalars)
    h = _start(wx, factors)
    steps = []
    for wx_t in tf.unstack(wx * RAW_P):
        h8 = tf.minimum(half_up(h * (RAW_C / RAW_H)), 127.0)
        steps.append(cell.device_step(wx_t, product(h8), h, constants))
        h = steps[-1][-1]
    raw = _stacked(steps)
    parts = tuple(part if unit == 1.0 else part * unit for part, unit in zip(raw.parts, cell.units, strict=True))
    return Path(parts, raw.states * (1.0 / RAW_H))


def _start(wx: tf.Tensor, factors: Tensors) -> tf.Tensor:
    """The state before the first step."""
    return tf.zeros_like(wx[0, :, : factors[-1].shape[-1]])


def _stacked(steps: list[Tensors]) -> Path:
    """What all steps made, the states with the zero they start from."""
    *parts, after = zip(*steps, strict=True)
    return Path(tuple(tf.stack(part) for part in parts), tf.stack([tf.zeros_like(after[0]), *after]))


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
    into, carry = tf.unstack(slopes.products), tf.unstack(slopes.carry)
    direct = tf.unstack(dh)
    total = direct[-1]
    totals, pre = [total], [widened(total, into[-1]) * into[-1]]
    for t in range(len(into) - 2, -1, -1):
        back = pre[-1]
        for factor in factors:
            back = tf.matmul(back, factor)
        total = direct[t] + total * carry[t + 1] + back
        totals.append(total)
        pre.append(widened(total, into[t]) * into[t])
    return tf.stack(totals[::-1]), tf.stack(pre[::-1])


def _factor_gradients(dp: tf.Tensor, before: tf.Tensor, factors: Tensors) -> Tensors:
    """Gradients of the factors of U, all steps in one product."""
    dp, before = tf.reshape(dp, (-1, dp.shape[-1])), tf.reshape(before, (-1, before.shape[-1]))
    if len(factors) == 1:
        return (tf.matmul(dp, before, transpose_a=True),)
    middle = tf.matmul(before, factors[1], transpose_b=True)
    inner = tf.matmul(tf.matmul(dp, factors[0]), before, transpose_a=True)
    return tf.matmul(dp, middle, transpose_a=True), inner
