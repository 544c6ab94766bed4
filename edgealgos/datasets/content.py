"""Bytes and text of files as people have them: places, compression, encodings; knows nothing of tables or sound."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ..errors import DatasetError
from ..files import what_is

LARGEST = 2**31  # unpacked bytes: what is larger is no training data for a microcontroller, or a trap
_NOT_TABLES = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"PAR1": "a Parquet file; write it as CSV, in pandas with to_csv(index=False)",
    b"ARROW1": "an Arrow file; write it as CSV, in pandas with to_csv(index=False)",
    b"\x89HDF": "an HDF5 file; write it as CSV, in pandas with to_csv(index=False)",
    b"SQLite format 3": "a database; write the table as CSV",
    b"\x93NUMPY": "a single NumPy array; save features and targets together with numpy.savez(path, X=X, y=y)",
    b"\x80\x04": "a pickle, which may run code when it is read; write the table as CSV",
    b"\x80\x05": "a pickle, which may run code when it is read; write the table as CSV",
    b"%PDF": "a PDF; copy its table into a CSV file",
    b"\x89PNG": "a picture; what is learnt from is a table",
    b"\xff\xd8\xff": "a picture; what is learnt from is a table",
    b"GIF8": "a picture; what is learnt from is a table",
    b"RIFF": "a sound; pass the folder that it lies in, with one folder of sounds a class",
    b"OggS": "a sound; convert it to WAV, and pass the folder that it lies in",
    b"fLaC": "a sound; convert it to WAV, and pass the folder that it lies in",
    b"ID3\x03": "a sound; convert it to WAV, and pass the folder that it lies in",
    b"\x7fELF": "a program; name a table",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"Rar!": "a rar archive; unpack it",
}
_NOT_TABLES_TEXT = {
    "<!doctype": "a web page; download the file itself (on GitHub: the button Raw)",
    "<html": "a web page; download the file itself (on GitHub: the button Raw)",
    "<?xml": "XML; write it as CSV",
    "{": "JSON; write it as CSV, a row a sample",
    "[{": "JSON; write it as CSV, a row a sample",
    "[[": "JSON; write it as CSV, a row a sample",
    "@relation": "an ARFF file; remove the lines up to @data and put the names of the columns in the first line",
    "version https://git-lfs": "a pointer of Git LFS; fetch the file itself with git lfs pull",
    "{\\rtf": "a text document; save it as plain text",
}
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_BOMS = (  # the four bytes of UTF-32 begin with the two of UTF-16
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_OPENERS: dict[bytes, tuple[str, Callable[[BinaryIO], BinaryIO]]] = {
    b"\x1f\x8b": ("gzip", lambda file: gzip.GzipFile(fileobj=file)),  # type: ignore[dict-item,return-value]
    b"BZh": ("bzip2", bz2.BZ2File),  # type: ignore[dict-item]
    b"\xfd7zXZ": ("xz", lzma.LZMAFile),  # type: ignore[dict-item]
}


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Content of a regular file; pipes and devices, which may never end, are refused before they are opened."""
    try:
        found = what_is(path)
        if found == "a folder":
            raise DatasetError(f"{path} is a folder; name one of its files")
        if found not in (None, "a file"):
            raise DatasetError(f"{path} is {found}, no file; write the data to a file first")
        if os.path.getsize(path) > LARGEST:
            raise DatasetError(f"{path} is larger than {LARGEST >> 20} MB; take a part of its lines")
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, DatasetError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path} cannot be read: {reason}; check the path and its permissions") from error


def unpack(path: str | os.PathLike[str], data: bytes) -> tuple[bytes, str | None]:
    """Content behind gzip, bzip2, xz or a zip of one file, and what it was packed with."""
    if data[:2] == b"PK":
        return _unzip(path, data)
    for magic, (name, opener) in _OPENERS.items():
        if data.startswith(magic):
            try:
                with opener(io.BytesIO(data)) as file:
                    inside = file.read(LARGEST + 1)
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise DatasetError(f"{path} is no intact {name} file ({error}); download or pack it again") from error
            return _bounded(path, inside), name
    return data, None


def _unzip(path: str | os.PathLike[str], data: bytes) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # A name may be empty, which before Python 3.11 ZipInfo.is_dir() does not stand.
            names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
            if any(name.startswith("xl/") for name in names):
                raise DatasetError(f"{path} is an Excel workbook; save the sheet as CSV")
            if "content.xml" in names:
                raise DatasetError(f"{path} is a LibreOffice document; save the sheet as CSV")
            if any(name.startswith("word/") for name in names):
                raise DatasetError(f"{path} is a text document; save its table as CSV")
            if len(names) != 1:
                listed = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
                raise DatasetError(f"{path} holds {len(names)} files ({listed}); unpack it and name one of them")
            if archive.getinfo(names[0]).file_size > LARGEST:
                raise DatasetError(f"{path} unpacks to more than {LARGEST >> 20} MB; take a part of its lines")
            return archive.read(names[0]), f"zip ({names[0]})"
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise DatasetError(f"{path} is no intact zip file ({error}); download or pack it again") from error


def _bounded(path: str | os.PathLike[str], data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise DatasetError(f"{path} unpacks to more than {LARGEST >> 20} MB; take a part of its lines")
    return data


def read_text(path: str | os.PathLike[str]) -> tuple[str, list[str]]:
    """Text of a file, whatever it is packed with and encoded in, line ends as ``\\n``; and what is worth saying of it.

    Raises
    ------
    DatasetError
        For what is no text: it says what the file is and what to do.
    """
    notes = []
    data, packing = unpack(path, read_bytes(path))
    if packing is not None:
        notes.append(f"unpacked from {packing}")
    for magic, what in _NOT_TABLES.items():
        if data.startswith(magic):
            raise DatasetError(f"{path} is {what}")
    text, encoding = _decode(path, data)
    if encoding != "utf-8":
        notes.append(f"read as {encoding}")
    start = text[:200].lstrip().casefold()
    for beginning, what in _NOT_TABLES_TEXT.items():
        if start.startswith(beginning):
            raise DatasetError(f"{path} is {what}")
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")  # which ended files under DOS
    strange = sum(1 for _ in _CONTROLS.finditer(text))
    if strange > len(text) // 100:
        raise DatasetError(f"{path} is no text: it holds {strange} control characters; name a table")
    return text, notes


def _decode(path: str | os.PathLike[str], data: bytes) -> tuple[str, str]:
    """By the mark at its beginning, else UTF-8, else UTF-16 by its zeros, else Windows-1252 (Latin-1 and more)."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode("utf-8-sig" if encoding == "utf-8" else encoding), encoding
            except UnicodeDecodeError as error:
                raise DatasetError(
                    f"{path} begins as {encoding} text and is none from byte {error.start} on; save it as UTF-8"
                ) from error
    if b"\0" in data:
        return _without_mark(path, data)
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise AssertionError("every byte is a character of Latin-1")


def _without_mark(path: str | os.PathLike[str], data: bytes) -> tuple[str, str]:
    """UTF-16 without a mark: every other byte of mostly Latin text is zero."""
    for encoding, zeros in (("utf-16-le", data[1::2]), ("utf-16-be", data[::2])):
        if zeros.count(0) > 0.7 * len(zeros):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError:
                continue
    line = data.count(b"\n", 0, data.index(0)) + 1
    raise DatasetError(f"{path}, line {line}: a zero byte, which no text has; it is damaged or no table, save it anew")
