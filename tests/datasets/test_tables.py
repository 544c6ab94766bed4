"""Tables as people have them: every dialect and every mistake has its outcome, none of them silent."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import zipfile
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from edgealgos.datasets import read_table
from edgealgos.errors import DatasetError, EdgeAlgosError

IRIS = load_iris()
FEATURES = ["sl", "sw", "pl", "pw"]
LABELS = IRIS.target_names[IRIS.target]
ORDER = np.random.default_rng(0).permutation(len(LABELS))  # so that no column rises by accident
X, Y = IRIS.data[ORDER], LABELS[ORDER]


def lines(sep=",", header=True, number=str, label=str, first=False, rows=range(150)) -> list[str]:
    """Iris as lines of text."""
    found = [sep.join(["kind", *FEATURES] if first else [*FEATURES, "kind"])] if header else []
    for i in rows:
        cells = [number(v) for v in X[i].tolist()]
        found.append(sep.join([label(Y[i]), *cells] if first else [*cells, label(Y[i])]))
    return found


def text(*args, end="\n", **options) -> str:
    return end.join(lines(*args, **options)) + end


def comma(value: float) -> str:
    return str(value).replace(".", ",")


def with_line(number: int, line: str, where=None) -> str:
    """The table with one line (from 1) replaced."""
    found = lines() if where is None else where
    return "\n".join([*found[: number - 1], line, *found[number:]])


def with_columns(make, names, sep=",") -> str:
    """The table with more columns at its beginning."""
    found = lines(sep)
    return "\n".join([sep.join([*names, found[0]]), *(sep.join([*map(str, make(i)), line]) for i, line in
                                                     enumerate(found[1:]))])  # fmt: skip


def zipped(*members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def read(tmp_path, content: str, **options):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    return read_table(tmp_path / "t.csv", **options)


class Read(NamedTuple):
    """All 150 rows are read as they are; `says` is somewhere in the notes."""

    content: str | bytes
    says: str
    options: dict = {}  # noqa: RUF012


UNDERSTOOD = {
    "commas": Read(text(), "150 rows of 5 columns, parted by commas"),
    "semicolons": Read(text(";"), "parted by semicolons"),
    "tabs": Read(text("\t"), "parted by tabs"),
    "bars": Read(text("|"), "parted by bars"),
    "spaces": Read(text(" "), "parted by spaces"),
    "aligned with several spaces": Read(text("   "), "parted by spaces"),
    "spaces and tabs mixed": Read(text(" ").replace(" ", "\t", 300), "parted by spaces"),
    "spaces at the beginning of lines": Read("\n".join("  " + line for line in lines(" ")), "parted by spaces"),
    "a space after each comma": Read(text(", "), "parted by commas"),
    "spaces around tabs": Read(text(" \t "), "150 rows"),
    "semicolons and decimal commas": Read(text(";", number=comma), "decimal comma"),
    "tabs and decimal commas": Read(text("\t", number=comma), "decimal comma"),
    "spaces and decimal commas": Read(text(" ", number=comma), "decimal comma"),
    "commas and quoted decimal commas": Read(text(number=lambda v: f'"{comma(v)}"'), "decimal comma"),
    "a colon, as asked": Read(text(":"), "150 rows", {"sep": ":"}),
    "a tab, as asked": Read(text("\t"), "tabs", {"sep": "tab"}),
    "Excel's hint of its separator": Read("sep=;\n" + text(";"), "semicolons"),
    "no header": Read(text(header=False), "no header"),
    "no header, semicolons": Read(text(";", header=False, number=comma), "no header"),
    "no header, label first": Read(text(header=False, first=True), "no header"),
    "label first": Read(text(first=True), "column 'kind' is to be predicted"),
    "line ends of Windows": Read(text(end="\r\n"), "150 rows"),
    "line ends of an old Mac": Read(text(end="\r"), "150 rows"),
    "line ends mixed": Read("\r\n".join(lines()[:50]) + "\n" + "\n".join(lines()[50:]), "150 rows"),
    "blank lines": Read(text(end="\n\n"), "150 rows"),
    "blank lines of separators": Read("\n".join([*lines()[:9], ",,,,", *lines()[9:]]), "1 rows of empty cells"),
    "no end of the last line": Read(text().rstrip("\n"), "150 rows"),
    "end of file of DOS": Read(text() + "\x1a", "150 rows"),
    "comments above": Read("# measured in May\n# by Ann\n" + text(), "2 comment lines left out"),
    "comments between rows": Read("\n".join([*lines()[:9], "# a pause", *lines()[9:]]), "1 comment line left out"),
    "comments with percent signs": Read("% weather\n" + text(), "1 comment line"),
    "header in a comment, as numpy writes it": Read("# " + text(), "comment above the table names the columns"),
    "a title above": Read("Flowers of my garden\n\n" + text(), "line 1 is a title"),
    "a title above, from a spreadsheet": Read("Flowers,,,,\n,,,,\n" + text(), "line 1 is a title"),
    "a line of units": Read("\n".join([lines()[0], "cm,cm,cm,cm,", *lines()[1:]]), "line 2 holds units"),
    "a line of units, in brackets": Read("\n".join([lines()[0], "(cm),(cm),(cm),(cm),-", *lines()[1:]]), "units"),
    "the header again": Read("\n".join([*lines()[:60], *lines()[:1], *lines()[60:]]), "header stands again in line 61"),
    "separators at the end of lines": Read("\n".join(line + "," for line in lines()), "150 rows of 5 columns"),
    "separators at the end of rows alone": Read("\n".join([lines(";")[0], *(line + ";" for line in lines(";")[1:])]),
                                                "150 rows of 5 columns"),
    "separators at the end of some rows": Read(with_line(9, lines()[8] + ",,"), "150 rows"),
    "everything quoted": Read("\n".join('"' + line.replace(",", '","') + '"' for line in lines()), "150 rows"),
    "labels in single quotes": Read(text(label="'{}'".format), "text in single quotes"),
    "UTF-8 with a mark": Read(b"\xef\xbb\xbf" + text().encode(), "150 rows"),
    "UTF-16": Read(text().encode("utf-16"), "read as utf-16"),
    "UTF-16, big end first": Read(b"\xfe\xff" + text().encode("utf-16-be"), "read as utf-16"),
    "UTF-16 without a mark": Read(text().encode("utf-16-le"), "read as utf-16-le"),
    "UTF-16, big end first, without a mark": Read(text().encode("utf-16-be"), "read as utf-16-be"),
    "UTF-32": Read(text().encode("utf-32"), "read as utf-32"),
    "gzip": Read(gzip.compress(text().encode()), "unpacked from gzip"),
    "bzip2": Read(bz2.compress(text().encode()), "unpacked from bzip2"),
    "xz": Read(lzma.compress(text().encode()), "unpacked from xz"),
    "zip": Read(zipped(("iris.csv", text())), "unpacked from zip (iris.csv)"),
    "zip of a Mac": Read(zipped(("iris.csv", text()), ("__MACOSX/._iris.csv", "x")), "unpacked from zip"),
    "an index as pandas exports it": Read(with_columns(lambda i: (i,), [""]), "an index of the rows"),
    "an index of shuffled rows": Read(with_columns(lambda i: (ORDER[i],), [""]), "an index of the rows"),
    "an index that begins anew": Read(with_columns(lambda i: (i % 50,), ["Unnamed: 0"]), "an index of the rows"),
    "an index called #": Read(with_columns(lambda i: (i + 1,), ["#"]), "'#' is left out: it counts the rows"),
    "an index called #, with tabs": Read(with_columns(lambda i: (i + 1,), ["#"], "\t"), "'#' is left out"),
    "an index with a name": Read(with_columns(lambda i: (i + 1,), ["specimen"]), "counts the rows"),
    "an index that R does not name": Read(with_columns(lambda i: (i + 1,), []), "index of the rows"),
    "identifiers of text": Read(with_columns(lambda i: (f"leaf-{ORDER[i]}",), ["leaf"]), "name single rows"),
    "identifiers of numbers": Read(with_columns(lambda i: (7 * ORDER[i] + 13,), ["plant_id"]), "is an identifier"),
    "dates": Read(with_columns(lambda i: (f"2024-05-{i % 28 + 1:02}",), ["day"]), "dates or times"),
    "dates and times": Read(with_columns(lambda i: (f"2024-05-{i % 28 + 1:02}T10:{i % 60:02}:00Z",), ["t"]), "dates"),
    "dates with points": Read(with_columns(lambda i: (f"{i % 28 + 1}.05.2024",), ["day"]), "dates or times"),
    "dates in words": Read(with_columns(lambda i: (f"{i % 28 + 1} May 2024",), ["day"]), "dates or times"),
    "times of day": Read(with_columns(lambda i: (f"{i % 24:02}:{i % 60:02}",), ["hour"]), "dates or times"),
    "seconds since 1970": Read(with_columns(lambda i: (1714550400 + 7 * i + i % 3,), ["epoch"]), "rises from row"),
    "seconds with decimals": Read(with_columns(lambda i: (i * 0.01 + i % 3 * 1e-4,), ["time"]), "rises from row"),
    "a constant column": Read(with_columns(lambda i: ("3.3",), ["volts"]), "it is 3.3 in every row"),
    "an empty column": Read(with_columns(lambda i: ("",), ["remark"]), "it is empty"),
    "a column dropped": Read(with_columns(lambda i: ("red",), ["colour"]), "left out as asked", {"drop": "colour"}),
    "columns dropped by number": Read(with_columns(lambda i: ("red", "a"), ["b", "c"]), "left out as asked",
                                      {"drop": ["0", "1"]}),
    "rows with missing values dropped": Read("\n".join([*lines(), ",1,2,3,setosa", "1,2,3,NA,setosa"]),
                                             "2 rows with missing values left out", {"impute": "drop"}),
    "a row without a label dropped": Read("\n".join([*lines(), "1,2,3,4,"]), "1 rows with missing", {"impute": "drop"}),
}  # fmt: skip


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_dialects_are_understood_and_said(name, tmp_path):
    content, says, options = UNDERSTOOD[name]
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    table = read_table(path, **options)
    assert says in "\n".join(table.notes)
    np.testing.assert_array_equal(np.asarray(table.X), X)
    assert table.y.tolist() == Y.tolist()
    assert table.task == "classification"
    named = "no header" not in says
    first = "label first" in name and not named
    assert list(table.X.columns) == (FEATURES if named else [f"column{i + first}" for i in range(4)])


class Refused(NamedTuple):
    """The error says all of `says`."""

    content: str | bytes
    says: tuple[str, ...]
    options: dict = {}  # noqa: RUF012


REFUSED = {
    "an empty file": Refused("", ("is empty",)),
    "blank lines alone": Refused("\n\n \n", ("is empty",)),
    "comments alone": Refused("# a\n\n", ("comments and nothing else",)),
    "a header alone": Refused(lines()[0], ("header and no rows",)),
    "separators alone": Refused(",,,\n,,,\n", ("separators and nothing else",)),
    "one column": Refused("a\n1\n2\n", ("has one column", "sep=")),
    "an unknown separator": Refused(text("&"), ("has one column", "sep=")),
    "another separator than asked": Refused(text(";"), ("has one column",), {"sep": "tab"}),
    "a separator that is none": Refused(text(), ("sep='ab'", "one character"), {"sep": "ab"}),
    "a row with fewer cells": Refused(with_line(7, "1,2,setosa"), ("line 7", "3 cells", "5 columns")),
    "a row with more cells": Refused(with_line(7, "1,2,3,4,5,setosa"), ("line 7", "6 cells")),
    "a decimal comma among points": Refused(with_line(7, '"1,5",2,3,4,setosa'), ("line 7", "'1,5'", "decimal")),
    "a decimal point among commas": Refused(
        with_line(7, "1.5;2;3;4;setosa", lines(";", number=comma)), ("line 7", "'1.5'", "decimal")),
    "a comma that is decimal or parts thousands": Refused(
        "a;b;kind\n" + "1,234;2;x\n2,345;3;y\n" * 9, ("line 2", "'1,234'", "decimal=")),
    "a decimal mark that is none": Refused(text(), ("decimal='x'",), {"decimal": "x"}),
    "decimal commas that are separators, too": Refused(
        text(number=comma), ("line 1", "names 5 columns", "9 cells", "decimal commas")),
    "one decimal comma that is a separator, too": Refused(
        "a,b,kind\n" + "1,5,2,x\n1,7,3,y\n" * 9, ("line 1", "names 3 columns", "4 cells")),
    "a header of more columns than there are": Refused(
        "\n".join([lines()[0] + ",colour", *lines()[1:]]), ("line 1", "names 6 columns", "5 cells")),
    "a unit in every cell": Refused(text(number="{} cm".format), ("line 2, column 'sl'", "leave the unit out"),
                                    {"target": "kind"}),
    "missing values in the whole first row": Refused(with_line(2, "?,?,?,?,setosa"), ("line 2, column 'sl'", "miss")),
    "a quote that is not closed": Refused(with_line(7, '"1,2,3,4,setosa'), ("line 7", "quote is not closed")),
    "a quote within a quoted cell": Refused(with_line(7, '1,2,3,4,"se"tosa"'), ("line 7", "quotes are wrong")),
    "text among numbers": Refused(with_line(7, "1,2,x3,4,setosa"), ("line 7, column 'pl'", "'x3' is no number")),
    "a unit in a cell": Refused(with_line(7, "1,2,3cm,4,setosa"), ("line 7, column 'pl'", "'3cm' is no number")),
    "a percentage": Refused(with_line(7, "1,2,3%,4,setosa"), ("line 7, column 'pl'", "'3%' is no number")),
    "an underscore in a number": Refused(with_line(7, "1,2,1_0,4,setosa"), ("line 7, column 'pl'", "'1_0'")),
    "two signs": Refused(with_line(7, "1,2,--5,4,setosa"), ("line 7, column 'pl'", "'--5'")),
    "two points": Refused(with_line(7, "1,2,1.2.3,4,setosa"), ("line 7, column 'pl'", "'1.2.3'")),
    "hexadecimal": Refused(with_line(7, "1,2,0x1F,4,setosa"), ("line 7, column 'pl'", "'0x1F'")),
    "a date among numbers": Refused(with_line(7, "1,2,3-May,4,setosa"), ("line 7, column 'pl'", "'3-May'")),
    "text among numbers, without a header": Refused(
        with_line(1, "1.5,abc,3,4,setosa", lines(header=False)), ("line 1, column 'column1'", "'abc'")),
    "text among numbers, below a cell of two lines": Refused(
        with_line(7, "1,2,3,4,\"iris\nsetosa\"\n1,2,x3,4,setosa"), ("line 9, column 'pl'", "'x3'")),
    "NaN": Refused(with_line(7, "1,2,nan,4,setosa"), ("line 7, column 'pl'", "missing ('nan')", "impute=")),
    "an empty cell": Refused(with_line(7, "1,2,,4,setosa"), ("line 7, column 'pl'", "missing ('')", "impute=")),
    "NA": Refused(with_line(7, "1,2,NA,4,setosa"), ("line 7, column 'pl'", "missing ('NA')")),
    "a question mark": Refused(with_line(7, "1,2,?,4,setosa"), ("line 7, column 'pl'", "missing ('?')")),
    "an error of a spreadsheet": Refused(with_line(7, "1,2,#DIV/0!,4,setosa"), ("line 7", "missing ('#DIV/0!')")),
    **{
        f"the error {cell} of a spreadsheet where a line begins": Refused(
            with_line(7, f"{cell},2,3,4,setosa"), ("line 7", f"missing ('{cell}')"))
        for cell in ("#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#num!")
    },
    "a missing value in the first row, without a header": Refused(
        with_line(1, "?,2,3,4,setosa", lines(header=False)), ("line 1, column 'column0'", "missing")),
    "infinity": Refused(with_line(7, "1,2,inf,4,setosa"), ("line 7, column 'pl'", "'inf' is infinite")),
    "infinity, written out": Refused(with_line(7, "1,2,-Infinity,4,setosa"), ("line 7, column 'pl'", "infinite")),
    "infinity is not filled": Refused(with_line(7, "1,2,inf,4,setosa"), ("line 7", "infinite"), {"impute": "mean"}),
    "a number too large for a double": Refused(with_line(7, "1,2,1e400,4,setosa"), ("line 7", "too large")),
    "a number too large for a float": Refused(with_line(7, "1,2,3e38,4,setosa"), ("line 7", "too large")),
    "no label": Refused(with_line(7, "1,2,3,4,"), ("line 7, column 'kind'", "no label", "impute='drop'")),
    "a label of a question mark": Refused(with_line(7, "1,2,3,4,?"), ("line 7, column 'kind'", "no label")),
    "one class": Refused(text(label=lambda y: "iris"), ("every row has the label 'iris'",), {"target": "kind"}),
    "a label for each row": Refused(
        "a,b,name\n" + "".join(f"{i % 7},{i % 5},n{i}\n" for i in range(99)), ("99 different labels",),
        {"target": "name"}),
    "too many classes": Refused(
        "a,b,name\n" + "".join(f"{i % 7},{i % 5},n{i % 300}\n" for i in range(900)), ("300 different labels", "255")),
    "numbers with decimals as classes": Refused(
        "a,b,c\n" + "".join(f"{i % 7},{i % 5},{i / 7}\n" for i in range(99)), ("99 different", "task='regression'"),
        {"task": "classification"}),
    "text as numbers": Refused(text(), ("line 2, column 'kind'", "no number to be predicted"), {"task": "regression"}),
    "a task that is none": Refused(text(), ("task='sorting'",), {"task": "sorting"}),
    "several columns of text": Refused(
        "a,colour,leaf,b\n" + "1.5,red,oak,2\n2.5,blue,elm,3\n" * 9, ("'colour', 'leaf'", "target=")),
    "a target that is not there": Refused(text(), ("no column 'colour'", "sl, sw, pl, pw, kind"), {"target": "colour"}),
    "a target number that is not there": Refused(text(), ("no column '5'", "from 0 to 4"), {"target": "5"}),
    "a dropped column that is not there": Refused(text(), ("no column 'colour'",), {"drop": ["colour"]}),
    "text that is a feature": Refused(
        with_columns(lambda i: ("red" if i % 3 else "blue",), ["colour"]), ("column 'colour'", "text", "drop='colour'"),
        {"target": "kind"}),
    "nothing but the target": Refused("kind,colour\nx,1\ny,2\n", ("no column to learn from",),
                                      {"drop": "colour", "target": "kind"}),
    "impute with what is no way": Refused(text(), ("impute='guess'",), {"impute": "guess"}),
    "every row with a missing value": Refused(
        "a,b,kind\n" + "1,,x\n,2,y\n" * 9, ("every row has a missing value",), {"impute": "drop"}),
    "an Excel workbook": Refused(zipped(("xl/workbook.xml", ""), ("[Content_Types].xml", "")), ("Excel", "CSV")),
    "an old Excel workbook": Refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), ("Excel", "CSV")),
    "a LibreOffice document": Refused(zipped(("content.xml", ""), ("meta.xml", "")), ("LibreOffice", "CSV")),
    "a Word document": Refused(zipped(("word/document.xml", ""), ("a", "")), ("text document",)),
    "a zip of several files": Refused(zipped(("a.csv", "1"), ("b.csv", "2")), ("2 files", "a.csv, b.csv")),
    "half a zip": Refused(zipped(("a.csv", text()))[:200], ("no intact zip",)),
    "half a gzip": Refused(gzip.compress(text().encode())[:200], ("no intact gzip",)),
    "half an xz": Refused(lzma.compress(text().encode())[:200], ("no intact xz",)),
    "a Parquet file": Refused(b"PAR1" + bytes(99), ("Parquet",)),
    "a database": Refused(b"SQLite format 3\0" + bytes(99), ("database",)),
    "a picture": Refused(b"\x89PNG\r\n\x1a\n" + bytes(99), ("picture",)),
    "a sound": Refused(b"RIFF" + bytes(99), ("sound", "folder")),
    "a pickle": Refused(b"\x80\x04" + bytes(99), ("pickle",)),
    "a web page": Refused("<!DOCTYPE html>\n<html>", ("web page", "Raw")),
    "JSON": Refused('[{"a": 1}]', ("JSON",)),
    "an ARFF file": Refused("@RELATION iris\n@attribute a real\n@data\n1,2", ("ARFF",)),
    "a pointer of Git LFS": Refused("version https://git-lfs.github.com/spec/v1\noid", ("Git LFS",)),
    "zero bytes": Refused(text().encode()[:500] + bytes(9) + text().encode(), ("zero byte", "line 2")),
    "half a UTF-16": Refused(text().encode("utf-16")[:-1], ("utf-16", "UTF-8")),
    "bytes that are no text": Refused(bytes(range(1, 256)) * 9, ("no text",)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_mistakes_are_refused_with_their_place_and_what_to_do(name, tmp_path):
    content, says, options = REFUSED[name]
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(EdgeAlgosError) as caught:
        read_table(path, **options)
    message = str(caught.value)
    assert str(path) in message or "=" in says[0]
    assert all(part in message for part in says), message
    assert "\n" not in message.replace(repr("\n"), "")


# ---- tables for a model ----------------------------------------------------------------------------------------------


def test_columns_are_taken_by_the_names_that_a_model_knows(tmp_path):
    table = read(tmp_path, with_columns(lambda i: ("x", 7), ["colour", "volts"]), features=["pw", "volts", "sl"])
    assert list(table.X.columns) == ["pw", "volts", "sl"]
    assert table.X["volts"].tolist() == [7.0] * 150
    with pytest.raises(DatasetError, match="lacks the column 'weight' that the model was trained with; it has"):
        read(tmp_path, text(), features=["sl", "weight"])


def test_a_file_without_targets_is_read_for_a_model(tmp_path):
    table = read(tmp_path, "a,b\n1,2\n3,4\n", features=["b", "a"])
    assert table.y is None
    assert table.X.to_numpy().tolist() == [[2, 1], [4, 3]]


# ---- places ----------------------------------------------------------------------------------------------------------


def test_places_that_are_no_files(tmp_path):
    for path, says in ((tmp_path, "is a folder"), (tmp_path / "no.csv", "does not exist"), ("a\0b", "cannot be read")):
        with pytest.raises(DatasetError, match=says):
            read_table(path)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are a thing of Unix")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DatasetError, match="is a named pipe"):
        read_table(tmp_path / "pipe.csv")
    with pytest.raises(DatasetError, match="is a device"):
        read_table("/dev/null")


def test_a_file_that_must_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(text())

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(DatasetError, match="Permission denied; check the path and its permissions"):
        read_table(tmp_path / "t.csv")


BORDERED = {
    "pixel{}": 64, "column{}": 64, "p{}_of_64": 30, "x{}": 25,
}  # fmt: skip


@pytest.mark.parametrize(("name", "count"), BORDERED.items())
def test_constant_columns_in_long_numbered_series_keep_their_place(name, count, tmp_path):
    rng = np.random.default_rng(0)
    pixels = pd.DataFrame(rng.normal(size=(40, count)).round(3), columns=[name.format(i) for i in range(count)])
    pixels.iloc[:, [0, count // 2, count - 1]] = 0.0
    pixels.assign(volts=3.3, label=["a", "b"] * 20).to_csv(tmp_path / "t.csv", index=False)
    table = read_table(tmp_path / "t.csv")
    assert list(table.X.columns) == list(pixels.columns)
    assert list(table.left_out) == ["volts"]


@pytest.mark.parametrize(("count", "constant"), [(24, 3), (40, 21)])
def test_constant_columns_of_short_or_mostly_constant_series_are_left_out(count, constant, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(40, count)).round(3), columns=[f"x{i}" for i in range(count)])
    table.iloc[:, :constant] = 0.0
    table.assign(label=["a", "b"] * 20).to_csv(tmp_path / "t.csv", index=False)
    assert list(read_table(tmp_path / "t.csv").left_out) == [f"x{i}" for i in range(constant)]
