"""What each command does, through the public page alone; prints tables, raises errors for others to print."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import edgealgos as ea

from .data import read_table
from .demo import run_demo
from .serialport import ask, await_greeting, open_port

FAMILIES: dict[str, tuple[Any, Any]] = {
    "bonsai": (ea.BonsaiClassifier, ea.BonsaiRegressor),
    "protonn": (ea.ProtoNNClassifier, ea.ProtoNNRegressor),
    "fastgrnn": (ea.FastGRNNClassifier, ea.FastGRNNRegressor),
    "fastrnn": (ea.FastRNNClassifier, None),
}


def demo(arguments: argparse.Namespace) -> int:
    """Digits, three families, a simulated Uno."""
    return run_demo(arguments.out, arguments.epochs, arguments.rows)


def train(arguments: argparse.Namespace) -> int:
    """Fit, score on held-back rows, save."""
    table = read_table(arguments.data, arguments.target)
    X, y, X_test, y_test = table.X, table.y, table.X_test, table.y_test
    if X_test is None and arguments.test_size > 0:
        stratify = None if arguments.regression or np.unique(y, return_counts=True)[1].min() < 2 else y
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=arguments.test_size, random_state=arguments.seed, stratify=stratify
        )
    model = _new_model(arguments).fit(X, y)
    path = ea.save(model, arguments.save)
    estimator = model[-1] if arguments.standardize else model
    print(f"{type(estimator).__name__}: {estimator.model_bytes_} bytes, {estimator.n_iter_} epochs, {len(X)} rows")
    if X_test is not None and y_test is not None:
        device = ea.compile_model(model)
        kind = _score_name(device)
        print(f"{kind} on {len(X_test)} other rows: {model.score(X_test, y_test):.4f} in floating point, "
              f"{_score(device, y_test, device.predict(X_test)):.4f} on the device")  # fmt: skip
    print(f"saved to {path}; next: edgealgos export {path} out/my_model")
    return 0


def _new_model(arguments: argparse.Namespace) -> Any:
    classifier, regressor = FAMILIES[arguments.model]
    kind = regressor if arguments.regression else classifier
    if kind is None:
        raise ValueError(f"there is no regressor of the family {arguments.model}; use fastgrnn")
    options: dict[str, Any] = {
        "max_model_bytes": arguments.max_model_bytes, "random_state": arguments.seed, "verbose": 1,
        "bits": arguments.bits if arguments.bits == "mixed" else int(arguments.bits),
    }  # fmt: skip
    if arguments.epochs is not None:
        options["epochs"] = arguments.epochs
    if arguments.step_size is not None:
        if "step_size" not in kind().get_params():
            raise ValueError(f"--step-size is for sequence models, {arguments.model} is none")
        options["step_size"] = arguments.step_size
    estimator = kind(**options)
    return make_pipeline(StandardScaler(), estimator) if arguments.standardize else estimator


def export(arguments: argparse.Namespace) -> int:
    """A sketch, a library, or plain C++."""
    model = ea.load(arguments.model)
    options = {"name": arguments.name, "optimize": arguments.optimize, "overwrite": arguments.overwrite}
    if arguments.board in ("uno",):
        result = ea.export_arduino(model, arguments.folder, board=arguments.board, layout=arguments.layout, **options)
    else:
        result = ea.export_cpp(model, arguments.folder, target=arguments.board, **options)
    print(result)
    print(f"written to {arguments.folder}")
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Predicted needs."""
    print(ea.compile_model(ea.load(arguments.model), board=arguments.board).report)
    return 0


def simulate(arguments: argparse.Namespace) -> int:
    """The firmware on a simulated board, compared with Python and with the targets."""
    compiled = ea.compile_model(ea.load(arguments.model), board=arguments.board)
    X, y = _rows(arguments)
    return _simulate_and_compare(compiled, X, y)


def evaluate(arguments: argparse.Namespace) -> int:
    """A board's answers, compared with Python's and with the targets."""
    compiled = ea.compile_model(ea.load(arguments.model))
    X, y = _rows(arguments)
    if arguments.simulated:
        return _simulate_and_compare(compiled, X, y)
    port = open_port(arguments.port, arguments.timeout)
    try:
        return evaluate_port(compiled, port, X, y, arguments.timeout)
    finally:
        port.close()


def evaluate_port(
    compiled: ea.CompiledModel, port: Any, X: NDArray[Any], y: NDArray[Any], timeout: float = 10.0
) -> int:
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
    if program.task == "classifier":
        labels = np.asarray(program.labels)[first]
    else:
        labels = program.output.type.dequantize(first)
    print(f"{len(labels)} samples in {seconds:.1f} s over the port")
    return _compare(compiled, X, y, labels)


def doctor(arguments: argparse.Namespace) -> int:
    """Tools, found and missing; exit code 1 when something is missing."""
    findings = ea.doctor()
    for finding in findings:
        if finding.found:
            print(f"found    {finding.tool}: {finding.found}")
        else:
            print(f"missing  {finding.tool}: needed to {finding.purpose}\n         to get it: {finding.how_to_get}")
    missing = sum(not finding.found for finding in findings)
    print("everything is here" if not missing else f"{missing} missing; training and export need none of them")
    return 1 if missing else 0


# ---- shared ----------------------------------------------------------------------------------------------------------


def _rows(arguments: argparse.Namespace) -> tuple[NDArray[Any], NDArray[Any]]:
    X, y = read_table(arguments.data, arguments.target).for_testing
    return X[: arguments.rows], y[: arguments.rows]


def _simulate_and_compare(compiled: ea.CompiledModel, X: NDArray[Any], y: NDArray[Any]) -> int:
    result = compiled.simulate(X)
    simulated = "" if compiled.board.name == "host" else "a simulated "
    print(f"{len(result.labels)} samples on {simulated}{compiled.board.title}")
    code = _compare(compiled, X, y, result.labels)
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


def _compare(compiled: ea.CompiledModel, X: NDArray[Any], y: NDArray[Any], labels: NDArray[Any]) -> int:
    """Prints agreement and score; returns 1 when an answer differs from Python's, which should never be."""
    expected = compiled.predict(X)
    different = int(np.count_nonzero(np.asarray(expected) != np.asarray(labels)))
    print(f"answers that differ from Python's: {different} of {len(labels)}")
    print(f"{_score_name(compiled)}: {_score(compiled, y, labels):.4f}")
    return 1 if different else 0


def _score_name(compiled: ea.CompiledModel) -> str:
    return "accuracy" if compiled.program.task == "classifier" else "R2"


def _score(compiled: ea.CompiledModel, y: NDArray[Any], labels: NDArray[Any]) -> float:
    if compiled.program.task == "classifier":
        return float(accuracy_score(np.asarray(y).astype(str), np.asarray(labels).astype(str)))
    return float(r2_score(y, labels))
