"""The studio as a Flask application: guard, limits, errors as sentences on the page; knows no data."""

from __future__ import annotations

import traceback
from typing import Any

from flask import Flask, current_app, g, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

import edgealgos as ea

from .guard import Guard
from .session import Refused, Session
from .uploads import MOST_BYTES, MOST_FILES
from .views import BACK, pages
from .words import plainly


def create_app(session: Session, guard: Guard, most_bytes: int = MOST_BYTES) -> Flask:
    """The application.

    Parameters
    ----------
    session : Session
    guard : Guard
    most_bytes : int
        Of an upload.
    """
    app = Flask(__name__, static_folder=None)
    app.config.update(SESSION=session, MAX_CONTENT_LENGTH=most_bytes, MAX_FORM_PARTS=MOST_FILES)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    guard.install(app)
    app.register_blueprint(pages)
    app.context_processor(lambda: {"session": session, "token": guard.token, "most_bytes": most_bytes})
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(Exception, _fault)
    return app


def _too_large(error: Exception) -> Any:
    most = current_app.config["MAX_CONTENT_LENGTH"] / 2**20
    sentence = f"that is more than the {most:,.0f} MB or {MOST_FILES:,} files that an upload may have; give its path"
    return _plain(f"{sentence} on this computer instead, which has no limit", 413)


def _http(error: HTTPException) -> Any:
    return _plain(error.description or error.name, error.code or 500)


def _plain(sentence: str, status: int) -> Any:
    """A page of its own: what was asked for is not known, or may not be shown."""
    return render_template("sentence.html", sentence=sentence), status


def _fault(error: Exception) -> Any:
    """What went wrong, on the page that it was asked from."""
    status = 409 if isinstance(error, Refused) else 400
    if isinstance(error, ea.EdgeAlgosError | ValueError | OSError):
        sentence = plainly(str(error))
    else:
        traceback.print_exc()
        status, sentence = 500, f"a fault of edgealgos ({type(error).__name__}: {error}); please report it"
    g.sentence = sentence
    back = BACK.get((request.endpoint or "").rpartition(".")[2])
    return _plain(sentence, status) if back is None else (back(), status)
