"""The command studio: starts the local page, if its framework is here; knows nothing of it."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

import edgealgos as ea


def studio(arguments: argparse.Namespace) -> int:
    """Serve the studio until the user ends it."""
    if find_spec("flask") is None:
        raise ea.MissingToolError("flask", "serve the studio", "pip install 'edgealgos[studio]'")
    from ..studio.server import serve

    serve(arguments.port, not arguments.no_browser)
    return 0
