"""The same fitted scikit-learn models through emlearn, m2cgen, micromlgen and this library, on the same simulated Uno.

    python benchmarks/peers.py --data FOLDER          # all: some twenty minutes on two cores
    python benchmarks/peers.py --only "digits forest"  # what contains it
    python benchmarks/peers.py --table                 # tables and picture of what was measured

Every tool's code is generated at run time into a temporary folder (``pip install 'edgealgos[peers]'``), put into the
same sketch that reads inputs from the serial port and calls it, built with the same Arduino core and flags, and run
on simavr with the same rows: the first 200 of the test part. Cycles are those of the call. Flash and RAM (variables,
inputs and deepest stack) are what the sketch needs beyond the same sketch without a model. Scaling of inputs
is in no figure: peers know no scalers and get scaled rows, ours get what ``quantize()`` makes. FOLDER holds what
EDGEALGOS_DATA may. A line each in ``results/peers.jsonl``, what is found there is not repeated; the short table goes
into README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import peer_tools
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from uno_cycles import load

RESULTS, README = Path(__file__).parent / "results", Path(__file__).parents[1] / "README.md"
ROWS, PATIENCE = 200, 360
BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
DATA = ("digits", "USPS", "breast_cancer", "wine")
PLAIN = {"tree", "forest 10", "forest 20", "extra trees 10"}  # as they are: trees need no scaler


def models(data: str) -> dict[str, Any]:
    """Of sizes that an Uno could hold, not fitted."""
    many = data in ("digits", "USPS")
    leaves = {"max_leaf_nodes": 90 if data == "USPS" else 60 if many else 16, "random_state": 0}
    found = {
        "tree": DecisionTreeClassifier(**leaves),
        "forest 10": RandomForestClassifier(10, **leaves),
        "forest 20": RandomForestClassifier(20, **leaves),
        "extra trees 10": ExtraTreesClassifier(10, **leaves),
        "logistic regression": LogisticRegression(max_iter=1000),
        "MLP 16": MLPClassifier((16,), max_iter=500, random_state=0),
        "naive Bayes": GaussianNB(var_smoothing=1e-2 if many else 1e-9),
    }
    return found if many else found | {"SVC rbf": SVC(gamma=1 / 32)}


def rows_of(data: str) -> tuple[Any, Any, Any, Any]:
    """Train and test rows and labels."""
    if data in ("digits", "USPS"):
        return load(data.lower())
    X, y = {"wine": load_wine, "breast_cancer": load_breast_cancer}[data](return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    return X_train, y_train, X_test, y_test


def measure(data: str, name: str, tool: str) -> dict[str, Any]:
    """One model through one tool; runs in a process of its own."""
    X_train, y_train, X_test, y_test = rows_of(data)
    X_test, y_test = X_test[:ROWS], y_test[:ROWS]
    scaler = None
    if name not in PLAIN:
        scaler = (MaxAbsScaler() if data in ("digits", "USPS") else StandardScaler()).fit(X_train)
    scaled = [X if scaler is None else scaler.transform(X) for X in (X_train, X_test)]
    with warnings.catch_warnings(action="ignore"):
        model = models(data)[name].fit(scaled[0], y_train)
    case = peer_tools.Case(model, scaler, X_train, X_test, *scaled)
    found = {"data": data, "model": name, "tool": tool, "rows": len(X_test)}
    wanted = model.predict(scaled[1])
    try:
        run = peer_tools.run(tool, case)
    except peer_tools.Refused as refusal:
        return found | {"refused": str(refusal)}
    labels = model.classes_[np.clip(run.labels, 0, len(model.classes_) - 1)]
    return found | {
        "python": float(np.mean(wanted == y_test)), "accuracy": float(np.mean(labels == y_test)),
        "differ": int(np.sum(labels != wanted)), "cycles": float(run.cycles.mean()), "worst": int(run.cycles.max()),
        "flash": run.flash, "ram": run.ram, "total_ram": run.total_ram,
    }  # fmt: skip


def _in_a_process(key: tuple[str, str, str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", *key]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        refused = f"not built and run: within {PATIENCE // 60} minutes"
        return dict(zip(("data", "model", "tool"), key, strict=True)) | {"rows": ROWS, "refused": refused}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# ---- tables ----------------------------------------------------------------------------------------------------------


def table(found: list[dict[str, Any]]) -> str:
    """All results as text."""
    command = "python benchmarks/peers.py --data FOLDER"
    lines = [
        f"Written by `{command}`: the same fitted models, sketch, core (-Os) and simulated Uno, {ROWS} test rows",
        "(wine 54, breast_cancer 171). *Differ*: rows answered otherwise than by scikit-learn. Cycles of the call,",
        "mean; flash and RAM (variables, inputs, stack) beyond those of the sketch without a model. Bold: the least of",
        "those that answer at most one row in a hundred otherwise.",
        "",
        "| data | model | tool | accuracy (Python) | differ | cycles | flash | RAM |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in _cases(found):
        right = [f for f in case if "cycles" in f and f["differ"] * 100 <= f["rows"]]
        best = {key: min((f[key] for f in right), default=None) for key in ("cycles", "flash", "ram")}
        for f in case:
            head = f"| {f['data']} | {f['model']} | {f['tool']} |"
            if "refused" in f:
                lines.append(f"{head} {f['refused']} | | | | |")
                continue
            cells = [f"**{f[k]:,.0f}**" if f in right and f[k] == best[k] else f"{f[k]:,.0f}" for k in best]
            lines.append(f"{head} {f['accuracy']:.3f} ({f['python']:.3f}) | {f['differ']} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_won(found), "", "![cycles and flash by tool](peers.png)", ""])


def _cases(found: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    keys = dict.fromkeys((f["data"], f["model"]) for f in found)
    return [[f for f in found if (f["data"], f["model"]) == key] for key in keys]


def _won(found: list[dict[str, Any]]) -> list[str]:
    """Where a peer that runs is ahead of the better of our two."""
    lines = ["Where a peer is ahead of us:"]
    for case in _cases(found):
        ours = [f for f in case if f["tool"] in peer_tools.OURS and "cycles" in f]
        for peer in (f for f in case if f["tool"] not in peer_tools.OURS and "cycles" in f and ours):
            for key in ("differ", "cycles", "flash", "ram"):
                least = min(f[key] for f in ours)
                if peer[key] < least:
                    what = f"{peer['data']} {peer['model']}: {peer['tool']} {key} {peer[key]:,.0f}, ours {least:,.0f}"
                    lines.append(f"- {what} (rows that differ: {peer['differ']}, ours {ours[0]['differ']})")
    return lines if lines[1:] else ["No peer is ahead of us in rows that differ, cycles, flash or RAM."]


SHOWN = (("wine", "tree"), ("wine", "forest 10"), ("breast_cancer", "forest 10"), ("digits", "forest 10"),
         ("USPS", "forest 20"), ("wine", "logistic regression"), ("digits", "logistic regression"), ("wine", "MLP 16"),
         ("wine", "naive Bayes"), ("wine", "SVC rbf"))  # fmt: skip


def short_table(found: list[dict[str, Any]]) -> str:
    """For the README: cycles, flash, rows that differ, of what was measured."""
    tools = [t for t in peer_tools.TOOLS if t != "emlearn, soft votes" and t != "edgealgos, size"]
    lines = [
        "| the same fitted model | " + " | ".join(tools) + " |",
        "|---" * (len(tools) + 1) + "|",
    ]
    for data, name in SHOWN:
        cells = []
        for tool in tools:
            f = next((f for f in found if (f["data"], f["model"], f["tool"]) == (data, name, tool)), None)
            cells.append(_cell(f))
        if any(cells):
            lines.append(f"| {data}, {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Cycles of a prediction, flash of the model, and rows of the test part (200 at most) answered otherwise than",
        "by scikit-learn, on the same simulated Uno: `benchmarks/peers.py`,",
        "[all of it](benchmarks/results/peers.md), and where peers are ahead.",
    ]
    return "\n".join(lines)


def _cell(f: dict[str, Any] | None) -> str:
    if f is None:
        return ""
    if "refused" in f:
        return f["refused"].split(":")[0]
    return f"{f['cycles']:,.0f} · {f['flash'] / 1024:.1f} KB · {f['differ']}"


def write_readme(found: list[dict[str, Any]]) -> None:
    """The short table between its marks."""
    text = README.read_text(encoding="utf-8")
    if BEGIN in text:
        before, rest = text.split(BEGIN, 1)
        README.write_text(f"{before}{BEGIN}\n{short_table(found)}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


def picture(found: list[dict[str, Any]]) -> None:
    """Cycles and flash of every model by tool."""
    import matplotlib.pyplot as plt

    cases = [case for case in _cases(found) if any("cycles" in f for f in case)]
    figure, panels = plt.subplots(1, 2, figsize=(11, 0.3 * len(cases) + 1.6), sharey=True)
    colours = dict(zip(peer_tools.TOOLS, ("tab:blue", "tab:cyan", "tab:red", "tab:pink", "tab:green", "tab:orange"),
                       strict=True))  # fmt: skip
    for axes, key, label in zip(panels, ("cycles", "flash"), ("cycles of a prediction", "bytes of flash"), strict=True):
        for tool, colour in colours.items():
            places = [(f[key], -i, f) for i, case in enumerate(cases) for f in case
                      if f["tool"] == tool and "cycles" in f]  # fmt: skip
            if places:
                wrong = [f["differ"] * 100 > f["rows"] for *_, f in places]
                axes.scatter([x for x, *_ in places], [y for _, y, _ in places], s=30, label=tool,
                             edgecolors=colour, facecolors=["none" if w else colour for w in wrong])  # fmt: skip
        axes.set(xscale="log", xlabel=label)
        axes.grid(alpha=0.3)
    names = [f"{case[0]['data']}, {case[0]['model']}" for case in cases]
    panels[0].set_yticks([-i for i in range(len(cases))], names, fontsize=8)
    panels[1].legend(fontsize=7, loc="upper right", title="hollow: over 1 % of rows differ", title_fontsize=7)
    figure.tight_layout()
    figure.savefig(RESULTS / "peers.png", dpi=110)


def main() -> None:
    """Measure what is missing; write tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder for EDGEALGOS_DATA")
    parser.add_argument("--only", default="", help="part of 'data model tool'")
    parser.add_argument("--again", default="-", help="measure anew what contains this, such as 'edgealgos'")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.data:
        os.environ["EDGEALGOS_DATA"] = arguments.data
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    log = RESULTS / "peers.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    found = {(f["data"], f["model"], f["tool"]): f for f in lines}
    wanted = [(data, name, tool) for data in DATA for name in models(data) for tool in peer_tools.TOOLS]
    for key in wanted:
        text = " ".join(key)
        if arguments.table or arguments.only not in text or (key in found and arguments.again not in text):
            continue
        found[key] = _in_a_process(key)
        print(found[key], flush=True)
        log.write_text("".join(json.dumps(found[k]) + "\n" for k in wanted if k in found))
    ordered = [found[k] for k in wanted if k in found]
    (RESULTS / "peers.md").write_text(table(ordered))
    write_readme(ordered)
    picture(ordered)


if __name__ == "__main__":
    main()
