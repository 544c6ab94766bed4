"""The pages of the studio and what their forms do; knows HTTP, leaves the work to others."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, cast

from flask import Blueprint, abort, current_app, redirect, render_template, request, send_file, url_for
from markupsafe import Markup

import edgealgos as ea

from ..cli.export import export_model, identifier
from ..cli.train import usual_sketch
from ..pages import html
from . import charts, pictures, wishes
from .models import Fitted
from .opened import Item, Opened, built_in
from .session import Search, Session
from .uploads import keep
from .words import understood

pages = Blueprint("pages", __name__)

PAGE = 48  # recordings on one page
ROWS = 20  # of a table on one page
MOST_CELLS = 12  # columns of a table that are shown
SIMULATED_ROWS = 200
KEPT = 3600  # seconds that a browser keeps pictures of recordings, which do not change
_ASSETS = {
    "studio.css": "text/css", "style.css": "text/css", "studio.js": "text/javascript", "avr.js": "text/javascript",
    "board.js": "text/javascript", "page.js": "text/javascript",
}  # fmt: skip


def _session() -> Session:
    return cast(Session, current_app.config["SESSION"])


def _number() -> int:
    """Of the data that the form was made for."""
    return request.form.get("data", -1, int)


def _to(page: str, **values: Any) -> Any:
    return redirect(url_for(f"pages.{page}", **values), 303)


# ---- choosing --------------------------------------------------------------------------------------------------------


@pages.get("/")
def start() -> Any:
    """Choose data."""
    return render_template("start.html", built_in=built_in(), path=request.form.get("path", ""))


@pages.post("/open")
def open_path() -> Any:
    """Data on this computer."""
    path = request.form.get("path", "").strip()
    if not path:
        raise ea.DatasetError("no path was given; type that of a folder of recordings, or of a table")
    _session().open(path, path, wishes.reading(request.form))
    return _to("data")


@pages.post("/upload")
def upload() -> Any:
    """Data that the browser sends."""
    place, shown = keep(request.files.getlist("files"), _session().folder())
    _session().open(str(place), shown, wishes.reading(request.form))
    return _to("data")


# ---- seeing and labelling --------------------------------------------------------------------------------------------


@pages.get("/data")
def data() -> Any:
    """What was opened."""
    opened = _session().opened
    if opened is None:
        return _to("start")
    label, first = request.args.get("label"), max(0, request.args.get("first", 0, int))
    numbers, page = opened.of_label(label), ROWS if opened.kind == "table" else PAGE
    shown = [opened[int(number)] for number in numbers[first : first + page]]
    listed = {"opened": opened, "shown": shown, "count": len(numbers), "label": label, "first": first, "page": page}
    if opened.kind == "table":
        return render_template("table.html", **listed, **_table(opened, shown))
    found: Any = opened.as_read.recordings

    def trace(recording: Item) -> Markup:
        return charts.traces(found.X[recording.row], found.axes, opened.limits)

    return render_template("recordings.html", **listed, found=found, trace=trace)


def _table(opened: Opened, shown: Sequence[Item]) -> dict[str, Any]:
    """Columns, and the cells of the rows that are shown."""
    X = opened.as_read.X
    names = list(map(str, X.columns)) if hasattr(X, "columns") else [f"input {i}" for i in range(X[0].size)]
    numbers = [each.row for each in shown]
    rows = X.iloc[numbers, :MOST_CELLS].to_numpy() if hasattr(X, "iloc") else X[numbers].reshape(len(shown), -1)
    told = [[f"{value:.6g}" for value in row[:MOST_CELLS]] for row in rows]
    return {"names": names, "rows": list(zip(shown, told, strict=True)), "most": MOST_CELLS,
            "named": hasattr(X, "columns")}  # fmt: skip


@pages.get("/recordings/<int:data>/<int:number>.<any(png, wav):kind>")
def recording(data: int, number: int, kind: str) -> Any:
    """A sound as a picture, or to be heard."""
    opened = _session().current(data)
    found = opened.as_read.recordings
    if found is None or found.kind != "sound" or number >= len(opened):
        abort(404, "there is no such sound")
    samples, rate = found.X[opened[number].row], round(found.rate)
    make, mime = (pictures.spectrogram, "image/png") if kind == "png" else (pictures.sound, "audio/wav")
    return send_file(io.BytesIO(make(samples, rate)), mimetype=mime, max_age=KEPT)


@pages.post("/label")
def label() -> Any:
    """Give a recording or a row a label, leave it out, or take it in again."""
    opened, number = _session().current(_number()), request.form.get("number", -1, int)
    if "drop" in request.form:
        opened.drop(number)
    else:
        opened.label(number, request.form.get("label", ""))
    where = {name: request.form[name] for name in ("first", "label_shown") if request.form.get(name)}
    return _to("data", first=where.get("first", 0), label=where.get("label_shown"), _anchor=f"r{number}")


@pages.post("/rename")
def rename() -> Any:
    """Call a label otherwise."""
    _session().current(_number()).rename(request.form.get("old", ""), request.form.get("new", ""))
    return _to("data")


@pages.post("/columns")
def columns() -> Any:
    """Another target of a table, or fewer columns."""
    opened = _session().current(_number())
    _session().open(opened.place, opened.shown, wishes.reading(request.form))
    return _to("data")


# ---- training --------------------------------------------------------------------------------------------------------


@pages.get("/train")
def train() -> Any:
    """Settings, curves, the front."""
    session = _session()
    if session.opened is None:
        return _to("start")
    return _train_page(session.opened)


def _train_page(opened: Opened) -> Any:
    return render_template("train.html", choices=wishes.choices(opened), **_live())


def _live() -> dict[str, Any]:
    session = _session()
    job, fitted = session.job, session.models
    epochs, candidates = ([], []) if job is None else (job.epochs, job.candidates)
    epochs = epochs if job is not None and (job.running or len(epochs) > 1) else []
    of_budget = [c for c in candidates if job is not None and c["budget"] == job.budget]
    search, running = session.search, job is not None and job.running
    tried = [] if search is None else search.job.candidates
    facts = {n: m.facts for n, m in fitted.items()}
    score = "accuracy" if session.opened is not None and session.opened.as_read.task == "classification" else "R²"
    return {
        "job": job, "models": fitted, "epochs": epochs, "score": score,
        "trials": charts.trials(of_budget, score), "tried": len(of_budget),
        "curves": [charts.curve(epochs, "loss", "loss", 1), charts.curve(epochs, "score", f"{score} while learning", 0)]
        if epochs else [],
        "front": charts.over_bytes(tried, facts, score, pick=not running),
        "search": search, "board": [] if running else _leaderboard(search),
    }  # fmt: skip


def _leaderboard(search: Search | None) -> list[tuple[int, int | None, Mapping[str, Any]]]:
    """Trials by score: number, that of its model if it is fitted, what is known of it."""
    if search is None:
        return []
    judged = [(i, c) for i, c in enumerate(search.job.candidates) if c["validation_score"] is not None]
    ordered = sorted(judged, key=lambda trial: -trial[1]["validation_score"])
    return [(i, _session().model_of(search.number, i), trial) for i, trial in ordered]


@pages.get("/live")
def live() -> Any:
    """What the training page shows of the work that goes on; any tab may ask."""
    session = _session()
    job = session.job
    running = job is not None and job.running
    return {"running": running, "html": render_template("live.html", **_live())}


@pages.post("/train")
def begin() -> Any:
    """Train."""
    opened = _session().current(_number())
    _session().train(opened.number, wishes.wish_of(request.form, wishes.choices(opened)))
    return _to("train")


@pages.post("/pick")
def pick() -> Any:
    """Show the model of a trial; fit it first, if it is not fitted."""
    search, trial = (request.form.get(name, -1, int) for name in ("search", "trial"))
    _session().pick(search, trial)
    return _to("picked", search=search, trial=trial)


@pages.get("/picked/<int:search>/<int:trial>")
def picked(search: int, trial: int) -> Any:
    """The model of a trial, once it is fitted; until then how far that is."""
    session = _session()
    number = session.model_of(search, trial)
    if number is not None:
        return _to("model", number=number)
    if session.opened is None or session.job is None or not session.job.running:
        return _to("train")
    return _train_page(session.opened)


@pages.post("/cancel")
def cancel() -> Any:
    """End the training."""
    _session().cancel()
    return _to("train")


# ---- models ----------------------------------------------------------------------------------------------------------


def _fitted(number: int) -> Fitted:
    found = _session().models.get(number)
    if found is None:
        abort(404, f"there is no model {number}; other data were opened since, or another studio was started")
    return found


@pages.get("/models/<int:number>")
def model(number: int) -> Any:
    """A model: how good, what it takes, and its sketch on a simulated board."""
    fitted = _fitted(number)
    return render_template("model.html", fitted=fitted)


@pages.post("/models/<int:number>/simulate")
def simulate(number: int) -> Any:
    """Run the firmware on the rows of the test part."""
    _session().simulate(_fitted(number), SIMULATED_ROWS)
    return _to("model", number=number, _anchor="simulation")


@pages.get("/models/<int:number>/simulation")
def simulation(number: int) -> Any:
    """What a simulation has found, as far as it is."""
    fitted = _fitted(number)
    running = fitted.simulating is not None and fitted.simulating.running
    return {"running": running, "html": render_template("simulation.html", fitted=fitted)}


@pages.get("/models/<int:number>/sketch.zip")
def sketch(number: int) -> Any:
    """The sketch, as `edgealgos export` writes it."""
    fitted = _fitted(number)
    name = identifier(request.args.get("name", "").strip() or fitted.name)
    folder = _session().folder() / name
    arguments = understood("export", "-", str(folder), f"--board={fitted.facts['board']}")
    export_model(fitted.model, str(folder), arguments, usual_sketch(fitted.data))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder.parent))
    packed.seek(0)
    return send_file(packed, mimetype="application/zip", as_attachment=True, download_name=f"{name}.zip")


@pages.get("/models/<int:number>/model.edgealgos")
def saved(number: int) -> Any:
    """The model's file, for `edgealgos` and Python."""
    fitted = _fitted(number)
    return send_file(io.BytesIO(fitted.file.read_bytes()), as_attachment=True, download_name=f"{fitted.name}.edgealgos")


@pages.get("/assets/<name>")
def asset(name: str) -> Any:
    """Scripts and styles, the report page's among them."""
    if name not in _ASSETS:
        abort(404, "there is no such file")
    own = files(__package__) / "assets" / name
    content = own.read_text(encoding="utf-8") if own.is_file() else html.asset(name)
    return current_app.response_class(content, mimetype=_ASSETS[name])


BACK: dict[str, Callable[[], Any]] = {
    "open_path": start, "upload": start, "label": data, "rename": data, "columns": data, "begin": train,
    "cancel": train, "pick": train, "picked": train,
}  # fmt: skip
"""Page that shows what went wrong with a form."""
