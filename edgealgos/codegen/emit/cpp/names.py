"""Which names a model can have: a C++ namespace that collides with nothing. Knows lists of names, no compilers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib import resources

from edgealgos.errors import ExportError

LONGEST = 51
KEYWORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class
    co_await co_return co_yield compl concept const consteval constexpr constinit const_cast continue decltype default
    delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long
    mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile wchar_t while
    xor xor_eq""".split()  # noqa: SIM905
)
# Namespaces that are there, what cores of other boards define, and the functions of our own programs.
_TAKEN = frozenset(
    """std edgealgos arduino Arduino setup loop main init yield serialEvent Serial Serial1 Serial2 Serial3 Wire SPI
    EEPROM F PI HIGH LOW INPUT OUTPUT""".split()  # noqa: SIM905
)
_NOT_OURS = ("model", "labels", "quantize")  # what templates of these define is inside the namespace
_OWN = re.compile(r"^(?:static|void|int|enum|struct|const|typedef)\b[^;({=\n]*?\b(\w+)\s*[\[({=;]", re.M)
_ENUMERATORS = re.compile(r"^enum\b[^{;]*\{([^}]*)\}", re.M)


def checked_name(name: str, language: str = "arduino") -> str:
    """A name that can be a C++ namespace and a file name, or ExportError with one that can.

    Parameters
    ----------
    language : {"arduino", "plain"}
        What is built: a sketch, or plain C++.
    """
    if problem := _problem(name, language):
        raise ExportError(f"{name!r} {problem}; pass name={suggestion(name, language)!r}, or another")
    return name


def check_folder(folder: str, name: str) -> None:
    """ExportError unless the Arduino IDE opens a sketch folder of this name."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", folder) or folder.endswith("."):
        raise ExportError(
            f"the Arduino IDE opens no sketch in a folder called {folder!r}: letters, digits, and after the first of "
            f"these dots and dashes, 63 at most; export to a folder such as {name!r}"
        )


def suggestion(name: str, language: str) -> str:
    """A name that is as near as can be and has no problem."""
    plain = _plain(name)[: LONGEST - len("model_")] or "model"
    if not plain[0].isalpha():
        plain = f"model_{plain}"
    return plain if not _problem(plain, language) else f"{plain}_model"


def identifiers(texts: Iterable[str]) -> list[str]:
    """Names of C++ that are as near to these texts as can be, each another one: letters, digits and underscores."""
    found: dict[str, None] = {}
    for number, text in enumerate(texts):
        name = _plain(text).lower()[:LONGEST] or f"input_{number}"
        if not name[0].isalpha() or name in KEYWORDS or name in reserved("arduino") or name in reserved("plain"):
            name = f"input_{name}"
        while name in found:
            name = f"{name}_{number}"
        found[name] = None
    return list(found)


def _plain(text: str) -> str:
    """A text as letters and digits of ASCII with single underscores between them."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")


def _problem(name: str, language: str) -> str:
    if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9_]{{0,{LONGEST - 1}}}", name) or "__" in name:
        return (
            f"cannot name a C++ namespace: up to {LONGEST} letters, digits and single underscores, a letter first (the "
            "folder keeps its name)"
        )
    if name in KEYWORDS:
        return "is a word of C++"
    if name in _TAKEN or name.startswith("EDGEALGOS_"):
        return "means something else to Arduino or to edgealgos"
    if name in reserved(language):
        return "means something else in the headers of " + ("Arduino's core" if language == "arduino" else "C++")
    if name in _own_names():
        return "is the name of a function or variable of the exported program"
    return ""


@cache
def reserved(language: str) -> frozenset[str]:
    """Names that headers define, as ``tools/reserved_names.py`` found them."""
    text = (resources.files(__package__) / "reserved" / f"{language}.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


@cache
def _own_names() -> frozenset[str]:
    """What the exported programs define beside the model."""
    files = [file for file in (resources.files(__package__) / "templates").iterdir() if _is_program(file.name)]
    texts = [file.read_text(encoding="utf-8").replace("${name}", "model") for file in files]
    listed = [name for text in texts for names in _ENUMERATORS.findall(text) for name in re.findall(r"\w+", names)]
    return frozenset([*listed, *(name for text in texts for name in _OWN.findall(text))])


def _is_program(file: str) -> bool:
    return file.endswith((".ino", ".cpp", ".h")) and not file.startswith(_NOT_OURS)
