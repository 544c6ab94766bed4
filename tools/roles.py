"""Shows roles in docstrings, such as ``:class:`Budget```, as MkDocs can: a link where the name is public, else code."""

from __future__ import annotations

import re
from typing import Any

import griffe

from .docs import MODULES, public_names

_ROLE = re.compile(r":(?:class|func|meth|attr|mod):`~?\.?([\w.]+)`")


class Roles(griffe.Extension):
    """An extension of what reads the docstrings for MkDocs."""

    def __init__(self) -> None:
        self._homes = {name: home for module in MODULES for name, home in public_names(module).items()}

    def on_object(self, *, obj: griffe.Object, **more: Any) -> None:
        """Mends the docstring of anything that has one."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(self._shown, obj.docstring.value)

    def _shown(self, role: re.Match[str]) -> str:
        name = role[1].rpartition(".")[2]
        return f"[`{name}`][{self._homes[name]}]" if name in self._homes else f"`{name}`"
