"""Writes a graph as the bytes of a .tflite file; knows the schema's tables and their slots, no models."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flatbuffers
import numpy as np

from .graph import TYPES, Graph, Operator, Step, Value

_ALIGNED = 16  # bytes, of the data of constants
_SLOTS: dict[str, Callable[..., None]] = {
    "b": flatbuffers.Builder.PrependInt8Slot,
    "i": flatbuffers.Builder.PrependInt32Slot,
    "f": flatbuffers.Builder.PrependFloat32Slot,
    "?": flatbuffers.Builder.PrependBoolSlot,
}


def tflite_bytes(graph: Graph, description: str) -> bytes:
    """The file of a graph; the same graph gives the same bytes."""
    builder = flatbuffers.Builder(1024)
    constants = [t for t in graph.tensors if t.data is not None]
    buffer_of = {t.index: i for i, t in enumerate(constants, 1)}
    buffers = [_table(builder, 1), *(_buffer(builder, t) for t in constants)]
    operators = list(dict.fromkeys(step.operator for step in graph.steps))
    codes = [_code(builder, operator) for operator in operators]
    tensors = [_tensor(builder, t, buffer_of.get(t.index, 0)) for t in graph.tensors]
    steps = [_step(builder, step, operators.index(step.operator)) for step in graph.steps]
    subgraph = _offsets_table(builder, 5, {
        0: _offsets(builder, tensors), 1: _ints(builder, graph.inputs), 2: _ints(builder, graph.outputs),
        3: _offsets(builder, steps), 4: builder.CreateString("main"),
    })  # fmt: skip
    text = builder.CreateString(description)
    parts = {1: _offsets(builder, codes), 2: _offsets(builder, [subgraph]), 3: text, 4: _offsets(builder, buffers)}
    builder.StartObject(8)
    builder.PrependUint32Slot(0, 3, 0)
    for slot, offset in parts.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, slots: int) -> int:
    builder.StartObject(slots)
    return int(builder.EndObject())


def _offsets_table(builder: flatbuffers.Builder, slots: int, offsets: dict[int, int]) -> int:
    builder.StartObject(slots)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _offsets(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _ints(builder: flatbuffers.Builder, values: Sequence[int]) -> int:
    return int(builder.CreateNumpyVector(np.asarray(values, np.int32)))


def _buffer(builder: flatbuffers.Builder, tensor: Value) -> int:
    data = np.frombuffer(np.asarray(tensor.data).tobytes(), np.uint8)
    builder.StartVector(1, len(data), _ALIGNED)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data.tobytes()
    return _offsets_table(builder, 1, {0: builder.EndVector()})


def _code(builder: flatbuffers.Builder, operator: Operator) -> int:
    builder.StartObject(4)
    builder.PrependInt8Slot(0, operator.value.code, 0)
    builder.PrependInt32Slot(2, operator.value.version, 1)
    builder.PrependInt32Slot(3, operator.value.code, 0)
    return int(builder.EndObject())


def _tensor(builder: flatbuffers.Builder, tensor: Value, buffer: int) -> int:
    quantization = None
    if tensor.scale is not None:
        scale = builder.CreateNumpyVector(np.array([tensor.scale], np.float32))
        zero = builder.CreateNumpyVector(np.array([tensor.zero], np.int64))
        quantization = _offsets_table(builder, 7, {2: scale, 3: zero})
    name, shape = builder.CreateString(tensor.name), _ints(builder, tensor.shape)
    builder.StartObject(9)
    builder.PrependUOffsetTRelativeSlot(0, shape, 0)
    builder.PrependInt8Slot(1, TYPES[tensor.dtype], 0)
    builder.PrependUint32Slot(2, buffer, 0)
    builder.PrependUOffsetTRelativeSlot(3, name, 0)
    if quantization is not None:
        builder.PrependUOffsetTRelativeSlot(4, quantization, 0)
    return int(builder.EndObject())


def _step(builder: flatbuffers.Builder, step: Step, code: int) -> int:
    kind, options = step.operator.value, None
    if kind.options:
        builder.StartObject(max(len(kind.fields), 1))
        for slot, (form, name, default) in enumerate(kind.fields):
            _SLOTS[form](builder, slot, step.options.get(name, default), default)
        options = builder.EndObject()
    inputs, outputs = _ints(builder, step.inputs), _ints(builder, step.outputs)
    builder.StartObject(9)
    builder.PrependUint32Slot(0, code, 0)
    builder.PrependUOffsetTRelativeSlot(1, inputs, 0)
    builder.PrependUOffsetTRelativeSlot(2, outputs, 0)
    if options is not None:
        builder.PrependUint8Slot(3, kind.options, 0)
        builder.PrependUOffsetTRelativeSlot(4, options, 0)
    return int(builder.EndObject())
