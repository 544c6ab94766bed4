"""Any table with default parameters, as a table and a picture. ``python benchmarks/tables.py --data FOLDER [...]``.

FOLDER holds ``.npz`` files with ``X_train, y_train, X_test, y_test`` (a file's own path will do). Every family on the
public page is fitted as it comes (``random_state=0``, nothing else set) under each budget and its device program is
judged, beside five unbounded models and emlearn's forest of the same bytes. *Deficit*: points behind the best of the
five. ``--validate [N]`` reads training parts only and gives the mean of five splits of them, or of the first N;
without it each model is fitted once on the training part and judged on the test part, which is for final figures.
Every fit leaves one line in ``results/tables.jsonl`` (``tables_validation.jsonl``), and what is found there is not
repeated: an interrupted run goes on (remove lines to repeat them). ``--only PARTS`` runs models whose name contains
one of them, ``--table`` nothing at all.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rivals
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

import edgealgos as ea

RESULTS = Path(__file__).parent / "results"
BUDGETS = (512, 2048, 8192)
SPLITS, HELD_OUT = 5, 0.25
SEQUENCES_AND_PICTURES = ("step_size", "image_shape")  # parameters of families that are not for tables
EMLEARN = "emlearn forest"


class Fit(NamedTuple):
    """One line of the log: a model on a part of a table; `budget` 0 is none."""

    table: str
    part: str
    model: str
    budget: int


class Part(NamedTuple):
    """What a model is fitted on and judged by."""

    X: Any
    y: Any
    X_test: Any
    y_test: Any


# ---- data ------------------------------------------------------------------------------------------------------------


def paths(given: list[Path]) -> dict[str, Path]:
    """Table files by name."""
    files = [file for path in given for file in (sorted(path.glob("*.npz")) if path.is_dir() else [path])]
    return {file.stem: file for file in files}


def regression(y: Any) -> bool:
    """Whether targets are real numbers."""
    return np.asarray(y).dtype.kind == "f"


def parts(path: Path, validate: int) -> dict[str, Part]:
    """So many splits of the training part by number, or the training and the test part."""
    with np.load(path, allow_pickle=False) as file:
        X, y = file["X_train"].astype(float), file["y_train"]
        if not validate:
            return {"test": Part(X, y, file["X_test"].astype(float), file["y_test"])}
    kind = ShuffleSplit if regression(y) else StratifiedShuffleSplit
    splits = kind(SPLITS, test_size=HELD_OUT, random_state=0).split(X, y)
    splits = islice(splits, validate)
    return {str(i): Part(X[rows], y[rows], X[held], y[held]) for i, (rows, held) in enumerate(splits)}


# ---- models ----------------------------------------------------------------------------------------------------------


def families(kind: str) -> list[str]:
    """Names of our estimators for tables: "Classifier" or "Regressor"."""
    known = {name: set(getattr(ea, name)().get_params()) for name in ea.__all__ if name.endswith(kind)}
    return [n for n, params in known.items() if "families" in params or not params & set(SEQUENCES_AND_PICTURES)]


def wanted(name: str, found: dict[str, Part], only: str) -> Iterator[Fit]:
    """Every fit of one table."""
    kind = "Regressor" if regression(next(iter(found.values())).y) else "Classifier"
    unbounded = rivals.unbounded(kind)
    for part in found:
        yield from (Fit(name, part, model, 0) for model in unbounded)
        bounded = [*families(kind), *([EMLEARN] if kind == "Classifier" else [])]
        yield from (Fit(name, part, m, b) for b in BUDGETS for m in bounded if any(o in m for o in only.split(",")))


def measure(fit: Fit, part: Part) -> dict[str, Any]:
    """Fit and judge; of ours, the device program."""
    score = r2_score if regression(part.y) else accuracy_score
    begin = time.process_time()
    facts: dict[str, Any] = {}
    if fit.model == EMLEARN:
        forest = rivals.emlearn_forest(part.X, part.y, fit.budget)
        spent, answers, facts = time.process_time() - begin, forest.predict(part.X_test), {"bytes": forest.bytes}
    elif fit.budget == 0:
        model = rivals.unbounded("Regressor" if regression(part.y) else "Classifier")[fit.model].fit(part.X, part.y)
        spent, answers = time.process_time() - begin, model.predict(part.X_test)
    else:
        model = getattr(ea, fit.model)(max_model_bytes=fit.budget, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # coarse columns are what a table may have
            model.fit(part.X, part.y)
        spent, compiled = time.process_time() - begin, ea.compile_model(model)
        answers = compiled.predict(part.X_test)
        facts = {"bytes": compiled.report.model_bytes, "cycles": compiled.report.cycles}
    return fit._asdict() | {"score": round(float(score(part.y_test, answers)), 5), "fit_cpu_s": round(spent, 2)} | facts


def log_of(validate: int) -> Path:
    """Where the lines of a run are."""
    return RESULTS / ("tables_validation.jsonl" if validate else "tables.jsonl")


def finished(log: Path) -> dict[Fit, dict[str, Any]]:
    """What earlier runs measured."""
    facts = map(json.loads, log.read_text().splitlines() if log.exists() else [])
    return {Fit(*(fact[field] for field in Fit._fields)): fact for fact in facts}


# ---- table and picture -----------------------------------------------------------------------------------------------


class Summary(NamedTuple):
    """Means over splits: the best unbounded model and its score by table, and facts by (model, budget) and table."""

    best: dict[str, tuple[str, float]]
    linear: dict[str, float]
    ours: dict[tuple[str, int], dict[str, dict[str, float]]]

    def deficits(self, key: tuple[str, int]) -> dict[str, float]:
        """Points behind the best of the five, by table."""
        return {name: 100 * (self.best[name][1] - facts["score"]) for name, facts in self.ours[key].items()}


def summarize(facts: dict[Fit, dict[str, Any]]) -> Summary:
    """Means over the splits of each table."""
    lines = defaultdict(list)
    for fit, fact in facts.items():
        lines[fit.table, fit.model, fit.budget].append(fact)
    means = {key: {n: float(np.mean([f[n] for f in found])) for n in ("score", "bytes", "cycles", "fit_cpu_s")
                   if n in found[0]} for key, found in lines.items()}  # fmt: skip
    best, ours, linear = {}, defaultdict(dict), {}
    for (table, model, budget), mean in sorted(means.items()):
        if budget:
            ours[model, budget][table] = mean
        elif table not in best or mean["score"] > best[table][1]:
            best[table] = model, mean["score"]
        if not budget and model == rivals.LINEAR:
            linear[table] = mean["score"]
    return Summary(best, linear, dict(sorted(ours.items(), key=lambda item: (item[0][1], item[0][0]))))


def report(summary: Summary) -> str:
    """Deficits of each model and budget, then one table a budget with every score."""
    head = ("model", "budget", "mean deficit, points", "worst", "below linear by more than 1 point", "bytes, mean",
            "cycles, most", "fit CPU s, most")  # fmt: skip
    lines = [_line(head), "|" + "---|" * len(head)]
    for (model, budget), found in summary.ours.items():
        deficits = summary.deficits((model, budget))
        below = [n for n, facts in found.items() if facts["score"] < summary.linear[n] - 0.01]
        column = lambda key: [facts[key] for facts in found.values() if key in facts]  # noqa: B023, E731
        worst = max(deficits, key=deficits.__getitem__)
        cycles = f"{max(column('cycles')):,.0f}" if column("cycles") else ""
        cells = (model, f"{budget:,}", f"**{np.mean(list(deficits.values())):.2f}**",
                 f"{worst} {deficits[worst]:.1f}", ", ".join(below), f"{np.mean(column('bytes')):,.0f}", cycles,
                 f"{max(column('fit_cpu_s')):.0f}")  # fmt: skip
        lines.append(_line(cells))
    for budget in sorted({budget for _, budget in summary.ours}):
        models = [model for model, size in summary.ours if size == budget]
        lines += ["", f"Score and bytes, {budget:,} bytes:", ""]
        lines += [_line(("table", "best of five", "linear", *models)), "|" + "---|" * (3 + len(models))]
        for name, (model, score) in summary.best.items():
            cells = [_cell(summary.ours[each, budget].get(name)) for each in models]
            lines.append(_line((name, f"{score:.3f} {model}", f"{summary.linear[name]:.3f}", *cells)))
    return "\n".join(lines)


def _cell(facts: dict[str, float] | None) -> str:
    return "" if facts is None else f"{facts['score']:.3f}, {facts['bytes']:,.0f}"


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def draw(summary: Summary, path: Path) -> None:
    """Mean deficit over the bytes of the budget."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for model in sorted({model for model, _ in summary.ours}):
        points = [(budget, np.mean(list(summary.deficits((name, budget)).values())))
                  for name, budget in summary.ours if name == model]  # fmt: skip
        style = "x--" if model == EMLEARN else "o-"
        axes.plot(*zip(*sorted(points), strict=True), style, label=model.removesuffix("Classifier"))
    axes.set(xscale="log", xlabel="bytes allowed", ylabel="mean deficit, points", ylim=(0, None),
             title="points behind the best of five unbounded models")  # fmt: skip
    axes.set_xticks(BUDGETS, [f"{budget:,}" for budget in BUDGETS])
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


# ---- command line ----------------------------------------------------------------------------------------------------


def run(files: dict[str, Path], validate: int, only: str, budgets: list[int]) -> None:
    """Measure what is missing."""
    log = log_of(validate)
    for name, path in files.items():
        found = parts(path, validate)
        for fit in wanted(name, found, only):
            if fit in finished(log) or (fit.budget and fit.budget not in budgets):
                continue
            fact = measure(fit, found[fit.part])
            with log.open("a") as lines:
                lines.write(json.dumps(fact) + "\n")
            print(*fact.values(), flush=True)


def main() -> None:
    """Run what is missing, then write the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders or files of tables")
    validate = {"type": int, "nargs": "?", "const": SPLITS, "default": 0, "metavar": "N"}
    parser.add_argument("--validate", **validate, help="five splits of the training parts, or the first N of them")
    parser.add_argument("--only", default="", help="run only models whose name contains this (comma: any of them)")
    parser.add_argument("--budgets", type=int, nargs="+", default=list(BUDGETS))
    parser.add_argument("--cpu-clock", action="store_true", help="time limits count processor seconds (busy machines)")
    parser.add_argument("--table", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    if arguments.cpu_clock:
        time.monotonic = time.process_time
    files = paths(arguments.data)
    if not arguments.table:
        run(files, arguments.validate, arguments.only, arguments.budgets)
    log = log_of(arguments.validate)
    parts_meant = {str(split) for split in range(arguments.validate)} or {"test"}
    meant = {fit: fact for fit, fact in finished(log).items() if fit.table in files and fit.part in parts_meant}
    summary, count = summarize(meant), arguments.validate
    command = "python benchmarks/tables.py --data FOLDER" + (f" --validate {count}" if count else "")
    judged = f"{count} of {SPLITS} splits of the training parts" if count else "the test parts"
    text = f"Written by `{command}`: accuracy (real targets: R²) on {judged}.\n\n"
    text += f"![mean deficit over bytes]({log.stem}.png)\n\n{report(summary)}\n"
    log.with_suffix(".md").write_text(text)
    draw(summary, log.with_suffix(".png"))
    print(report(summary))


if __name__ == "__main__":
    main()
