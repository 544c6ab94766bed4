"""Prints an integer program as C++: declarations and straight-line kernel calls. All thinking is done before.

Knows programs and the memory plan, nothing of estimators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import emit_unrolled, motion
from .ir import (
    Add,
    ArgMax,
    CountStep,
    Decimate,
    Frame,
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
    Tensor,
    TreeWalk,
    WindowStatistics,
    kernel_headroom,
)
from .passes.pack_weights import BLOCK_ROWS, codebook, tensor_bytes
from .plan import MemoryPlan, plan_memory
from .qtype import QType
from .spectrum import exponent_offset
from .tables import EXP2, LOG2, TANH
from .unrolled import in_one, is_code, not_stored, rest

_LINE = 110


def template(name: str) -> Template:
    """A whole-file template of the package."""
    return Template((resources.files(__package__) / "templates" / name).read_text(encoding="utf-8"))


def runtime_header() -> str:
    """The kernels in one file, the same text for every model, so that two models may share one sketch folder."""
    text = _runtime("edgealgos_runtime.h").replace("@EXP2@", number_lines(EXP2)).replace("@TANH@", number_lines(TANH))
    for mark, name in (
        ("@KERNELS@\n", "avr_kernels.h"),
        ("@STRAIGHT_LINE@\n", "straight_line.h"),
        ("@NIBBLES@\n", "nibbles.h"),
        ("@CODEBOOKS@\n", "codebooks.h"),
        ("@MOTION@\n", "motion.h"),
        ("@SPECTRUM@\n", "spectrum.h"),
    ):
        body = re.split(r"#define EDGEALGOS_\w+_H\n(?:\n#include <stdint.h>\n)?", _runtime(name), maxsplit=1)[1].rsplit(
            "#endif", 1
        )[0]
        text = text.replace(mark, body.lstrip("\n"))
    return text.replace("@LOG2@", number_lines(LOG2))


def _runtime(name: str) -> str:
    return (resources.files(__package__) / "runtime" / name).read_text(encoding="utf-8")


def model_header(program: Program, name: str) -> str:
    """Text of ``<name>_model.h``."""
    return template("model.h").substitute(
        name=name,
        guard=f"EDGEALGOS_{name.upper()}_MODEL_H",
        family=program.family,
        input_type=c_type(program.input.type),
        features=program.input.size,
        low=program.encoding.low,
        high=program.encoding.high,
        score_type=c_type(program.output.type),
        constants="".join(f"constexpr {row}\n" for row in _constants(program)),
        functions=_declarations(program),
    )


def model_source(program: Program, name: str) -> str:
    """Text of ``<name>_model.cpp``."""
    plan = plan_memory(program)
    return template("model.cpp").substitute(
        name=name,
        tables="\n".join(_constant(program, t) for t in program.tensors if _is_table(t)),
        memory=_memory(program, plan),
        functions=_definitions(program, plan),
        quantize=_quantize(program),
        labels=_label_table(program),
    )


def c_type(qtype: QType) -> str:
    """C type of a raw value."""
    return f"int{qtype.container}_t"


def number_lines(values: Iterable[int] | NDArray[Any]) -> str:
    """Comma-separated integers, wrapped and indented."""
    lines, line = [], "   "
    for value in np.asarray(values).ravel().tolist():
        word = f" {value},"
        if len(line) + len(word) > _LINE:
            lines.append(line)
            line = "   "
        line += word
    return "\n".join([*lines, line])


def c_string(text: str) -> str:
    """A C string literal of any text: everything but plain ASCII as octal bytes of UTF-8, so nothing can escape it."""
    plain = set(range(0x20, 0x7F)) - {ord('"'), ord("\\"), ord("?")}
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode("utf-8")) + '"'


# ---- declarations --------------------------------------------------------------------------------------------------


def _constants(program: Program) -> list[str]:
    """Typed constants of the header."""
    frac = program.output.type.frac
    rows = []
    if program.steps is not None:
        rows.append(f"uint16_t kStepCount = {program.steps};  // time steps of a whole sequence")
    if program.task == "classifier":
        rows.append(f"uint8_t kClassCount = {len(program.labels)};")
        rows.append(f"int8_t kScoreFrac = {frac};  // real score = raw * 2^-{frac}")
    else:
        rows.append(f"uint8_t kOutputCount = {program.output.size};")
        rows.append(f"int8_t kOutputFrac = {frac};  // real = raw * 2^-{frac}")
    rows.append(
        f"uint8_t kScoreCount = {program.output.size};  // one for two classes or a regressor, else one a class"
    )
    return rows


def _declarations(program: Program) -> str:
    name = "model_api_sequence" if program.steps is not None else "model_api_sample"
    return template(f"{name}_{program.task}.h").template.rstrip("\n")


def _is_table(tensor: Tensor) -> bool:
    return tensor.space is Space.FLASH and tensor.shape != ()


def _constant(program: Program, tensor: Tensor) -> str:
    """A table, or straight-line code with the table for processors that do not speak it."""
    if tensor.name in not_stored(program):
        return f"#if !defined(__AVR__)  // there, sums begin with it\n{_table(tensor)}#endif\n"
    if not is_code(tensor):
        return _table(tensor)
    op = next(op for op in program.ops() if tensor.name in op.reads)
    reader = f"edgealgos::prototypes({tensor.name})" if _is_prototypes(op, tensor) else _table_rows(tensor)
    left = rest(tensor)
    left_table, left_reader = (_table(left), _table_rows(left)) if left is not None else ("", "")
    functions = emit_unrolled.functions(program, op, tensor.name, left_reader if tensor.unrolled else "")
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


def _rows(tensor: Tensor) -> str:
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


def _memory(program: Program, plan: MemoryPlan) -> str:
    """Static memory: the arena of scratch tensors, the state, the scores."""
    lines = []
    if plan.arena_bytes:
        lines.append(f"alignas(4) uint8_t arena[{plan.arena_bytes}];  // scratch tensors, packed by live range")
        for name, offset in plan.offsets.items():
            kind = c_type(program[name].type)
            lines.append(f"{kind} *const {name} = reinterpret_cast<{kind} *>(arena + {offset});")
    for tensor in program.tensors:
        if tensor.space is Space.STATE:
            lines.append(f"{c_type(tensor.type)} {tensor.name}[{tensor.size}];  // state, survives between steps")
    output = program.output
    lines.append(f"{c_type(output.type)} {output.name}_[{output.size}];")
    return "\n".join(lines)


# ---- functions -----------------------------------------------------------------------------------------------------


def _definitions(program: Program, plan: MemoryPlan) -> str:
    bodies = {f: "\n".join(_call(program, op) for op in body) for f, body in program.functions.items()}
    kind = "sequence" if program.steps is not None else "sample"
    state = [t for t in program.tensors if t.space is Space.STATE]
    return (
        template(f"model_{kind}_{program.task}.cpp")
        .substitute(
            predict=bodies["predict"],
            push=bodies.get("push", ""),
            reset="\n".join(f"  edgealgos::clear({t.name}, {t.size});" for t in state),
            input=program.input.name,
        )
        .rstrip("\n")
    )


def _call(program: Program, op: Op) -> str:
    plain = f"  {_CALLS[type(op)](program, op)}"
    if not in_one(program, op):
        return plain
    return f"#if defined(__AVR__)\n  {emit_unrolled.call(program, op)}\n#else\n{plain}\n#endif"


def _size(count: int) -> str:
    """A length, of the narrow type where it fits: kernels have a faster form for it."""
    return f"uint8_t({count})" if count < 256 else f"uint16_t({count})"


def _ref(program: Program, name: str | None) -> str:
    if name is None:
        return "nullptr"
    return f"{name}_" if program[name].space is Space.OUTPUT else name


def _or_null(program: Program, name: str | None, kind: str = "int32_t") -> str:
    return f"static_cast<const {kind} *>(nullptr)" if name is None else name


def _matvec(program: Program, op: MatVec) -> str:
    matrix, out = program[op.matrix], program[op.out]
    rows, columns = matrix.shape
    acc = f"int{op.acc_bits}_t"
    shift = matrix.type.frac + program[op.vector].type.frac - out.type.frac
    call = f"edgealgos::matvec<{acc}, {shift}, {out.type.bits}>"
    bias = _or_null(program, op.bias, acc)
    return f"{call}({_rows(matrix)}, {bias}, {op.vector}, {_ref(program, op.out)}, {rows}, {_size(columns)});"


def _tree_walk(program: Program, op: TreeWalk) -> str:
    _, outputs, width = program[op.weights].shape
    z = program[op.vector].type.frac
    assert op.w_type is not None
    shift_w = program[op.weights].type.frac + z - op.w_type.frac
    shift_v = program[op.gates].type.frac + z - 7
    branches = _or_null(program, op.branches, c_type(program[op.weights].type))
    call = f"edgealgos::tree_walk<int{op.acc_bits}_t, {shift_w}, {shift_v}, {op.depth}>"
    matrices = f"{_rows(program[op.weights])}, {_rows(program[op.gates])}"
    tables = f"{matrices}, {branches}, {_or_null(program, op.bias)}"
    return f"{call}({tables}, {op.vector}, {_ref(program, op.out)}, {outputs}, {width});"


def _prototype_score(program: Program, op: PrototypeScore) -> str:
    count, width = program[op.prototypes].shape
    frac, headroom = 2 * program[op.vector].type.frac, kernel_headroom(program, op)
    call = f"edgealgos::prototype_score<int{op.acc_bits}_t, {frac}, {headroom}, {count}>"
    prototypes = (
        f"{op.prototypes}_rows()" if is_code(program[op.prototypes]) else f"edgealgos::prototypes({op.prototypes})"
    )
    tables = f"{prototypes}, {_rows(program[op.labels])}, {_or_null(program, op.bias)}"
    return f"{call}({tables}, {op.vector}, {_ref(program, op.out)}, {program[op.out].size}, {width});"


_TANH = {"hard_tanh": "edgealgos::HardTanh", "tanh": "edgealgos::TableTanh"}


def _gated_update(program: Program, op: GatedUpdate) -> str:
    shifts = [12 - program[name].type.frac for name in (op.gate_bias, op.candidate_bias)]
    call = f"edgealgos::gated_update<{_TANH[op.nonlinearity]}, {shifts[0]}, {shifts[1]}>"
    scalars = f"{_scalar(program, op.zeta)}, {_scalar(program, op.nu)}"
    biases = f"{op.gate_bias}, {op.candidate_bias}"
    return f"{call}({op.preactivation}, {biases}, {scalars}, {op.out}, {program[op.out].size});"


def _leaky_update(program: Program, op: LeakyUpdate) -> str:
    shift = 12 - program[op.candidate_bias].type.frac
    return (
        f"edgealgos::leaky_update<{_TANH[op.nonlinearity]}, {shift}>({op.preactivation}, {op.candidate_bias}, "
        f"{_scalar(program, op.alpha)}, {_scalar(program, op.beta)}, {op.out}, {program[op.out].size});"
    )


def _scalar(program: Program, name: str) -> str:
    return str(int(program[name].values))


def _add(program: Program, op: Add) -> str:
    out = program[op.out]
    return f"edgealgos::add<{out.type.bits}>({op.a}, {op.b}, {op.out}, {out.size});"


def _rescale(program: Program, op: Rescale) -> str:
    out = program[op.out]
    shift = program[op.source].type.frac - out.type.frac
    return f"edgealgos::rescale_vector<{shift}, {out.type.bits}>({op.source}, {_ref(program, op.out)}, {out.size});"


def _push_column(program: Program, op: PushColumn) -> str:
    size = program[op.out].size
    masks = f"{op.matrix}_bits" if program[op.matrix].storage == "bitmap" else "nullptr"
    return f"edgealgos::push_column({masks}, {op.matrix}, {op.vector}, {op.out}, {op.position}, {_size(size)});"


def _settle(program: Program, op: Settle) -> str:
    out, source = program[op.out], program[op.source]
    bias = _or_null(program, op.bias, c_type(source.type))
    shift = source.type.frac - out.type.frac
    return f"edgealgos::settle<{shift}, {out.type.bits}>({op.source}, {bias}, {op.out}, {out.size});"


def _standardize(program: Program, op: Standardize) -> str:
    out = program[op.out]
    tables = f"{op.multiplier}, {op.addend}, {op.shift}"
    return f"edgealgos::standardize<{op.low}, {op.high}>({op.source}, {tables}, {op.out}, {_size(out.size)});"


def _decimate(program: Program, op: Decimate) -> str:
    state = f"{op.sums}, {op.phase}, {op.centre}, {op.shift}"
    call = f"edgealgos::decimate<{op.count}>({op.vector}, {state}, {op.out}, {program[op.out].size})"
    return f"if (!{call}) return;"


def _slide_window(program: Program, op: SlideWindow) -> str:
    frames, axes = program[op.out].shape
    bins = "0" if op.counts is None else str(_bin_bits(program, op.counts))
    wanted = ((op.sums, "int16_t"), (op.squares, "int32_t"), (op.counts, "int8_t"))
    state = ", ".join(name or f"static_cast<{kind} *>(nullptr)" for name, kind in wanted)
    return f"edgealgos::slide_window<{frames}, {bins}>({op.frame}, {op.out}, {op.position}, {state}, {axes});"


def _bin_bits(program: Program, counts: str) -> int:
    return program[counts].shape[1].bit_length() - 1


def _window_statistics(program: Program, op: WindowStatistics) -> str:
    frames, axes = program[op.window].shape
    inside = f"{op.window}, {op.position}[0]"
    bins = _bin_bits(program, op.counts) if op.counts is not None else 0
    calls = {
        "histogram": f"histogram<{frames}, {bins}>({op.counts}",
        "mean": f"mean<{frames}, {op.segments}>({inside}",
        "spread": f"spread<{frames}>({op.sums}, {op.squares}",
        "energy": f"energy<{motion.energy_shift(frames)}>({op.squares}",
        "crossings": f"crossings<{frames}, {op.threshold}>({inside}",
        "runs": f"runs<{frames}, {op.threshold}>({inside}",
    }
    lines, start = [], 0
    for kind in op.statistics:
        lines.append(f"edgealgos::window_{calls[kind]}, {_ref(program, op.out)} + {start}, {axes});")
        start += motion.sizes(axes, 1 << bins, op.segments)[kind]
    return "\n  ".join([*lines, "edgealgos::barrier();"])


def _frame(program: Program, op: Frame) -> str:
    hop, kept, length = program[op.source].size, program[op.history].size - 2, 2 * program[op.window].size - 2
    call = f"edgealgos::frame<{op.emphasis}, {op.most}, {-(-length // hop)}>"
    sizes = f"{hop}, {kept}, {program[op.out].size - 2}"
    return f"if (!{call}({op.source}, {op.history}, {op.window}, {op.out}, {sizes})) return;"


def _power_spectrum(program: Program, op: PowerSpectrum) -> str:
    bits = (program[op.out].size - 1).bit_length() - 1
    return f"edgealgos::power_spectrum<{bits}>({op.source}, {op.turns}, {op.floors});"


def _log_bands(program: Program, op: LogBands) -> str:
    points = program[op.source].size - 1
    call = f"edgealgos::log_bands<{exponent_offset(points)}>"
    return f"{call}({op.source}, {op.edges}, {op.weights}, {_ref(program, op.out)}, {program[op.out].size}, {points});"


def _normalize_bands(program: Program, op: NormalizeBands) -> str:
    call = f"edgealgos::normalize_bands<{op.share}, {op.slowness}>"
    return f"{call}({op.source}, {op.levels}, {_ref(program, op.out)}, {program[op.out].size});"


def _count_step(program: Program, op: CountStep) -> str:
    step = f"edgealgos::count_step({op.out}, {op.period});"
    if op.kept is None or op.limit is None:
        return step
    margin = f"edgealgos::margin({op.kept}, {program[op.kept].size})"
    return f"if ({margin} > {_scalar(program, op.limit)}u) return;  // the answer stands\n  {step}"


def _start_window(program: Program, op: StartWindow) -> str:
    size = program[op.out].size
    return f"if (!edgealgos::start_window({op.clock}, {op.first}, {op.period}, {op.out}, {size})) return;"


def _keep_confident(program: Program, op: KeepConfident) -> str:
    limit = "UINT32_MAX" if op.limit is None else f"{_scalar(program, op.limit)}u"
    ends = f"edgealgos::window_ends({op.clock}, {op.first}, {op.period})"
    return f"edgealgos::keep_confident({op.source}, {op.out}, {program[op.out].size}, {ends}, {limit});"


def _argmax(program: Program, op: ArgMax) -> str:
    return f"return edgealgos::argmax({_ref(program, op.source)}, {program[op.source].size});"


_CALLS: dict[type[Op], Any] = {
    MatVec: _matvec,
    TreeWalk: _tree_walk,
    PrototypeScore: _prototype_score,
    GatedUpdate: _gated_update,
    LeakyUpdate: _leaky_update,
    Add: _add,
    Rescale: _rescale,
    PushColumn: _push_column,
    Settle: _settle,
    Standardize: _standardize,
    Decimate: _decimate,
    SlideWindow: _slide_window,
    WindowStatistics: _window_statistics,
    Frame: _frame,
    PowerSpectrum: _power_spectrum,
    LogBands: _log_bands,
    NormalizeBands: _normalize_bands,
    CountStep: _count_step,
    StartWindow: _start_window,
    KeepConfident: _keep_confident,
    ArgMax: _argmax,
}


# ---- inputs and labels ---------------------------------------------------------------------------------------------


def _quantize(program: Program) -> str:
    """Body of quantize(): the only place with floating point, dropped by the linker where nobody calls it."""
    encoding = program.encoding
    if encoding.uniform:
        offset, scale = c_float(encoding.offset[0]), c_float(encoding.scale[0])
        head = f"  (void)feature;\n  const float scaled = (value - {offset}) * {scale} + 0.5f;"
        tables = ""
    else:
        tables = "".join(
            f"static const float {key}[{values.size}] EDGEALGOS_FLASH = {{\n{_float_lines(values)}\n}};\n"
            for key, values in (("kOffset", encoding.offset), ("kScale", encoding.scale))
        )
        read = "(value - edgealgos::flash(kOffset + feature)) * edgealgos::flash(kScale + feature)"
        head = f"  const float scaled = {read} + 0.5f;"
    kind = c_type(program.input.type)
    return template("quantize.cpp").substitute(tables=tables, head=head, input_type=kind).rstrip("\n")


def c_float(value: Any) -> str:
    """A float literal that reads back to the same float32."""
    text = np.format_float_scientific(np.float32(value), unique=True, trim="-")
    return f"{text}f"


def _float_lines(values: NDArray[np.floating]) -> str:
    return "\n".join(f"    {c_float(v)}," for v in values.tolist())


def _label_table(program: Program) -> str:
    if program.task != "classifier":
        return ""
    texts = [str(label) for label in program.labels]
    strings = "\n".join(f"const char label_{i}[] EDGEALGOS_FLASH = {c_string(t)};" for i, t in enumerate(texts))
    table = ", ".join(f"label_{i}" for i in range(len(texts)))
    return template("labels.cpp").substitute(strings=strings, table=table, count=len(texts)).rstrip("\n")
