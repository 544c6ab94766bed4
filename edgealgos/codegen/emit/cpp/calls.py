"""What runs an op: a call of its kernel, one function an op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgealgos.codegen.ops import motion
from edgealgos.codegen.ops.sound import exponent_offset
from edgealgos.codegen.program.ir import (
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
    TreeWalk,
    WindowStatistics,
    kernel_headroom,
)
from edgealgos.codegen.targets.avr.forms import in_one, is_code, label_told

from . import assembly
from .literals import c_type
from .tables import rows_of


def statement(program: Program, op: Op) -> str:
    """What runs an op: the call of its kernel; where it is straight-line code as a whole, of either."""
    plain = f"  {_CALLS[type(op)](program, op)}"
    if isinstance(op, ArgMax) and label_told(program, op):
        on_avr = f"return {assembly.label(op)};"
    elif in_one(program, op):
        on_avr = assembly.call(program, op)
    else:
        return plain
    return f"#if defined(__AVR__)\n  {on_avr}\n#else\n{plain}\n#endif"


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
    return f"{call}({rows_of(matrix)}, {bias}, {op.vector}, {_ref(program, op.out)}, {rows}, {_size(columns)});"


def _tree_walk(program: Program, op: TreeWalk) -> str:
    _, outputs, width = program[op.weights].shape
    z = program[op.vector].type.frac
    assert op.w_type is not None
    shift_w = program[op.weights].type.frac + z - op.w_type.frac
    shift_v = program[op.gates].type.frac + z - 7
    branches = _or_null(program, op.branches, c_type(program[op.weights].type))
    call = f"edgealgos::tree_walk<int{op.acc_bits}_t, {shift_w}, {shift_v}, {op.depth}>"
    matrices = f"{rows_of(program[op.weights])}, {rows_of(program[op.gates])}"
    tables = f"{matrices}, {branches}, {_or_null(program, op.bias)}"
    return f"{call}({tables}, {op.vector}, {_ref(program, op.out)}, {outputs}, {width});"


def _prototype_score(program: Program, op: PrototypeScore) -> str:
    count, width = program[op.prototypes].shape
    frac, headroom = 2 * program[op.vector].type.frac, kernel_headroom(program, op)
    call = f"edgealgos::prototype_score<int{op.acc_bits}_t, {frac}, {headroom}, {count}>"
    prototypes = (
        f"{op.prototypes}_rows()" if is_code(program[op.prototypes]) else f"edgealgos::prototypes({op.prototypes})"
    )
    tables = f"{prototypes}, {rows_of(program[op.labels])}, {_or_null(program, op.bias)}"
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


_CALLS: dict[type[Op], Callable[[Program, Any], str]] = {
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
