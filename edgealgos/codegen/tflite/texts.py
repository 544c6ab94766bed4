"""The C++ files and the manifest beside a .tflite file; knows a graph and a program's frame, writes nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from edgealgos._version import VERSION

from ..emit.cpp.literals import c_float, c_string, number_lines
from ..program.program import Program
from .build import Built, is_told
from .graph import Graph, Operator, Value

_METHODS = {
    Operator.ADD: "AddAdd", Operator.AVERAGE_POOL_2D: "AddAveragePool2D", Operator.CONV_2D: "AddConv2D",
    Operator.DEPTHWISE_CONV_2D: "AddDepthwiseConv2D", Operator.FULLY_CONNECTED: "AddFullyConnected",
    Operator.LOGISTIC: "AddLogistic", Operator.MAX_POOL_2D: "AddMaxPool2D", Operator.MINIMUM: "AddMinimum",
    Operator.MUL: "AddMul", Operator.PAD: "AddPad", Operator.QUANTIZE: "AddQuantize", Operator.RESHAPE: "AddReshape",
    Operator.SOFTMAX: "AddSoftmax", Operator.SPLIT: "AddSplit", Operator.SUB: "AddSub", Operator.TANH: "AddTanh",
}  # fmt: skip
"""What MicroMutableOpResolver calls them."""


def operators_of(graph: Graph) -> list[Operator]:
    """Those that a graph needs, each once, by name."""
    return sorted({step.operator for step in graph.steps}, key=lambda operator: operator.name)


def source(name: str, stem: str, content: bytes) -> str:
    """The file's bytes as a C array; `stem` is that of the header's file."""
    return (
        f'#include "{stem}.h"\n\nnamespace {name} {{\n\nalignas(16) const unsigned char kModel[] = {{\n'
        f"{number_lines(np.frombuffer(content, np.uint8))}\n}};\n\n}}  // namespace {name}\n"
    )


def header(name: str, program: Program, built: Built, size: int, arena: int) -> str:
    """How to call the model: sizes, operators, raw features in, a label or a number out."""
    taken, operators = built.graph.tensors[built.graph.inputs[0]], operators_of(built.graph)
    added = " &&\n         ".join(f"resolver.{_METHODS[o]}() == 0" for o in operators)
    shape = " x ".join(str(n) for n in taken.shape[1:])
    return f"""\
// {program.family} for TensorFlow Lite for Microcontrollers, made by edgealgos {VERSION}.
// Input: {shape} int8, each quantize(its place, raw value). Output: {_outcome(program)}
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace {name} {{

constexpr size_t kModelSize = {size};
extern const unsigned char kModel[];  // for tflite::GetModel
constexpr size_t kArenaSize = {arena};  // bytes of the tensor arena that are enough
constexpr size_t kInputCount = {int(np.prod(taken.shape))};
constexpr size_t kOutputCount = {int(np.prod(built.output.shape))};
constexpr int kOperatorCount = {len(operators)};  // of tflite::MicroMutableOpResolver<kOperatorCount>

// Tells a resolver which operators the model needs; false where one was refused (kTfLiteOk is 0).
template <typename Resolver>
bool add_operators(Resolver &resolver) {{
  return {added};
}}

{_quantize(program)}
{_answer(program, built.output)}
}}  // namespace {name}
"""


def _outcome(program: Program) -> str:
    if program.task != "classifier":
        return "one int8, value() of it"
    return f"int8, one {'for the second class' if len(program.labels) <= 2 else 'a class'}: (it + 128) / 256 likely"


def _floats(name: str, values: Any) -> str:
    return f"  static const float {name}[] = {{{', '.join(c_float(v) for v in np.ravel(values))}}};"


def _quantize(program: Program) -> str:
    encoding = program.encoding
    offset = encoding.offset.astype(np.float32)
    count = offset.size
    place = (
        "0" if count == 1 else "place" if count == program.input.size and program.steps is None else f"place % {count}"
    )
    unused = "  (void)place;\n" if count == 1 else ""
    far = encoding.offset - offset
    rest = f"\n{_floats('kRest', far)}" if encoding.wide else ""
    less = " - kRest[at]" if encoding.wide else ""
    return f"""\
// Input of the raw feature at a place of a sample, counted row by row.
inline int8_t quantize(size_t place, float raw) {{
{_floats("kOffset", offset)}
{_floats("kFactor", encoding.scale)}{rest}
{unused}  const size_t at = {place};
  const float q = std::floor((raw - kOffset[at]{less}) * kFactor[at] + 0.5f);
  return q < {encoding.low} ? {encoding.low} : q > {encoding.high} ? {encoding.high} : static_cast<int8_t>(q);
}}
"""


def _answer(program: Program, output: Value) -> str:
    if program.task != "classifier":
        return f"""\
// The number that an output means.
inline float value(int8_t output) {{ return (output - {output.zero}) * {c_float(output.step)}; }}
"""
    labels = ", ".join(c_string(str(label)) for label in program.labels)
    if output.shape[-1] == 1:
        body = "  return output[0] >= 0 ? 1 : 0;"
    else:
        body = """\
  size_t best = 0;
  for (size_t i = 1; i < kOutputCount; ++i) {
    if (output[i] > output[best]) best = i;
  }
  return best;"""
    return f"""\
// Which class the outputs choose.
inline size_t class_of(const int8_t *output) {{
{body}
}}

constexpr const char *kLabels[] = {{{labels}}};
"""


def manifest(name: str, program: Program, built: Built, size: int, arena: int) -> str:
    """The same facts for programs."""
    encoding, output = program.encoding, built.output
    taken = built.graph.tensors[built.graph.inputs[0]]
    facts: dict[str, Any] = {
        "name": name, "made_by": f"edgealgos {VERSION}", "family": program.family, "task": program.task,
        "model_bytes": size, "arena_bytes": arena,
        "arena": "an upper bound: activations planned as the interpreter does, its records counted for 64 bits",
        "operators": [operator.name for operator in operators_of(built.graph)],
        "input": {
            "shape": list(taken.shape), "dtype": "int8", "scale": taken.scale, "zero_point": taken.zero,
            "quantize": "clip(floor((raw - offset) * factor + 0.5), low, high)",
            "offset": encoding.offset.tolist(), "factor": encoding.scale.astype(float).tolist(),
            "low": encoding.low, "high": encoding.high, "names": list(program.feature_names),
        },
        "output": {"shape": list(output.shape), "dtype": "int8", "scale": output.scale, "zero_point": output.zero},
    }  # fmt: skip
    if program.task == "classifier":
        facts["labels"] = list(program.labels)
        facts["output"]["meaning"] = "how likely each class is" if output.shape[-1] > 1 else "how likely labels[1] is"
        if not is_told(program):
            facts["output"]["meaning"] += ", by a softmax of the scores: no probabilities of the model itself"
        facts["output"]["scores_times"] = built.sharpness
    return json.dumps(facts, indent=1, ensure_ascii=False, default=str) + "\n"
