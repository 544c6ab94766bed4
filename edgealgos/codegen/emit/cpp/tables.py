"""Constants of a program as flash holds them, and the readers that kernels take their rows through.

Asks each storage for its tables and its reader; knows none by name.
"""

from __future__ import annotations

from edgealgos.codegen.program.op import Op
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.program.tensor import Tensor
from edgealgos.codegen.storage.record import storage_of, tensor_bytes
from edgealgos.codegen.targets.avr.forms import form_of, is_code, not_stored

from .literals import c_type, number_lines, power_of_two


def constant(program: Program, tensor: Tensor) -> str:
    """A table, or straight-line code with the table for processors that do not speak it."""
    if tensor.name in not_stored(program):
        return f"#if !defined(__AVR_HAVE_MUL__)  // there, sums begin with it\n{_table(tensor)}#endif\n"
    if not is_code(tensor):
        return _table(tensor)
    op = next(op for op in program.ops() if tensor.name in op.reads)
    form, reader, left = form_of(op), _table_rows(op, tensor), tensor.table
    assert form is not None, op
    left_table, left_reader = (_table(left), _table_rows(op, left)) if left is not None else ("", "")
    functions = form.functions(program, op, tensor.name, left_reader if tensor.unrolled else "")
    return (
        f"#if defined(__AVR_HAVE_MUL__)\n{left_table}{functions}\n#else\n{_table(tensor)}"
        f"inline decltype({reader}) {tensor.name}_rows() {{\n  return {reader};\n}}\n#endif\n"
    )


def _table(tensor: Tensor) -> str:
    shape = " x ".join(map(str, tensor.shape))
    doc = f"{tensor.doc}: " if tensor.doc else ""
    lines = [
        f"// {doc}{shape}, int{tensor.type.bits}, real = raw * {power_of_two(-tensor.type.frac)}, {tensor.storage}, "
        f"{tensor_bytes(tensor)} bytes"
    ]
    for part in storage_of(tensor).tables(tensor):
        kind, size = part.kind or c_type(tensor.type), max(part.values.size, 1)  # C++ has no empty arrays
        values = number_lines(part.values if part.values.size else [0])
        lines += [f"const {kind} {tensor.name}{part.suffix}[{size}] EDGEALGOS_FLASH = {{", values, "};"]
    return "\n".join(lines) + "\n"


def rows_of(op: Op, tensor: Tensor) -> str:
    """Reader of a matrix' rows, as an op takes it."""
    return f"{tensor.name}_rows()" if is_code(tensor) else _table_rows(op, tensor)


def _table_rows(op: Op, tensor: Tensor) -> str:
    reader = op.reader(tensor.name)
    return storage_of(tensor).reader(tensor) if reader is None else f"{reader}({tensor.name})"


def masks_of(tensor: Tensor) -> str:
    """Table of the masks of a matrix, or a null pointer."""
    return f"{tensor.name}_bits" if storage_of(tensor).masked else "nullptr"
