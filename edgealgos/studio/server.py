"""The server of the studio: this computer alone, one address with a key, a clean end; knows no page."""

from __future__ import annotations

import logging
import signal
import socket
import webbrowser
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

import edgealgos as ea

from .app import create_app
from .guard import Guard
from .session import Session

HOST = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    """Says no word of each request."""

    def log_request(self, *details: Any) -> None:
        """Nothing."""


def serve(port: int, show: bool) -> None:
    """Serve until Ctrl-C or the end of the terminal.

    Parameters
    ----------
    port : int
        0: any that is free.
    show : bool
        Whether to open a browser.

    Raises
    ------
    EdgeAlgosError
        If the port is not free.
    """
    with _bound(port) as bound:
        guard = Guard(bound.getsockname()[1])
        session = Session()
        try:
            server = make_server(HOST, guard.port, create_app(session, guard), threaded=True, request_handler=_Quiet,
                                 fd=bound.fileno())  # fmt: skip
            logging.getLogger("werkzeug").setLevel(logging.ERROR)
            signal.signal(signal.SIGTERM, _stop)
            print(f"the studio is at {guard.address}\nCtrl-C ends it", flush=True)
            if show:
                webbrowser.open(guard.address)
            server.serve_forever()  # returns after Ctrl-C
        finally:
            session.close()
    print("\nthe studio has ended", flush=True)


def _bound(port: int) -> socket.socket:
    """A socket that listens."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise ea.EdgeAlgosError(
            f"port {port} of this computer cannot be used ({error.strerror or error}), perhaps by another studio; give "
            f"another one with --port {port % 65535 + 1}, or --port 0 for any that is free"
        ) from error
    return bound


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
