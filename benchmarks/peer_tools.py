"""What each tool makes of a fitted model, in one sketch that is built and run alike; knows tools, no data sets."""

from __future__ import annotations

import contextlib
import copy
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rivals import somewhere_else
from sklearn.pipeline import make_pipeline

import edgealgos as ea
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.simulate.rows import run_rows

SKETCH = """\
#include <Arduino.h>
#include "call.h"
static input_t x[kCount];
static uint16_t place = 0;
static uint32_t value = 0;
static bool negative = false;
static void taken() {
  const int32_t number = negative ? -static_cast<int32_t>(value) : static_cast<int32_t>(value);
  if (place < kCount) set(x[place++], number);
  value = 0;
  negative = false;
}
void setup() {
  Serial.begin(115200);
  Serial.println(F("# model ready: rows"));
}
void loop() {
  if (!Serial.available()) return;
  const char c = Serial.read();
  if (c == '=') {
    place = 0;
  } else if (c == '-') {
    negative = true;
  } else if (c >= '0' && c <= '9') {
    value = 10 * value + (c - '0');
  } else if (c == ',') {
    taken();
  } else if (c == '\\n') {
    taken();
    Serial.println(static_cast<int>(ask(x)));
  }
}
"""
FLOATS = "typedef float input_t;\nstatic inline void set(float &x, int32_t bits) { memcpy(&x, &bits, 4); }\n"
INTEGERS = "typedef int{bits}_t input_t;\nstatic inline void set(input_t &x, int32_t value) {{ x = value; }}\n"
CALL = """\
#pragma once
#include <stdint.h>
#include <string.h>
constexpr uint16_t kCount = {count};
{types}
int ask(const input_t *x);
"""
SOURCE = """\
#include "call.h"
{includes}
__attribute__((noinline, noclone, used)) int ask(const input_t *x) {{
  {body}
}}
"""


class Refused(Exception):
    """A tool does not take the model, or the board not what the tool has made."""


@dataclass(frozen=True)
class Case:
    """A fitted model, the scaler in front of it, and rows, raw and scaled."""

    model: Any
    scaler: Any
    X_train: Any
    X_test: Any
    scaled_train: Any
    scaled_test: Any


@dataclass(frozen=True)
class Run:
    """Class indices and cycles of each row; bytes beyond those of the sketch without a model."""

    labels: Any
    cycles: Any
    flash: int
    ram: int
    total_ram: int


def run(tool: str, case: Case) -> Run:
    """Generate, build, simulate."""
    with tempfile.TemporaryDirectory() as scratch:
        bare, folder = Path(scratch) / "bare" / "model", Path(scratch) / "peer" / "model"
        for place in (bare, folder):
            place.parent.mkdir()
        rows = TOOLS[tool](case, folder)
        _call(bare, 1, INTEGERS.format(bits=8), "", "return x[0];")
        try:
            firmware = build_sketch(folder)
        except ea.EdgeAlgosError as error:
            raise Refused(_short(str(error))) from None
        without = run_rows(build_sketch(bare), rows[:3, :1] * 0, ["ask"])
        try:
            spent = run_rows(firmware, rows, ["ask"])
        except ea.SimulationError as error:
            raise Refused(f"crashes on the board: {str(error)[:100].replace('|', '/')}") from None
        if spent.ram_peak > 2048:
            raise Refused(f"stack overflow: {spent.ram_peak:,} bytes of RAM")
    return Run(spent.labels, spent.cycles, spent.flash_bytes - without.flash_bytes, spent.ram_peak - without.ram_peak,
               spent.ram_peak)  # fmt: skip


def _short(message: str) -> str:
    for part in ("data", "text"):
        match = re.search(rf"(?:{part}.*overflow|region `?'?{part}\S* overflowed by) ?(\d*)", message)
        if match:
            return f"does not fit: {'RAM' if part == 'data' else 'flash'} overflows by {match[1] or 'some'} bytes"
    for said, part in (("is not within region `data'", "RAM"), ("local objects too large", "the stack")):
        if said in message:
            return f"does not fit: {part} overflows"
    errors = [line for line in message.splitlines() if "error" in line] or message.splitlines()
    return "does not build: " + errors[0][:100].replace("|", "/")


def _call(folder: Path, count: int, types: str, includes: str, body: str) -> None:
    """The sketch around a call."""
    folder.mkdir(exist_ok=True)
    (folder / "model.ino").write_text(SKETCH)
    (folder / "call.h").write_text(CALL.format(count=count, types=types))
    (folder / "call.cpp").write_text(SOURCE.format(includes=includes, body=body))


def _float_rows(X: Any) -> Any:
    """Rows as the bits of their 32-bit floats."""
    return np.ascontiguousarray(X, np.float32).view(np.int32).astype(np.int64)


# ---- tools: each writes a sketch and gives the rows that it takes ----------------------------------------------------


def _ours(optimize: str) -> Callable[[Case, Path], Any]:
    def write(case: Case, folder: Path) -> Any:
        model = case.model if case.scaler is None else make_pipeline(case.scaler, case.model)
        try:
            ea.export_arduino(model, folder, application="empty", optimize=optimize, X_calibration=case.X_train)
        except ea.DoesNotFitError as error:
            raise Refused(f"does not fit: {str(error).splitlines()[0][:100]}") from None
        compiled = ea.compile_model(model, X_calibration=case.X_train, optimize=optimize)
        rows = compiled.quantize(case.X_test)
        types = INTEGERS.format(bits=8 * compiled.input_dtype.itemsize)
        _call(folder, rows.shape[1], types, '#include "model_model.h"', "return model::predict(x);")
        return rows

    return write


def _emlearn(leaf_bits: int | None) -> Callable[[Case, Path], Any]:
    def write(case: Case, folder: Path) -> Any:
        with np.errstate():  # it changes NumPy's manners for everybody when imported
            import emlearn

        name, trees = type(case.model).__name__, hasattr(case.model, "tree_") or hasattr(case.model, "estimators_")
        if not trees and (leaf_bits is not None or name not in ("MLPClassifier", "GaussianNB")):
            raise Refused("not supported")
        model, scale = _in_words(case) if trees else (case.model, None)
        with somewhere_else():
            if trees:
                converted = emlearn.convert(model, method="inline", dtype="int16_t", leaf_bits=leaf_bits)
                code = converted.save(name="peer")
            elif name == "MLPClassifier":
                code = emlearn.convert(model, method="loadable").save(name="peer")
            else:
                code = emlearn.convert(model, method="loadable").save(name="peer")
        folder.mkdir()
        for header in Path(emlearn.__file__).parent.glob("*.h"):
            shutil.copy(header, folder)
        (folder / "peer.h").write_text(re.sub(r"#include <(eml_\w+\.h)>", r'#include "\1"', code))
        body = f"return peer_predict(x, {case.X_test.shape[1]});"
        if name == "MLPClassifier":
            body = f"return eml_net_predict(&peer, x, {case.X_test.shape[1]});"
        types = INTEGERS.format(bits=16) if trees else FLOATS
        _call(folder, case.X_test.shape[1], types, '#include "peer.h"', body)
        if scale is None:
            return _float_rows(case.scaled_test)
        return np.clip(np.rint(case.scaled_test * scale), -32768, 32767).astype(np.int64)

    return write


def _in_words(case: Case) -> tuple[Any, Any]:
    """The same trees for inputs that use 16 bits, each feature by a factor of its own, as emlearn's guide advises."""
    scale = 32000 / np.maximum(np.abs(case.scaled_train).max(axis=0), 1e-9)
    model = copy.deepcopy(case.model)
    for fitted in getattr(model, "estimators_", [model]):
        inner = fitted.tree_.feature >= 0
        fitted.tree_.threshold[inner] *= scale[fitted.tree_.feature[inner]]
    return model, scale


def _m2cgen(case: Case, folder: Path) -> Any:
    import m2cgen

    if type(case.model).__name__ not in ("DecisionTreeClassifier", "RandomForestClassifier", "ExtraTreesClassifier",
                                         "LogisticRegression", "SVC"):  # fmt: skip
        raise Refused("not supported")
    with _deep():
        code = m2cgen.export_to_c(case.model, function_name="peer_score")
    count, classes = case.X_test.shape[1], len(case.model.classes_)
    folder.mkdir()
    (folder / "peer.c").write_text(code)
    single = "(double *input)" not in code and "void" not in code.split("peer_score")[0].splitlines()[-1]
    includes = (
        f'extern "C" {"double" if single else "void"} peer_score(double *input{"" if single else ", double *output"});'
    )
    if single:
        body = "return peer_score(const_cast<double *>(x)) > 0;"
    else:
        body = (
            f"double output[{classes}];\n  peer_score(const_cast<double *>(x), output);\n  int best = 0;\n"
            f"  for (int i = 1; i < {classes}; ++i) if (output[i] > output[best]) best = i;\n  return best;"
        )
    _call(folder, count, FLOATS.replace("float", "double"), includes, body)
    return _float_rows(case.scaled_test)


@contextlib.contextmanager
def _deep() -> Any:
    """It calls itself as deep as expressions are long."""
    import sys

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _micromlgen(case: Case, folder: Path) -> Any:
    import micromlgen

    name = type(case.model).__name__
    if name not in ("DecisionTreeClassifier", "RandomForestClassifier", "LogisticRegression", "GaussianNB", "SVC"):
        raise Refused("not supported")
    model = copy.deepcopy(case.model)
    if name == "GaussianNB":
        model.sigma_ = model.var_  # what older versions of scikit-learn called it
    try:
        code = micromlgen.port(model, classname="Peer")
    except Exception as error:
        raise Refused(f"fails: {type(error).__name__}: {str(error)[:80]}") from None
    folder.mkdir()
    (folder / "peer.h").write_text(code.replace("#include <cstdarg>", "#include <Arduino.h>\n#include <stdarg.h>"))
    body = "static Eloquent::ML::Port::Peer peer;\n  return peer.predict(const_cast<float *>(x));"
    _call(folder, case.X_test.shape[1], FLOATS, '#include "peer.h"', body)
    return _float_rows(case.scaled_test)


OURS = ("edgealgos", "edgealgos, size")
TOOLS: dict[str, Callable[[Case, Path], Any]] = {
    "edgealgos": _ours("speed"), "edgealgos, size": _ours("size"), "emlearn": _emlearn(None),
    "emlearn, soft votes": _emlearn(8), "m2cgen": _m2cgen, "micromlgen": _micromlgen,
}  # fmt: skip
"""By name, with the options that their guides show."""
