"""A corpus of fitted models that shows whether a change of the inside keeps behaviour. Uses the public page alone.

``record`` fits the models of ``corpus_models``, saves them with input rows, and writes down what each answers and
needs.
``compare`` loads the saved models with the edgealgos that is imported, finds the same anew, and prints what differs::

    python tools/corpus.py record --out DIR
    python tools/corpus.py compare --out DIR [--only PATTERN] [--fast] [--refit] [--jobs 2]

Both go on where they stopped: ``record`` skips models that are recorded, ``compare`` what it has measured with exactly
these sources. The status is 1 where answers, model bytes or cycles differ, or flash or RAM grew. ``freeze`` copies
models with a few rows and their answers to where tests find them.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}  # equal sums

import argparse
import hashlib
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from corpus_models import Entry, entries

import edgealgos as ea

ROWS, SHOWN_ROWS, FROZEN_ROWS = 20, 3, 6
SAME, NOT_LARGER, NOTED = "same", "not larger", "noted"
PREDICTED = ("flash_bytes", "ram_bytes", "model_bytes", "cycles")
RULES = {  # of what is found by name; everything else has to be the same
    "flash_bytes": NOT_LARGER, "ram_bytes": NOT_LARGER, "ram_peak": NOT_LARGER, "instructions": NOT_LARGER,
    "static_ram": NOTED, "stack_peak": NOTED, "warnings": NOTED, "seconds": NOTED,
}  # fmt: skip
PUBLIC_FACTS = ("name", "task", "board", "labels", "features", "steps", "input", "output", "serial")  # of a manifest
COMMON = ("model_bytes", "float answers", "saved again")  # to all ways of compiling
Record = dict[str, Any]


# ---- what is recorded ----------------------------------------------------------------------------------------------


def input_rows(X: np.ndarray) -> np.ndarray:
    """Rows from all over the data, the last three far outside of it, or at the ends of what a sensor can say."""
    rows = X[np.linspace(0, len(X) - 1, ROWS).astype(int)].copy()
    if rows.dtype == np.int16:
        rows[-3], rows[-2] = -32768, np.clip(rows[-2].astype(int) * 8, -32768, 32767)
        rows[-1].flat[::2], rows[-1].flat[1::2] = 32767, -32768
    else:
        rows[-3:] = rows[-3:] * [[3.0], [-1.5], [40.0]] if rows.ndim == 2 else rows[-3:] * 5.0
    return rows


def fit(entry: Entry) -> Any:
    """The entry's model, fitted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few epochs do not converge, and need not
        return entry.model.fit(*entry.data())


def found(model: Any, X: np.ndarray, ways: list[dict[str, Any]], fast: bool) -> Record:
    """Everything about a fitted model that a change of the inside must keep."""
    estimator = model.steps[-1][1] if hasattr(model, "steps") else model
    with tempfile.TemporaryDirectory() as folder:
        again = ea.load(ea.save(model, Path(folder) / "again.edgealgos"))
    return {
        "model_bytes": int(estimator.model_bytes_),
        "float answers": told(model.predict(X)),
        "saved again": told(ea.compile_model(again).scores(X)),
        "compiled": {title(options): compiled(model, X, options, fast) for options in ways},
    }


def title(options: dict[str, Any]) -> str:
    """A way of compiling in a few words."""
    words = [options["board"], options.get("optimize", ""), "" if options.get("input_buffer", True) else "one by one"]
    return " ".join(word for word in words if word)


def compiled(model: Any, X: np.ndarray, options: dict[str, Any], fast: bool) -> Record:
    """One way of compiling: answers, predictions, exported files and, unless `fast`, what a simulated board does."""
    made = ea.compile_model(model, **options)
    report = made.report
    record = {
        "inputs": told(made.quantize(X)),
        "scores": told(made.scores(X)),
        "labels": np.asarray(made.predict(X)).tolist(),
        "predicted": {kind: int(getattr(report, kind)) for kind in PREDICTED},
        "exported": exported(model, options),
    }
    return record if fast else record | {"measured": measured(made, X)}


def exported(model: Any, options: dict[str, Any]) -> Record:
    """Names of the files of an export, and the facts that its manifest tells programs."""
    arduino = options["board"] == "uno"
    export: Callable[..., Any] = ea.export_arduino if arduino else partial(ea.export_cpp, target=options["board"])
    others = {key: value for key, value in options.items() if key != "board"}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model"
        export(model, target, **others)
        names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return {"files": names, "manifest": {key: manifest[key] for key in PUBLIC_FACTS}}


def measured(made: Any, X: np.ndarray) -> Record:
    """What the real firmware did on a simulated board."""
    run = made.simulate(X)
    return {
        "labels": run.labels.tolist(),
        "scores": told(run.scores),
        "cycles": run.cycles.tolist(),
        "instructions": run.instructions.tolist(),
        **{kind: int(getattr(run, kind)) for kind in ("flash_bytes", "ram_peak", "static_ram", "stack_peak")},
        "warnings": len(run.warnings),
    }


def told(values: np.ndarray) -> Record:
    """Type, shape, digest and first rows of an array."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":  # sums in another order are as good
        values = np.vectorize(lambda value: float(f"{value:.9g}"))(values)
    digest = hashlib.sha256(repr(values.tolist()).encode("utf-8")).hexdigest()
    flat = values.reshape(len(values), -1)[:SHOWN_ROWS, :16]
    return {"type": values.dtype.str, "shape": list(values.shape), "sha256": digest, "first": flat.tolist()}


# ---- recording and comparing ---------------------------------------------------------------------------------------


class Task(NamedTuple):
    """One model to go through: its name, the folder of the corpus and of the records, and how."""

    name: str
    corpus: Path
    records: Path
    fast: bool
    refit: bool


def record_one(task: Task) -> str:
    """Fit, save and record a model of the corpus; one line about it."""
    start = time.perf_counter()
    entry = next(entry for entry in entries() if entry.name == task.name)
    file, rows = task.corpus / f"{entry.name}.edgealgos", task.corpus / f"{entry.name}.npz"
    if not (file.exists() and rows.exists()):
        ea.save(fit(entry), file)
        np.savez_compressed(rows, X=input_rows(entry.data()[0]))
    return _measure(task, ea.load(file), list(entry.ways), start)


def compare_one(task: Task) -> str:
    """Find anew what a saved model (or one fitted again) answers and takes; one line about it."""
    start = time.perf_counter()
    before = json.loads((task.corpus / f"{task.name}.json").read_text(encoding="utf-8"))
    try:
        if task.refit:
            model = fit(next(entry for entry in entries() if entry.name == task.name))
        else:
            model = ea.load(task.corpus / f"{task.name}.edgealgos")
        return _measure(task, model, before["ways"], start)
    except Exception as error:  # whatever the code under test does wrong is a difference, and the others are wanted too
        _write(task, {"error": f"{type(error).__name__}: {error}"}, start)
        return f"{task.name}: {type(error).__name__}: {error}"


def _measure(task: Task, model: Any, ways: list[dict[str, Any]], start: float) -> str:
    X = np.load(task.corpus / f"{task.name}.npz")["X"]
    _write(task, {"ways": ways, **found(model, X, ways, task.fast)}, start)
    return f"{task.name}: {time.perf_counter() - start:.1f} s"


def _write(task: Task, record: Record, start: float) -> None:
    about = {"version": ea.__version__, "fast": task.fast, "seconds": round(time.perf_counter() - start, 1)}
    target = task.records / f"{task.name}.json"
    partial_file = target.with_suffix(".part")
    partial_file.write_text(json.dumps({"about": about, **record}, indent=1, ensure_ascii=False), encoding="utf-8")
    partial_file.replace(target)


def _is_done(task: Task) -> bool:
    """Whether such a record is there, and none that lacks the simulation or tells of an error."""
    file = task.records / f"{task.name}.json"
    if not file.exists():
        return False
    record = json.loads(file.read_text(encoding="utf-8"))
    return "error" not in record and (task.fast or not record["about"]["fast"])


def go_through(step: Callable[[Task], str], tasks: list[Task], jobs: int) -> None:
    """Do what is not done yet, in as many processes."""
    rest = [task for task in tasks if not _is_done(task)]
    print(f"{len(tasks)} models, {len(tasks) - len(rest)} of them done before", flush=True)
    if jobs == 1:
        for line in map(step, rest):
            print(line, flush=True)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for line in pool.map(step, rest):
            print(line, flush=True)


class Difference(NamedTuple):
    """One value that is not as it was, in one way of compiling or (empty) in all."""

    model: str
    way: str
    what: str
    before: str
    now: str
    allowed: bool


def differences(model: str, before: Record, now: Record) -> Iterator[Difference]:
    """What is in both records and differs; what an error kept from being found is one difference."""
    if "error" in now:
        yield Difference(model, "", "error", "none", now["error"], False)
        return
    ways = before["compiled"]
    sides = [("", *({key: side[key] for key in COMMON} for side in (before, now)))]
    sides += [(way, ways[way], now["compiled"][way]) for way in ways]
    for way, then, today in sides:
        for what, *values, allowed in _differences("", then, today, SAME):
            yield Difference(model, way, what, *map(_short, values), allowed)


def _differences(what: str, before: Any, now: Any, rule: str) -> Iterator[tuple[str, Any, Any, bool]]:
    if before == now:
        return
    if isinstance(before, dict) and "sha256" in before:
        shown = "first" if before["first"] != now["first"] else "sha256"
        yield what, before[shown], now[shown], False
    elif isinstance(before, dict):
        for key in before:
            name = f"{what}: {key}" if what else key
            if key in now:
                yield from _differences(name, before[key], now[key], RULES.get(key, rule))
            elif key != "measured":  # a fast run has none
                yield name, before[key], "missing", False
    else:
        yield what, before, now, _allowed(before, now, rule)


def _allowed(before: Any, now: Any, rule: str) -> bool:
    if rule == NOT_LARGER:
        return bool(np.shape(before) == np.shape(now) and np.all(np.asarray(now) <= np.asarray(before)))
    return rule == NOTED


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 34 else f"{text[:31]}..."


# ---- the command line ----------------------------------------------------------------------------------------------


def sources() -> str:
    """A digest of the package's files: measurements hold for exactly these."""
    root = Path(ea.__file__).parent
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode("utf-8") + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def record(arguments: argparse.Namespace) -> int:
    """Fit and record what is not recorded yet."""
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    names = [entry.name for entry in entries() if _chosen(entry.name, arguments.only)]
    tasks = [Task(name, out, out, arguments.fast, False) for name in names]
    go_through(record_one, tasks, arguments.jobs)
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """Find the recorded facts anew and print what differs; 1 where something may not."""
    kind = ["fast"] * arguments.fast + ["refitted"] * arguments.refit
    records = arguments.out / "found" / "-".join([sources(), *kind])
    records.mkdir(parents=True, exist_ok=True)
    names = sorted(path.stem for path in arguments.out.glob("*.json") if _chosen(path.stem, arguments.only))
    tasks = [Task(name, arguments.out, records, arguments.fast, arguments.refit) for name in names]
    go_through(compare_one, tasks, arguments.jobs)
    both = ([json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for folder in (arguments.out, records)]
            for name in names)  # fmt: skip
    listed = [line for name, sides in zip(names, both, strict=True) for line in differences(name, *sides)]
    _print_table(listed)
    wrong = [line for line in listed if not line.allowed]
    print(f"{len(names)} models, {len(wrong)} differences that may not be, {len(listed) - len(wrong)} that may")
    return 1 if wrong or not names else 0


def _print_table(listed: list[Difference]) -> None:
    """One line for the ways that differ in the same manner."""
    ways: dict[Difference, list[str]] = {}
    for line in listed:
        ways.setdefault(line._replace(way=""), []).append(line.way)
    for line in sorted(ways, key=lambda line: (line.allowed, line.model)):
        verdict = "ok   " if line.allowed else "WRONG"
        where = ", ".join(way for way in ways[line] if way)
        print(f"{verdict}  {line.model:30}  {line.what:26}  {line.before} -> {line.now}{where and f'  ({where})'}")


def freeze(arguments: argparse.Namespace) -> int:
    """Copy saved models, a few of their rows, and what they answer to these."""
    arguments.into.mkdir(parents=True, exist_ok=True)
    for name in arguments.names:
        file = arguments.out / f"{name}.edgealgos"
        X = np.load(arguments.out / f"{name}.npz")["X"][-FROZEN_ROWS:]
        made = ea.compile_model(ea.load(file))
        answers = {"scores": made.scores(X), "labels": made.predict(X), "model_bytes": made.report.model_bytes}
        np.savez_compressed(arguments.into / f"{name}.npz", X=X, **answers)
        shutil.copyfile(file, arguments.into / file.name)
    return 0


def _chosen(name: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatch(name, f"*{pattern}*") for pattern in patterns)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for run in (record, compare, freeze):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument("--out", type=Path, required=True, help="folder of the corpus")
        if run is freeze:
            command.add_argument("--into", type=Path, required=True, help="folder to copy to")
            command.add_argument("names", nargs="+", help="models")
            continue
        command.add_argument("--only", nargs="+", default=[], help="models whose names hold one of these (* and ? too)")
        command.add_argument("--fast", action="store_true", help="nothing is simulated: answers, bytes, predictions")
        command.add_argument("--jobs", type=int, default=1, help="processes at a time")
        if run is compare:
            command.add_argument("--refit", action="store_true", help="fit anew instead of loading")
    arguments = parser.parse_args()
    print(f"edgealgos {ea.__version__}, sources {sources()}, {Path(ea.__file__).parent}")
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
