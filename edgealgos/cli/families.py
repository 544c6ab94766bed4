"""Estimators of the public page as families with flags, read from their constructors; knows no command.

A family that joins the public page has its name, its flags and their help without a line being written here.
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import edgealgos as ea

from .values import TEACHERS, augmenters, class_weight, literal, made_augmenter, made_teacher

_SUFFIXES = {"classification": "Classifier", "regression": "Regressor"}
_MADE = {"teacher": made_teacher, "augment": made_augmenter, "class_weight": class_weight}
DEFAULT = "bonsai"
BASE = {"random_state": 0, "verbose": 1}  # of a command, where the estimators have other defaults
_CHOSEN = {"augment": "what looks like pictures is moved"}  # what None stands for, where "none" is something else
_TYPED = {  # what is typed for values that are objects in Python
    "teacher": ("MODEL", f"model whose answers are learnt from: auto, none, {', '.join(TEACHERS)}, or a saved model"),
    "augment": (
        "NAME",
        f"random versions of the rows: {', '.join(augmenters())}, with values as in time-jitter:5, or none",
    ),
    "class_weight": ("CLASS=X,...", "weights of the classes in the loss: balanced, or yes=3,no=1"),
}


@dataclass(frozen=True)
class Parameter:
    """A constructor parameter as a flag.

    Parameters
    ----------
    name : str
    help : str
        First sentence of its description, with default and families.
    metavar : str
        What the docstring says of its type.
    families : tuple of str
        Families that have it.
    """

    name: str
    help: str
    metavar: str
    families: tuple[str, ...]

    @property
    def flag(self) -> str:
        """As it is typed."""
        return "--" + self.name.replace("_", "-")


@cache
def families() -> dict[str, dict[str, type]]:
    """Estimators by family name and task."""
    found: dict[str, dict[str, type]] = {}
    for task, suffix in _SUFFIXES.items():
        for name in ea.__all__:
            kind = getattr(ea, name)
            if name.endswith(suffix) and isinstance(kind, type) and hasattr(kind, "fit"):
                found.setdefault(name.removesuffix(suffix).lower(), {})[task] = kind
    return dict(sorted(found.items()))


def default_family(given: Collection[str] = ()) -> str:
    """``auto``, unless a setting was given that a search does not have."""
    return DEFAULT if any("auto" not in parameters()[name].families for name in given) else "auto"


@cache
def parameters() -> dict[str, Parameter]:
    """All constructor parameters of all families, by name."""
    holders: dict[str, list[str]] = {}
    described: dict[str, tuple[str, str]] = {}
    defaults: dict[str, Any] = {}
    for family, kinds in families().items():
        for kind in kinds.values():
            told = _described(kind)
            for name, parameter in inspect.signature(kind).parameters.items():
                if family not in holders.setdefault(name, []):
                    holders[name].append(family)
                defaults.setdefault(name, parameter.default)
                if name in told:
                    described.setdefault(name, told[name])
    found = {}
    for name, owners in holders.items():
        type_text, text = described.get(name, ("", ""))
        metavar, text = _TYPED.get(name, (_metavar(type_text), text))
        only = "" if len(owners) == len(families()) else f"; {', '.join(owners)}"
        default = _CHOSEN.get(name) or _shown(BASE.get(name, defaults[name]))
        description = f"{text} (default: {default}{only})"
        found[name] = Parameter(name, description, metavar, tuple(owners))
    return found


def _shown(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _described(kind: type) -> dict[str, tuple[str, str]]:
    """Type and first sentence of each parameter in a numpydoc docstring; references to other classes are none."""
    section = (inspect.getdoc(kind) or "").partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    found = {}
    for names, type_text, body in re.findall(r"^(\w[\w, ]*) : (.*)\n((?:    .*\n?)+)", section, re.MULTILINE):
        text = " ".join(body.split())
        sentence = re.split(r"(?<=[.;])\s", text)[0].rstrip(".;").replace("``", "").replace("`", "")
        for name in names.split(", "):
            found[name] = (type_text, sentence)
    return found


def _metavar(type_text: str) -> str:
    """The values that a type allows, short."""
    options = re.search(r"\{(.*?)\}", type_text)
    if options:
        values = options[1].replace('"', "").replace(" ", "").replace(",", "|")
        return values if len(values) <= 24 else values.split("|")[0] + "|..."
    kind = type_text.split(",")[0].split(" or ")[0].strip()
    return {"int": "N", "float": "X", "callable": "NAME", "dict": "CLASS=X,..."}.get(kind, "VALUE")


def make_estimator(family: str, task: str, given: Mapping[str, str], base: Mapping[str, Any]) -> Any:
    """A new estimator with the options of the command line.

    Parameters
    ----------
    family, task : str
    given : mapping
        Values as they were typed, by parameter.
    base : mapping
        Values for parameters that were not given, where the family has them.
    """
    kinds = families()[family]
    if task not in kinds:
        others = ", ".join(name for name, has in families().items() if task in has)
        raise ea.EdgeAlgosError(f"there is no {_SUFFIXES[task].lower()} of the family {family}; take one of {others}")
    kind = kinds[task]
    known = inspect.signature(kind).parameters
    for name in given:
        if name not in known:
            owners = ", ".join(parameters()[name].families)
            raise ea.EdgeAlgosError(
                f"{parameters()[name].flag} is a setting of {owners}; the {_SUFFIXES[task].lower()} {family} has none"
            )
    options = {name: value for name, value in base.items() if name in known}
    options |= {name: _MADE.get(name, literal)(text) for name, text in given.items()}
    return kind(**options)


def in_flags(message: str) -> str:
    """A message of the library in the words of the command line: flags instead of Python's arguments."""
    flags = {name: parameter.flag for name, parameter in parameters().items()} | _OWN_FLAGS
    message = re.sub(r"The '(\w+)' parameter of \w+", lambda m: flags.get(m[1], m[0]), message)
    for python, flag in _PHRASES.items():
        message = message.replace(python, flag)

    def flag_of(match: re.Match[str]) -> str:
        flag = flags.get(match["name"])
        if flag is None:
            return match[0]
        value = match["value"]
        return flag if value in ("", "...") else f"{flag} {_unquoted(value)}"

    message = re.sub(
        r"""\b(?P<name>\w+)=(?P<value>'[^']*'|"[^"]*"|\.\.\.|[\w.%+-]*\w|(?=[\s,;:)]|$))""", flag_of, message
    )
    several = sorted((name for name in flags if "_" in name), key=len, reverse=True)
    return re.sub(rf"\b({'|'.join(several)})\b(?!\()", lambda m: flags[m[1]], message)


_OWN = """
    target drop keep impute sep decimal board name optimize layout application test_size rate units sensor device_rate
    window acceleration_range rotation_range
"""
_OWN_FLAGS = {name: "--" + name.replace("_", "-") for name in _OWN.split()}
_PHRASES = {
    "task='regression'": "--regression", "task='classification'": "--classification", "overwrite=True": "--overwrite",
    "input_buffer=False": "--no-input-buffer", "header=False": "--no-header", "header=True": "--header",
}  # fmt: skip


def _unquoted(value: str) -> str:
    return shlex.quote(value[1:-1]) if value[:1] in "'\"" else value
