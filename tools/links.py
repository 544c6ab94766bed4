"""Links of pages to elsewhere: ``python -m tools.links`` asks each whether it is still there.

The tests have no network: they check the form of these, and that links within the site lead somewhere.
"""

from __future__ import annotations

import re
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from .docs import ROOT

_PAGES = ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/**/*.md")
_URL = re.compile(r"https?://[^\s\"'`<>\\|]+")
_OURS = ("localhost", "127.0.0.1")
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.IGNORECASE)


def external(root: Path) -> dict[str, list[str]]:
    """Addresses, and the files that mention each."""
    found: dict[str, list[str]] = {}
    for pattern in _PAGES:
        for path in sorted(root.glob(pattern)):
            for url in _URL.findall(path.read_text(encoding="utf-8")):
                url = url.rstrip(".,;:*")
                url = url[: -url.count(")")] if url.count(")") > url.count("(") else url
                if "{" not in url and urlsplit(url).hostname not in _OURS:
                    found.setdefault(url.rstrip(".,;"), []).append(path.relative_to(root).as_posix())
    return found


def form(url: str) -> str:
    """What is wrong with an address as it is written; empty if nothing."""
    parts = urlsplit(url)
    if not _NAME.fullmatch(parts.hostname or ""):
        return f"{parts.hostname!r} is no name of a computer"
    if parts.scheme != "https":
        return "it is not https"
    return ""


def lost(url: str) -> str:
    """Why nothing is found there; empty if something is."""
    request = urllib.request.Request(url, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        with urllib.request.urlopen(request, timeout=20):
            return ""
    except (OSError, ValueError) as error:
        return str(error)


if __name__ == "__main__":
    gone = {url: why for url in external(ROOT) if (why := form(url) or lost(url))}
    for address, reason in gone.items():
        print(f"{address}: {reason} ({', '.join(external(ROOT)[address])})")
    sys.exit(bool(gone))
