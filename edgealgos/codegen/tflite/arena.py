"""How much RAM a graph needs in the interpreter for microcontrollers: a bound, by its own way of planning.

Activations are placed as its planner does: the largest first, each at the lowest place that is free while it is needed,
on multiples of 16 bytes. What the interpreter keeps besides is bounded by numbers of bytes for each tensor and operator
that are no less than what it takes on a computer of 64 bits; a microcontroller's pointers have half as many.
"""

from __future__ import annotations

from .graph import Graph, Operator, Step

ALIGNED = 16
_FIXED, _TENSOR, _OPERATOR, _INDEX = 1600, 40, 160, 8
_TABLES = {Operator.SOFTMAX: 2 * 513 * 2 + 64}
"""Tables that an operator of 16 bits makes for itself."""
_PATCHES, _PATCH = frozenset({Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D}), 8


def arena_bytes(graph: Graph) -> int:
    """Bytes of the tensor arena that are enough, a multiple of 16."""
    return _aligned(planned_bytes(graph) + _kept_bytes(graph))


def planned_bytes(graph: Graph) -> int:
    """Bytes of all activations together, those that are never needed at once in one place."""
    spans = _spans(graph)
    placed: list[tuple[int, int, int, int]] = []  # start, end, first use, last use
    for index in sorted(spans, key=lambda i: (-graph.tensors[i].bytes, spans[i][0])):
        first, last = spans[index]
        size, start = _aligned(graph.tensors[index].bytes), 0
        for low, high, begin, end in sorted(placed):
            if begin <= last and first <= end and low < start + size and start < high:
                start = high
        placed.append((start, start + size, first, last))
    return max((end for _, end, *_ in placed), default=0)


def _spans(graph: Graph) -> dict[int, tuple[int, int]]:
    """From which operator to which each activation is needed."""
    spans: dict[int, tuple[int, int]] = {index: (0, 0) for index in graph.inputs}
    for number, step in enumerate(graph.steps):
        for index in (*step.inputs, *step.outputs):
            if graph.tensors[index].data is None:
                spans[index] = spans.get(index, (number, number))[0], number
    for index in graph.outputs:
        spans[index] = spans[index][0], len(graph.steps)
    return spans


def _kept_bytes(graph: Graph) -> int:
    """What the interpreter keeps of tensors and operators."""
    return _FIXED + _TENSOR * len(graph.tensors) + sum(_of_step(graph, step) for step in graph.steps)


def _of_step(graph: Graph, step: Step) -> int:
    """Its record, tables that it makes, and of a convolution the patches that optimised kernels copy."""
    size = _OPERATOR + _INDEX * (len(step.inputs) + len(step.outputs)) + _TABLES.get(step.operator, 0)
    if step.operator not in _PATCHES:
        return size
    _, rows, columns, channels = graph.tensors[step.inputs[1]].shape
    return size + _PATCH * rows * columns * channels


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED
