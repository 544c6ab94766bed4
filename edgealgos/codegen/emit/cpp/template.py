"""Whole-file templates of the package; knows their folder alone."""

from __future__ import annotations

from importlib import resources
from string import Template


def template(name: str) -> Template:
    """A whole-file template of the package."""
    return Template((resources.files(__package__) / "templates" / name).read_text(encoding="utf-8"))
