"""Bonsai's tree without branches: all nodes are computed, and those off the path count for nothing."""

from __future__ import annotations

import numpy as np

from ..ops import TreeWalk
from ..program.qtype import CANDIDATE
from .graph import Value
from .writer import WIDE, Reals, Writer, translate


@translate.register
def _(op: TreeWalk, writer: Writer) -> Value:
    nodes, outputs, _ = writer.program[op.weights].shape
    z, flat = writer.values[op.vector], (nodes * outputs, -1)
    steps = [writer.program[name].type.step for name in (op.weights, op.gates)]
    weights, gates = (writer.real(name).reshape(flat) for name in (op.weights, op.gates))
    assert op.w_type is not None
    made = writer.product("node_scores", z, weights, None, op.w_type.step, step=steps[0])
    gate = writer.product("node_gates", z, gates, None, WIDE, step=steps[1])
    gate = writer.least("node_gate", gate, CANDIDATE.high * CANDIDATE.step)
    votes = writer.times("node_votes", made, gate, op.w_type.step)
    if op.branches is not None:
        path = writer.reshaped(_on_path(op, writer, z), (1, nodes, 1))
        votes = writer.times("path_votes", writer.reshaped(votes, (1, nodes, outputs)), path, op.w_type.step)
    bias = np.zeros(outputs) if op.bias is None else writer.real(op.bias)
    total = np.tile(np.eye(outputs), nodes)
    return writer.product(op.out, writer.reshaped(votes, (1, nodes * outputs)), total, bias,
                          writer.scale_of(op.out), step=1.0)  # fmt: skip


def _on_path(op: TreeWalk, writer: Writer, z: Value) -> Value:
    """1 of the nodes that a row passes, 0 of the others.

    Every inner node says 1 or -1; a node is passed where all above it say what leads to it.
    """
    assert op.branches is not None
    step = writer.program[op.branches].type.step
    reach = float(np.abs(writer.real(op.branches)).sum(axis=1).max()) * _largest(z)
    scale = reach / 32767
    sides = writer.product("branches", z, op.branches, None, scale, step=step)
    half = writer.words("half_a_step", np.array([scale]), scale)
    odd = writer.difference("odd_branches", writer.sum("doubled", sides, sides, scale), half, scale)
    unit = 2.0**-15
    said = writer.requantized(odd, "int16", scale * unit)
    return writer.product("path", said, *_paths(op.depth, scale), WIDE, rectify=True)


def _largest(z: Value) -> float:
    return 32767 * z.step if z.dtype == "int16" else 127 * z.step


def _paths(depth: int, said: float) -> tuple[Reals, Reals]:
    """Matrix and bias: over numbers of magnitude `said`, what must be positive at every node."""
    inner = 2**depth - 1
    matrix, bias = np.zeros((2 ** (depth + 1) - 1, inner)), np.ones(2 ** (depth + 1) - 1)
    for node in range(1, len(matrix)):
        above = (node - 1) // 2
        matrix[node] = matrix[above]
        matrix[node, above] = 1.0 if node == 2 * above + 1 else -1.0
        bias[node] = bias[above] - 1.0
    return matrix / said, bias
