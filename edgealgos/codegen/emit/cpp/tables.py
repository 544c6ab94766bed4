"""Constants of a program as flash holds them, and the readers that kernels take their rows through."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgealgos.codegen.passes.pack_weights import BLOCK_ROWS, codebook, tensor_bytes
from edgealgos.codegen.program.ir import Op, Program, PrototypeScore, Tensor
from edgealgos.codegen.targets.avr.forms import is_code, not_stored, rest

from . import assembly
from .literals import c_type, number_lines


def constant(program: Program, tensor: Tensor) -> str:
    """A table, or straight-line code with the table for processors that do not speak it."""
    if tensor.name in not_stored(program):
        return f"#if !defined(__AVR__)  // there, sums begin with it\n{_table(tensor)}#endif\n"
    if not is_code(tensor):
        return _table(tensor)
    op = next(op for op in program.ops() if tensor.name in op.reads)
    reader = f"edgealgos::prototypes({tensor.name})" if _is_prototypes(op, tensor) else _table_rows(tensor)
    left = rest(tensor)
    left_table, left_reader = (_table(left), _table_rows(left)) if left is not None else ("", "")
    functions = assembly.functions(program, op, tensor.name, left_reader if tensor.unrolled else "")
    return (
        f"#if defined(__AVR__)\n{left_table}{functions}\n#else\n{_table(tensor)}"
        f"inline decltype({reader}) {tensor.name}_rows() {{ return {reader}; }}\n#endif\n"
    )


def _is_prototypes(op: Op, tensor: Tensor) -> bool:
    return isinstance(op, PrototypeScore) and op.prototypes == tensor.name


def _table(tensor: Tensor) -> str:
    shape = " x ".join(map(str, tensor.shape))
    doc = f"{tensor.doc}: " if tensor.doc else ""
    comment = (
        f"// {doc}{shape}, int{tensor.type.bits}, real = raw * 2^-{tensor.type.frac}, {tensor.storage}, "
        f"{tensor_bytes(tensor)} bytes"
    )
    lines, kind = [comment], c_type(tensor.type)
    if "bitmap" in tensor.storage:
        bits = np.packbits(tensor.values.reshape(-1, tensor.shape[-1]) != 0, axis=1, bitorder="little")
        lines += [f"const uint8_t {tensor.name}_bits[{bits.size}] EDGEALGOS_FLASH = {{", number_lines(bits), "};"]
    if starts := _block_starts(tensor):
        lines += [f"const uint16_t {tensor.name}_starts[{tensor.shape[0]}] EDGEALGOS_FLASH = {{", starts, "};"]
    if tensor.storage.startswith("codebook"):
        book = codebook(tensor)
        lines += [f"const {kind} {tensor.name}_book[{book.size}] EDGEALGOS_FLASH = {{", number_lines(book), "};"]
    values = in_blocks(tensor.values) if tensor.storage == "blocks" else np.concatenate(_stored_rows(tensor))
    if tensor.storage.startswith(("nibble", "codebook")):
        kind = "uint8_t"
    if values.size == 0:
        values = np.zeros(1, np.int64)  # C++ has no empty arrays
    lines += [f"const {kind} {tensor.name}[{values.size}] EDGEALGOS_FLASH = {{", number_lines(values), "};"]
    return "\n".join(lines) + "\n"


def _stored_rows(tensor: Tensor) -> list[NDArray[Any]]:
    """What flash holds of each row, masks apart."""
    rows = list(tensor.values.reshape(-1, tensor.shape[-1] if tensor.shape else 1))
    if tensor.storage == "indexed":
        return [_indexed(row) for row in rows]
    if "bitmap" in tensor.storage:
        rows = [row[row != 0] for row in rows]
    if tensor.storage.startswith("codebook"):
        rows = [np.searchsorted(codebook(tensor), row) for row in rows]
    if tensor.storage.startswith("nibble"):
        rows = [row & 15 for row in rows]
    return [_paired(row) for row in rows] if tensor.storage.startswith(("nibble", "codebook16")) else rows


def _indexed(row: NDArray[Any]) -> NDArray[Any]:
    """How many weights are not zero, then each of them behind the number of columns to go on; as signed bytes."""
    columns = np.flatnonzero(row)
    pairs = np.stack([np.diff(columns, prepend=0), row[columns]], axis=1)
    return np.append([columns.size], pairs).astype(np.uint8).astype(np.int8)


def _paired(halves: NDArray[Any]) -> NDArray[Any]:
    """Numbers of four bits, two in a byte, the first one below."""
    even = np.append(halves, [0] * (halves.size % 2)).astype(np.int64)
    return even[0::2] | even[1::2] << 4


def in_blocks(matrices: NDArray[Any]) -> NDArray[Any]:
    """Values of each matrix in blocks of four rows, column by column; the rows that are left over as they are."""
    rows, columns = matrices.shape[-2:]
    full = rows - rows % BLOCK_ROWS
    split = matrices.reshape(-1, rows, columns)
    blocks = split[:, :full].reshape(-1, full // BLOCK_ROWS, BLOCK_ROWS, columns).swapaxes(2, 3)
    return np.concatenate([blocks.reshape(len(split), -1), split[:, full:].reshape(len(split), -1)], axis=1)


def _block_starts(tensor: Tensor) -> str:
    """Index of each block's first value, for blocks of matrices whose rows differ in length or are codes."""
    if len(tensor.shape) != 3 or tensor.shape[0] == 1 or tensor.storage in ("dense", "blocks", "nibbles"):
        return ""
    counts = np.array([row.size for row in _stored_rows(tensor)]).reshape(tensor.shape[:2]).sum(axis=1)
    return number_lines(np.cumsum(counts) - counts)


def rows_of(tensor: Tensor) -> str:
    """Reader of a matrix' rows."""
    return f"{tensor.name}_rows()" if tensor.unrolled else _table_rows(tensor)


def _table_rows(tensor: Tensor) -> str:
    name = tensor.name
    starts = f", {name}_starts" if _block_starts(tensor) else ""
    masks = f"{name}_bits, " if "bitmap" in tensor.storage else ""
    if tensor.storage.startswith("codebook"):
        halves = "true" if tensor.storage.startswith("codebook16") else "false"
        return f"edgealgos::codebook<{halves}>({masks or 'nullptr, '}{name}, {name}_book{starts})"
    return f"edgealgos::{tensor.storage}({masks}{name}{starts})"
