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
    "separators at the end of rows": Read("\n".join([lines()[0], *(line + ";" for line in lines(";")[1:])])
                                          .replace(lines()[0], lines(";")[0]), "150 rows of 5 columns"),
    "separators at the end of some rows": Read(with_line(9, lines()[8] + ",,"), "150 rows"),
    "everything quoted": Read(text('","').replace("\n", '"\n"').join(['"', ""])[:-1], "150 rows"),
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


# ---- what is predicted -----------------------------------------------------------------------------------------------


def read(tmp_path, content: str, **options):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    return read_table(tmp_path / "t.csv", **options)


def rows(*columns, names=None) -> str:
    """A table of functions of the row number."""
    found = [",".join(str(column(i)) for column in columns) for i in range(60)]
    return "\n".join([names or ",".join("abcdefgh"[: len(columns) - 1]) + ",kind", *found])


def noise(i: int) -> float:
    return round(float(np.random.default_rng(i).normal()), 3)


@pytest.mark.parametrize("labels", [
    ["01", "1", "1_1", "11"], ["001", "01", "1"], ["1", "1.0", "+1"], ["yes", "YES"], ["a", "A "], ["-0", "0"],
    ["none", "some"], ["NA", "SA"], ["null", "one"], ["True", "False"], ["1e3", "1000"], ["٣", "3"], ["ä", "a"],
    ["C#", "C"], ["inf", "1"], ["007", "7", "o7"], ["2024-01-01", "2024-01-02"], ["a;b", "c"], ["-", "+"],
])  # fmt: skip
def test_labels_stay_the_text_that_they_are(labels, tmp_path):
    table = read(tmp_path, rows(noise, lambda i: labels[i % len(labels)]), target="kind")
    assert table.task == "classification"
    assert table.y.tolist() == [labels[i % len(labels)].strip() for i in range(60)]


@pytest.mark.parametrize("labels", [[0, 1, 2], [-1, 1], [7, 12345678901234567], list(range(20))])
def test_labels_that_are_whole_numbers_are_numbers(labels, tmp_path):
    table = read(tmp_path, rows(noise, lambda i: labels[i % len(labels)]))
    assert table.y.tolist() == [labels[i % len(labels)] for i in range(60)]
    assert table.task == "classification"


def test_labels_that_are_nearly_alike_are_told(tmp_path):
    assert "differ in case alone" in str(read(tmp_path, rows(noise, lambda i: ["oak", "Oak"][i % 2])).notes)
    assert "differ as text alone" in str(read(tmp_path, rows(noise, lambda i: ["01", "1"][i % 2])).notes)
    assert "'none' is a class" in str(read(tmp_path, rows(noise, lambda i: ["none", "tap"][i % 2])).notes)


@pytest.mark.parametrize(("value", "said"), [
    (noise, "numbers with decimals"), (lambda i: (i * 37) % 60, "60 different whole numbers"),
    (lambda i: f"{i % 25}", "25 different"), (lambda i: 0.5 * (i % 3), "3 different numbers with decimals"),
])  # fmt: skip
def test_targets_that_are_amounts_are_predicted_as_numbers(value, said, tmp_path):
    table = read(tmp_path, rows(noise, value, names="a,y"))
    assert table.task == "regression"
    assert said in "\n".join(table.notes)
    assert table.y.tolist() == [float(value(i)) for i in range(60)]


@pytest.mark.parametrize(("names", "target"), [
    ("a,b,c", "c"), ("label,b,c", "label"), ("a,Class,c", "Class"), ("a,b,y", "y"), ("TARGET,a,b", "TARGET"),
])  # fmt: skip
def test_the_target_is_found_by_its_name_or_is_the_last(names, target, tmp_path):
    table = read(tmp_path, rows(*[lambda i, k=k: (i * (k + 2)) % 7 % 3 for k in range(3)], names=names))
    assert table.target == target


@pytest.mark.parametrize("target", ["kind", "KIND", " kind", "4", "-1", 4, "0", 0])
def test_the_target_is_found_by_name_or_number(target, tmp_path):
    first = str(target) == "0"
    table = read(tmp_path, text(first=first), target=target)
    assert table.target == "kind"
    assert list(table.X.columns) == FEATURES


def test_a_name_that_is_a_number_goes_before_the_number(tmp_path):
    table = read(tmp_path, "4,a,b,c,0\n" + text(header=False), target="0")
    assert table.y.tolist() == Y.tolist()


def test_names_that_are_numbers_are_a_header(tmp_path):
    table = read(tmp_path, "0,1,2,3,4\n" + text(header=False))
    assert len(table.y) == 150
    assert list(table.X.columns) == ["0", "1", "2", "3"]


def test_a_first_row_of_whole_numbers_is_no_header(tmp_path):
    table = read(tmp_path, "\n".join(f"{3 + i % 5},{7 - i % 3},{i % 2}" for i in range(40)))
    assert len(table.y) == 40
    table = read(tmp_path, "\n".join(f"{3 + i % 5},{7 - i % 3},{'ab'[i > 0]}" for i in range(40)), header=False)
    assert table.y.tolist() == ["a"] + ["b"] * 39


def test_the_header_can_be_told(tmp_path):
    assert len(read(tmp_path, "1,2,3\n" + "4,5,0\n6,7,1\n" * 9, header=True).y) == 18
    assert len(read(tmp_path, "1,2,3\n" + "4,5,0\n6,7,1\n" * 9, header=False).y) == 19


def test_columns_of_one_name_get_names_of_their_own(tmp_path):
    table = read(tmp_path, rows(noise, lambda i: i * 7 % 60, lambda i: "ab"[i % 2], names="a,a,kind"))
    assert list(table.X.columns) == ["a", "a_2"]
    assert "several columns 'a'" in "\n".join(table.notes)


def test_switches_are_ones_and_zeros(tmp_path):
    for yes, no in (("true", "false"), ("TRUE", "FALSE"), ("yes", "no"), ("True", "False")):
        table = read(tmp_path, rows(noise, lambda i: [yes, no][i % 3 > 0], lambda i: "ab"[i % 2]))  # noqa: B023
        assert table.X["b"].tolist() == [float(i % 3 == 0) for i in range(60)]
        assert "1 for true" in "\n".join(table.notes)


def test_thousands_that_are_parted(tmp_path):
    for written in ('"1,234.5"', "1 234.5", "1'234.5", "1\u202f234.5", "1\u00a0234.5"):
        table = read(tmp_path, rows(noise, lambda i: written if i % 2 else 3.5, lambda i: "ab"[i % 3 == 0]))  # noqa: B023
        assert table.X["b"].tolist() == [1234.5 if i % 2 else 3.5 for i in range(60)], written
        assert "thousands parted" in "\n".join(table.notes)
    table = read(tmp_path, "a;b;kind\n" + "1.234,5;2;x\n3,25;1.234.567;y\n" * 9)
    assert table.X.iloc[:2].to_numpy().tolist() == [[1234.5, 2], [3.25, 1234567]]
    table = read(tmp_path, "a;b;kind\n" + "1,234;2;x\n3,456;5;y\n" * 9, decimal=",")
    assert table.X.iloc[0].tolist() == [1.234, 2]
    table = read(tmp_path, "a;b;kind\n" + "1,234;2;x\n3,456;5;y\n" * 9, decimal=".")
    assert table.X.iloc[0].tolist() == [1234, 2]


def test_a_typographic_minus_is_a_minus(tmp_path):
    assert read(tmp_path, "a,kind\n" + "\u22121.5,x\n2,y\n" * 9).X["a"].tolist()[:2] == [-1.5, 2]


@pytest.mark.parametrize("impute", ["mean", "median"])
def test_missing_values_are_filled_as_asked(impute, tmp_path):
    table = read(tmp_path, "a,kind\n1,x\n,y\n2,x\nNA,y\n9,y\n", impute=impute)
    value = {"mean": 4.0, "median": 2.0}[impute]
    assert table.X["a"].tolist() == [1, value, 2, value, 9]
    assert "2 missing values" in "\n".join(table.notes)


def test_a_cell_of_two_lines_is_one_cell(tmp_path):
    table = read(tmp_path, 'a,kind\n1,"x\ny"\n2,z\n3,z\n4,"x\ny"\n9,z\n7,z')
    assert table.y.tolist() == ["x\ny", "z", "z", "x\ny", "z", "z"]


def test_the_only_column_is_learnt_from_whatever_it_is(tmp_path):
    table = read(tmp_path, "x,y\n" + "".join(f"{i},{i * i / 7}\n" for i in range(40)))
    assert list(table.X.columns) == ["x"]
    assert "for want of others" in "\n".join(table.notes)


def test_a_column_can_be_kept(tmp_path):
    content = with_columns(lambda i: (i,), ["time"])
    assert read(tmp_path, content).left_out == {"time": "it counts the rows"}
    assert "time" in read(tmp_path, content, keep="time").X.columns


def test_columns_that_may_give_the_answer_away_are_told(tmp_path):
    table = read(tmp_path, rows(noise, lambda i: i * 37 % 60, lambda i: "ab"[i % 2]))
    assert "60 different whole numbers in 60 rows" in "\n".join(table.notes)
    table = read(tmp_path, rows(noise, lambda i: i % 3, lambda i: "abc"[i % 3]))
    assert "tells the label by itself" in "\n".join(table.notes)
    table = read(tmp_path, rows(noise, lambda i: i**1.5, lambda i: "abc"[i % 3]))
    assert "rises from row to row" in "\n".join(table.notes)


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


# ---- arrays ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("X", "y"), ("x", "y"), ("X_train", "y_train"), ("data", "target")])
def test_arrays_by_their_usual_names(names, tmp_path):
    np.savez(tmp_path / "a.npz", **dict(zip(names, (X, Y), strict=True)), more=np.zeros(3))
    table = read_table(tmp_path / "a.npz")
    np.testing.assert_array_equal(table.X, X)
    assert table.y.tolist() == Y.tolist()


def test_arrays_with_a_test_part(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X[:99], y_train=Y[:99], x_test=X[99:], y_test=Y[99:])
    assert read_table(tmp_path / "a.npz").X_test.shape == (51, 4)


@pytest.mark.parametrize("y", [np.eye(3)[IRIS.target], IRIS.target[:, None], IRIS.target.astype(np.uint8)])
def test_labels_in_other_shapes(y, tmp_path):
    np.savez(tmp_path / "a.npz", X=IRIS.data, y=y)
    assert read_table(tmp_path / "a.npz").y.tolist() == IRIS.target.tolist()


@pytest.mark.parametrize(("arrays", "says"), [
    ({"a": X}, "has the arrays a; needed are X, y"),
    ({"X": X}, "has the arrays X"),
    ({"X": np.array(1.0), "y": Y}, "X has the shape ()"),
    ({"X": X[:, 0], "y": Y}, "X has the shape (150,)"),
    ({"X": X, "y": np.array(1)}, "y has the shape ()"),
    ({"X": X, "y": np.zeros((150, 2))}, "y has the shape (150, 2)"),
    ({"X": X, "y": Y[:9]}, "150 samples and 9 values in y"),
    ({"X": X.astype(str), "y": Y}, "X holds <U"),
    ({"X": X.astype(complex), "y": Y}, "X holds complex128"),
    ({"X": X[:0], "y": Y[:0]}, "there are no values"),
    ({"X": np.where(X == 5.1, np.nan, X), "y": Y}, "is nan, one of"),
    ({"X": np.where(X == 5.1, np.inf, X), "y": Y}, "is inf, one of"),
    ({"X": X, "y": np.full(150, np.nan)}, "y[0] is nan"),
    ({"X": X, "y": np.zeros(150, "M8[s]")}, "y holds datetime64"),
    ({"X": np.array([[1], [1, 2]], dtype=object), "y": Y}, "Python objects"),
    ({"X": X, "y": Y.astype(object)}, "Python objects"),
    ({"X_train": X, "y_train": Y, "X_test": X[:, :2], "y_test": Y}, "a sample of X_test has the shape (2,)"),
    ({"X_train": X, "y_train": Y, "X_test": X, "y_test": Y[:3]}, "3 values in y_test"),
])  # fmt: skip
def test_arrays_that_are_no_samples(arrays, says, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DatasetError) as caught:
        read_table(tmp_path / "a.npz")
    assert says in str(caught.value)


def test_archives_that_are_damaged(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=X, y=Y)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no archive", whole[:200] + bytes(50) + whole[250:]):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=r"no intact \.npz file"):
            read_table(path)
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(DatasetError, match="single NumPy array"):
        read_table(tmp_path / "a.npy")
