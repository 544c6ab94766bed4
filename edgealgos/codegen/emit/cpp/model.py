"""The files of a model: header and source. Fills templates with what its sisters print."""

from __future__ import annotations

import numpy as np

from edgealgos.codegen.program.decimals import decimal_scales
from edgealgos.codegen.program.memory import MemoryPlan, plan_memory
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.program.scores import REJECTED
from edgealgos.codegen.program.tensor import Space, Tensor

from .calls import body_of
from .literals import c_float, c_string, c_type, float_lines, folded, power_of_two
from .names import identifiers
from .tables import constant
from .template import template

_REST = ", float rest = 0.0f"  # of a raw value: what a float leaves out; features far from zero need it


def model_header(program: Program, name: str) -> str:
    """Text of ``<name>_model.h``."""
    return template("model.h").substitute(
        name=name,
        guard=f"EDGEALGOS_{name}_MODEL_H",
        family=program.family,
        input_type=c_type(program.input.type),
        features=program.input.size,
        low=program.encoding.low,
        high=program.encoding.high,
        score_type=c_type(program.output.type),
        rest=_REST if program.encoding.wide else "",
        decimal="" if decimal_scales(program.encoding) is None else template("quantize_decimal.h").template,
        constants="".join(f"constexpr {row}\n" for row in _constants(program)),
        names=_input_names(program),
        functions=_declarations(program),
    )


def _input_names(program: Program) -> str:
    """Indices of the inputs by name, where they have names."""
    if not program.input_names:
        return ""
    rows = [f"  {identifier} = {index},\n" for index, identifier in enumerate(identifiers(program.input_names))]
    return template("inputs.h").substitute(rows="".join(rows))


def model_source(program: Program, name: str) -> str:
    """Text of ``<name>_model.cpp``."""
    plan = plan_memory(program)
    return template("model.cpp").substitute(
        name=name,
        tables="\n".join(constant(program, t) for t in program.tensors if _is_table(t)),
        memory=memory(program, plan),
        functions=_definitions(program, plan),
        quantize=_quantize(program) + _quantize_decimal(program),
        labels=_label_table(program),
    )


def _constants(program: Program) -> list[str]:
    """Typed constants of the header."""
    frac = program.output.type.frac
    rows = []
    if program.steps is not None:
        rows.append(f"uint16_t kStepCount = {program.steps};  // time steps of a whole sequence")
    if program.task == "classifier":
        rows.append(f"uint8_t kClassCount = {len(program.labels)};")
        if program.least_share:
            said = f"what predict() says where no class is {program.least_share}/256 likely"
            rows.append(f"uint8_t kRejected = {REJECTED};  // {said}")
        rows.append(f"int8_t kScoreFrac = {frac};  // real score = raw * {power_of_two(-frac)}")
    else:
        rows.append(f"uint8_t kOutputCount = {program.output.size};")
        rows.append(f"int8_t kOutputFrac = {frac};  // real = raw * {power_of_two(-frac)}")
    rows.append(
        f"uint8_t kScoreCount = {program.output.size};  // one for two classes or a regressor, else one a class"
    )
    return rows


def _declarations(program: Program) -> str:
    name = "model_api_sequence" if program.steps is not None else "model_api_sample"
    counted = any(op.counts_steps for op in program.functions.get("push", ()))
    more = " More than kStepCount of them are ignored until reset()." if counted else ""
    return template(f"{name}_{program.task}.h").substitute(more=more, link=program.link.title).rstrip("\n")


def _is_table(tensor: Tensor) -> bool:
    return tensor.space is Space.FLASH and tensor.shape != ()


def memory(program: Program, plan: MemoryPlan) -> str:
    """Static memory: the arena of scratch tensors, the state, the scores."""
    lines = []
    if plan.arena_bytes:
        lines.append(f"alignas(int32_t) uint8_t arena[{plan.arena_bytes}];  // scratch tensors, packed by live range")
        for name, offset in plan.offsets.items():
            kind = c_type(program[name].type)
            lines.append(f"{kind} *const {name} = reinterpret_cast<{kind} *>(arena + {offset});")
    for tensor in program.tensors:
        if tensor.space is Space.STATE:
            lines.append(f"{c_type(tensor.type)} {tensor.name}[{tensor.size}];  // state, survives between steps")
    output = program.output
    lines.append(f"{c_type(output.type)} {output.name}_[{output.size}];")
    if program.task == "classifier":
        lines.append(f"typedef {program.link.kernel(output.type.frac)} Link;  // {program.link.title}")
    return "\n".join(lines)


def _definitions(program: Program, plan: MemoryPlan) -> str:
    bodies = {f: body_of(program, body) for f, body in program.functions.items()}
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


def _quantize(program: Program) -> str:
    """Body of quantize(): the only place with floating point, dropped by the linker where nobody calls it."""
    encoding = program.encoding
    offset = encoding.offset.astype(np.float32)
    columns = {"kOffset": offset, "kScale": encoding.scale}
    if encoding.wide:
        columns["kOffsetRest"] = (encoding.offset - offset).astype(np.float32)
    if encoding.uniform:
        tables, unused = "", "  (void)feature;\n"
        read = {name: c_float(values[0]) for name, values in columns.items()}
    else:
        tables = "".join(
            f"static const float {name}[{values.size}] EDGEALGOS_FLASH = {{\n{float_lines(values)}\n}};\n"
            for name, values in columns.items()
        )
        read, unused = {name: f"edgealgos::flash({name} + feature)" for name in columns}, ""
    distance = f"value - {read['kOffset']}"
    if encoding.wide:
        distance = f"({distance}) + (rest - {read['kOffsetRest']})"
    head = f"{unused}  const float scaled = edgealgos::rounded(({distance}) * {read['kScale']}) + 0.5f;"
    kind = c_type(program.input.type)
    return (
        template("quantize.cpp")
        .substitute(tables=tables, head=head, input_type=kind, rest=", float rest" if encoding.wide else "")
        .rstrip("\n")
    )


def _quantize_decimal(program: Program) -> str:
    """quantize_decimal(), where 32 bits hold the numbers that people type."""
    scales = decimal_scales(program.encoding)
    if scales is None:
        return ""
    rows = [f"{{{s.zero}, {s.fraction}, {s.multiplier}, {s.shift}, {s.decimals}}}" for s in scales]
    if program.encoding.uniform:
        tables, scale = "", f"  (void)feature;\n  const edgealgos::DecimalScale scale = {rows[0]};"
    else:
        lines = "".join(f"    {row},\n" for row in rows)
        tables = f"static const edgealgos::DecimalScale kDecimals[{len(rows)}] EDGEALGOS_FLASH = {{\n{lines}}};\n"
        scale = "  const edgealgos::DecimalScale scale = edgealgos::scale_at(kDecimals + feature);"
    return template("quantize_decimal.cpp").substitute(tables=tables, scale=scale).rstrip("\n")


def _label_table(program: Program) -> str:
    if program.task != "classifier":
        return ""
    texts = program.label_texts
    strings = "\n".join(f"const char label_{i}[] EDGEALGOS_FLASH = {c_string(t)};" for i, t in enumerate(texts))
    facts = {
        "table": folded(f"{{{', '.join(f'label_{i}' for i in range(len(texts)))}}};", "    "),
        "count": len(program.labels),
        "otherwise": len(texts) - 1 if program.least_share else 0,
        "longest": max(len(text.encode("utf-8")) for text in texts) + 1,
    }
    return template("labels.cpp").substitute(facts, strings=strings).rstrip("\n")
