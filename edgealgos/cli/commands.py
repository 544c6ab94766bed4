"""What each command but train does, through the public page alone; prints tables, raises errors for others to print."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgealgos as ea

from .data import rows_to_ask
from .demo import run_demo
from .export import export_model, identifier, sketch_of
from .scores import compare
from .serialport import ask, await_greeting, open_port, seconds_a_prediction


def demo(arguments: argparse.Namespace) -> int:
    """Digits, three families, a simulated Uno."""
    return run_demo(arguments.out, arguments.epochs, arguments.rows)


def export(arguments: argparse.Namespace) -> int:
    """A sketch, a library, plain C++, or a .tflite file."""
    model = ea.load(arguments.model)
    if arguments.folder.endswith(".tflite"):
        print(ea.export_tflite(model, arguments.folder, name=arguments.name, overwrite=arguments.overwrite))
        return 0
    print(export_model(model, arguments.folder, arguments, sketch_of(arguments)))
    print(f"written to {arguments.folder}")
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Predicted needs, in the terminal or as a page."""
    model = ea.load(arguments.model)
    found = ea.compile_model(model, board=arguments.board).report
    if arguments.html is None:
        if arguments.data is not None:
            raise ea.EdgeAlgosError("data is for a page; name its file with --html FILE, or leave the data out")
        print(found)
        return 0
    X, y = (None, None) if arguments.data is None else rows_to_ask(arguments, model)
    name = arguments.name or identifier(Path(arguments.model).stem)
    print(f"written to {found.save(arguments.html, X, y, name=name)}")
    return 0


def simulate(arguments: argparse.Namespace) -> int:
    """The firmware on a simulated board, compared with Python and with the targets."""
    model = ea.load(arguments.model)
    compiled = ea.compile_model(model, board=arguments.board)
    return _simulate_and_compare(compiled, *rows_to_ask(arguments, model))


def evaluate(arguments: argparse.Namespace) -> int:
    """A board's answers, compared with Python's and with the targets."""
    model = ea.load(arguments.model)
    compiled = ea.compile_model(model, board=arguments.board)
    X, y = rows_to_ask(arguments, model)
    if arguments.simulated:
        return _simulate_and_compare(compiled, X, y)
    port = open_port(arguments.port, arguments.timeout)
    try:
        return evaluate_port(compiled, port, X, y, arguments.timeout)
    finally:
        port.close()


def evaluate_port(compiled: ea.CompiledModel, port: Any, X: Any, y: NDArray[Any] | None, timeout: float = 10.0) -> int:
    """Stream all rows through an open port; prints how the answers compare."""
    program = compiled.program
    inputs = compiled.quantize(X)
    rows = inputs.reshape(-1, program.input.size)
    steps = len(rows) // len(inputs)
    await_greeting(port, program.input.size, timeout)
    start = time.perf_counter()
    answers = list(ask(port, rows))[steps - 1 :: steps]  # a sequence's answer is the one to its last step
    seconds = time.perf_counter() - start
    first = np.array([answer[0] for answer in answers])
    is_classifier = program.task == "classifier"
    labels = compiled.classes[first] if is_classifier else program.output.type.dequantize(first)
    print(f"{len(labels)} samples in {seconds:.1f} s over the port")
    if (spent := seconds_a_prediction(port, rows[-1])) is not None:
        print(f"{1e3 * steps * spent:.2f} ms a prediction, predicted: {compiled.report.time.strip()}")
    return compare(compiled, X, y, labels)


def doctor(arguments: argparse.Namespace) -> int:
    """Tools, found and missing; exit status 1 when something is missing."""
    findings = ea.doctor()
    for finding in findings:
        if finding.found:
            print(f"found    {finding.tool}: {finding.found}")
        else:
            print(f"missing  {finding.tool}: needed to {finding.purpose}\n         to get it: {finding.how_to_get}")
    missing = sum(not finding.found for finding in findings)
    print("everything is here" if not missing else f"{missing} missing; training and export need none of them")
    return 1 if missing else 0


def _simulate_and_compare(compiled: ea.CompiledModel, X: Any, y: NDArray[Any] | None) -> int:
    result = compiled.simulate(X)
    simulated = "" if compiled.board.name == "host" else "a simulated "
    print(f"{len(result.labels)} samples on {simulated}{compiled.board.title}")
    code = compare(compiled, X, y, result.labels)
    if len(result.cycles):
        print(f"cycles a prediction: {result.cycles.mean():,.0f} on average, {result.cycles.max():,} at most "
              f"({1e3 * result.cycles.mean() / compiled.board.clock_hz:.2f} ms)")  # fmt: skip
    if len(result.instructions):
        print(f"instructions a prediction: {result.instructions.mean():,.0f} on average, "
              f"{result.instructions.max():,} at most")  # fmt: skip
    print(f"flash {result.flash_bytes:,} bytes, RAM {result.ram_peak:,} bytes "
          f"({result.static_ram:,} static, {result.stack_peak:,} stack)")  # fmt: skip
    for warning in result.warnings:
        print(f"warning: {warning}")
    return code
