"""Convolutions as operators over whole pictures: what the device does row by row is done at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import AddRow, Convolve, Depthwise, HoldRow, KeepRows, MaxPool, Pointwise, PoolRow, SumRow
from .graph import NO_ACTIVATION, RELU, SAME, VALID, Operator, Value
from .writer import Reals, Writer, translate


@translate.register
def _(op: KeepRows, writer: Writer) -> Value:
    source = writer.values[op.source]
    _, width, channels = writer.program[op.out].shape
    picture = writer.reshaped(source, (1, op.height, width, channels))
    writer.pictures[op.out] = picture, op
    return picture


@translate.register
def _(op: HoldRow, writer: Writer) -> Value:
    return writer.values[op.source]


@translate.register
def _(op: AddRow, writer: Writer) -> Value:
    made = writer.values[op.source]
    return writer.sum(op.out, made, writer.reshaped(writer.values[op.ring], made.shape), writer.scale_of(op.out))


@translate.register
def _(op: MaxPool, writer: Writer) -> Value:
    picture, keep = writer.pictures[op.ring]
    _, _, width, channels = picture.shape
    shape = (1, keep.results, (width - op.columns) // op.stride + 1, channels)
    return writer.graph.add(
        Operator.MAX_POOL_2D, [_padded(writer, picture, keep, 0, 0)], op.out, shape, picture.dtype, picture.step,
        padding=VALID, stride_w=op.stride, stride_h=keep.stride, filter_w=op.columns, filter_h=keep.kernel,
    )  # fmt: skip


@translate.register
def _(op: PoolRow, writer: Writer) -> Value:
    width = op.width(writer.program)
    picture = writer.reshaped(writer.values[op.source], (1, op.height, width, op.channels))
    shape = (1, op.results, (width - op.columns) // op.stride + 1, op.channels)
    return writer.graph.add(
        Operator.MAX_POOL_2D, [picture], op.out, shape, picture.dtype, picture.step,
        padding=VALID, stride_w=op.stride, stride_h=op.kernel, filter_w=op.columns, filter_h=op.kernel,
    )  # fmt: skip


@translate.register
def _(op: Convolve, writer: Writer) -> Value:
    picture, keep = writer.pictures[op.ring]
    matrix = writer.real(op.matrix)
    outputs, channels = len(matrix), picture.shape[3]
    filters = matrix.reshape(outputs, keep.kernel, op.columns, channels)
    return _moved(writer, op, filters, outputs, Operator.CONV_2D)


@translate.register
def _(op: Depthwise, writer: Writer) -> Value:
    picture, keep = writer.pictures[op.ring]
    matrix, channels = writer.real(op.matrix), picture.shape[3]
    filters = matrix.T.reshape(1, keep.kernel, op.columns, channels)
    return _moved(writer, op, filters, channels, Operator.DEPTHWISE_CONV_2D, depth_multiplier=1)


@translate.register
def _(op: Pointwise, writer: Writer) -> Value:
    source, matrix = writer.values[op.source], writer.real(op.matrix)
    outputs, channels = matrix.shape
    picture = source if source.shape[-1] == channels else writer.reshaped(source, (*source.shape[:2], -1, channels))
    filters = matrix.reshape(outputs, 1, 1, channels)
    shape = (*picture.shape[:3], outputs)
    return _layer(writer, op, picture, filters, shape, Operator.CONV_2D, padding=VALID, stride_w=1, stride_h=1)


@translate.register
def _(op: SumRow, writer: Writer) -> Value:
    """The average, to be read as what the sum of the device is after its halvings."""
    source = writer.values[op.source]
    _, height, width, channels = source.shape
    average = writer.graph.add(
        Operator.AVERAGE_POOL_2D, [writer.wide(source)], op.out, (1, 1, 1, channels), "int16", source.step,
        padding=VALID, stride_w=1, stride_h=1, filter_w=width, filter_h=height,
    )  # fmt: skip
    return average.times(height * width * 2.0**-op.halvings)


def _moved(writer: Writer, op: Any, filters: Reals, outputs: int, operator: Operator, **options: int) -> Value:
    """A kernel at all positions."""
    picture, keep = writer.pictures[op.ring]
    _, height, width, _ = picture.shape
    count = writer.program[op.out].size // outputs
    right = max(0, (count - 1) * op.stride - op.left + op.columns - width)
    zeros = (keep.top, keep.bottom), (op.left, right)
    usual = _same(height, keep.kernel, keep.stride), _same(width, op.columns, op.stride)
    alike = zeros == usual
    if not alike:
        picture = _padded(writer, picture, keep, op.left, right)
    return _layer(writer, op, picture, filters, (1, keep.results, count, outputs), operator,
                  padding=SAME if alike else VALID, stride_w=op.stride, stride_h=keep.stride, **options)  # fmt: skip


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, as the operator adds them by itself."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _padded(writer: Writer, picture: Value, keep: KeepRows, left: int, right: int) -> Value:
    zeros = np.array([[0, 0], [keep.top, keep.bottom], [left, right], [0, 0]])
    if not zeros.any():
        return picture
    shape = tuple(int(n) for n in np.array(picture.shape) + zeros.sum(axis=1))
    paddings = writer.graph.constant("paddings", zeros, "int32")
    return writer.graph.add(Operator.PAD, [picture, paddings], f"{picture.name}_padded", shape, picture.dtype,
                            picture.step)  # fmt: skip


def _layer(
    writer: Writer, op: Any, picture: Value, filters: Reals, shape: tuple[int, ...], operator: Operator, **options: int
) -> Value:
    """Weights of 8 bits; results of 16, as fine as sums deserve, in the range that training gave them."""
    picture = writer.wide(picture)
    step = max(writer.program[op.matrix].type.step, float(np.abs(filters).max()) / 127)
    weights = writer.graph.constant(op.matrix, np.rint(filters / step), "int8", step)
    unit = picture.step * weights.step
    bias = writer.graph.constant(op.bias, np.rint(writer.real(op.bias) / unit), "int64", unit)
    activation = RELU if op.rectify else NO_ACTIVATION
    return writer.graph.add(operator, [picture, weights, bias], op.out, shape, "int16", writer.scale_of(op.out),
                            activation=activation, **options)  # fmt: skip
