"""Checks that a program is well-formed: names, assignment, shapes. Knows programs alone."""

from __future__ import annotations

from .ir import (
    Add,
    CountStep,
    Decimate,
    GatedUpdate,
    KeepConfident,
    LeakyUpdate,
    LogBands,
    MatVec,
    NormalizeBands,
    Op,
    PowerSpectrum,
    Program,
    PrototypeScore,
    PushColumn,
    Rescale,
    Settle,
    SlideWindow,
    Space,
    Standardize,
    StartWindow,
    TreeWalk,
)

Shape = tuple[int, ...]


def verify(program: Program) -> Program:
    """Check names, shapes and assignment; returns the program, raises ValueError that names the culprit."""
    names = [t.name for t in program.tensors]
    if len(set(names)) != len(names):
        raise ValueError(f"two tensors share a name: {sorted(n for n in names if names.count(n) > 1)}")
    for tensor in program.tensors:
        if (tensor.data is not None) != (tensor.space is Space.FLASH):
            raise ValueError(f"tensor {tensor.name!r}: exactly the FLASH tensors have data")
        if tensor.data is not None and tensor.data.shape != tensor.shape:
            raise ValueError(f"tensor {tensor.name!r}: data of shape {tensor.data.shape}, declared {tensor.shape}")
    for function, body in program.functions.items():
        _verify_function(program, function, body)
    return program


def _verify_function(program: Program, function: str, body: tuple[Op, ...]) -> None:
    ready = {t.name for t in program.tensors if t.space in (Space.INPUT, Space.FLASH, Space.STATE)}
    written: set[str] = set()
    for op in body:
        for name in op.reads:
            if name not in ready:
                raise ValueError(f"{function}: {type(op).__name__} reads {name!r} before anything wrote it")
        if op.out in written and program[op.out].space is not Space.STATE:
            raise ValueError(f"{function}: {op.out!r} is written twice")
        if program[op.out].space in (Space.INPUT, Space.FLASH):
            raise ValueError(f"{function}: {type(op).__name__} writes to {op.out!r}, which is constant")
        _verify_shapes(program, op)
        ready.add(op.out)
        written.add(op.out)


def _verify_shapes(program: Program, op: Op) -> None:
    shape = {name: program[name].shape for name in (op.out, *op.reads)}
    for name, needed in _needed_shapes(op, shape).items():
        if shape[name] != needed:
            raise ValueError(f"{type(op).__name__}: {name!r} has shape {shape[name]}, needs {needed}")


def _needed_shapes(op: Op, shape: dict[str, Shape]) -> dict[str, Shape]:
    """Shapes of operands that follow from those of others."""
    needed: dict[str, Shape] = {}
    if isinstance(op, MatVec):
        rows, columns = shape[op.matrix]
        needed = {op.out: (rows,), op.vector: (columns,)}
        if op.bias is not None:
            needed[op.bias] = (rows,)
    elif isinstance(op, TreeWalk):
        nodes, outputs, width = shape[op.weights]
        needed = {op.out: (outputs,), op.vector: (width,), op.gates: (nodes, outputs, width)}
        if nodes != 2 ** (op.depth + 1) - 1:
            raise ValueError(f"TreeWalk: {nodes} nodes do not make a tree of depth {op.depth}")
        if op.branches is not None:
            needed[op.branches] = (2**op.depth - 1, width)
    elif isinstance(op, PrototypeScore):
        count, width = shape[op.prototypes]
        needed = {op.vector: (width,), op.labels: (*shape[op.out], count)}
    elif isinstance(op, (GatedUpdate, LeakyUpdate)):
        needed = {op.preactivation: shape[op.out], op.candidate_bias: shape[op.out]}
    elif isinstance(op, PushColumn):
        needed = {op.matrix: (shape[op.matrix][0], *shape[op.out]), op.vector: (1,), op.position: (2,)}
    elif isinstance(op, PowerSpectrum):
        needed = {op.source: (2 * shape[op.out][0],), op.turns: (shape[op.out][0] // 2, 2)}
    elif isinstance(op, LogBands):
        needed = {op.edges: (shape[op.out][0] + 2,)}
    elif isinstance(op, NormalizeBands):
        needed = {op.source: shape[op.out], op.levels: (shape[op.out][0] + 1,)}
    elif isinstance(op, CountStep):
        needed = {op.out: (1,)}
    elif isinstance(op, StartWindow):
        needed = {op.clock: (1,)}
    elif isinstance(op, KeepConfident):
        needed = {op.source: shape[op.out], op.clock: (1,)}
    elif isinstance(op, (Add, Rescale, Settle, Standardize)):
        needed = {name: shape[op.out] for name in op.reads}
    elif isinstance(op, Decimate):
        needed = {name: shape[op.out] for name in (op.vector, op.sums, op.centre, op.shift)} | {op.phase: (1,)}
    elif isinstance(op, SlideWindow):
        axes = shape[op.out][1:]
        needed = {name: axes for name in (op.frame, op.sums, op.squares) if name is not None} | {op.position: (1,)}
    return needed
