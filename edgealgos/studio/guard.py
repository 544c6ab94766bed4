"""Who may ask: the browser that was given the key, under this computer's own name, from the studio's own pages."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, abort, redirect, request

# Nothing is loaded from elsewhere, no page of others may frame these, and no script stands in a page's text.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Guard:
    """Secrets of one run of the server.

    Parameters
    ----------
    port : int
    key : str
        Stands in the address that is opened, then in a cookie: other users of the computer do not have it.
    token : str
        Stands in every form: pages of others do not have it.
    """

    port: int
    key: str = field(default_factory=secrets.token_urlsafe)
    token: str = field(default_factory=secrets.token_urlsafe)

    @property
    def hosts(self) -> set[str]:
        """Names that a browser may call the server by; others may be an attacker's that lead here."""
        names = {"127.0.0.1", "localhost"}
        usual = names if self.port == 80 else set()  # which browsers leave out
        return {f"{name}:{self.port}" for name in names} | usual

    @property
    def address(self) -> str:
        """What to open."""
        return f"http://127.0.0.1:{self.port}/?key={self.key}"

    @property
    def cookie(self) -> str:
        """Its name: cookies do not know ports."""
        return f"edgealgos-{self.port}"

    def install(self, app: Flask) -> None:
        """Check every request of an application, and mark every answer."""
        app.before_request(self.check)
        app.after_request(self.mark)

    def check(self) -> Any:
        """None for what may pass."""
        if request.host not in self.hosts:
            abort(403, f"this studio answers at 127.0.0.1:{self.port} alone, not at {request.host[:80]!r}")
        given = request.args.get("key")
        if given is not None and self._same(given, self.key):
            answer = redirect("/", 303)
            answer.set_cookie(self.cookie, self.key, httponly=True, samesite="Strict")
            return answer
        if not self._same(request.cookies.get(self.cookie, ""), self.key):
            abort(403, "open the whole address that the terminal shows, with its key")
        if request.method not in ("GET", "HEAD"):
            origin = request.headers.get("Origin")
            if origin is not None and origin.removeprefix("http://") not in self.hosts:
                abort(403, "this form was sent by a page that is not the studio's")
            if not self._same(request.form.get("token", ""), self.token):
                abort(403, "this page is of an earlier run of the studio; load it again")
        return None

    def mark(self, answer: Response) -> Response:
        """Add what browsers shall keep to."""
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    @staticmethod
    def _same(given: str, secret: str) -> bool:
        return secrets.compare_digest(given.encode(), secret.encode())
