"""What is predicted, what is a feature and what numbers mean in tables: said by their cells, or as asked."""

from __future__ import annotations

import re

import numpy as np
import pytest

from edgealgos.errors import DatasetError

from .test_tables import FEATURES, Y, read, text, with_columns


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


@pytest.mark.parametrize("odd", ["inf", "-Infinity", "+∞", "1e999"])
@pytest.mark.parametrize("count", [3, 60])
def test_a_number_to_predict_that_is_infinite_is_refused_where_it_stands(odd, count, tmp_path):
    lines = rows(noise, lambda i: odd if i == 1 else noise(i), names="a,y").split("\n")[: count + 1]
    with pytest.raises(DatasetError, match=f"line 3, column 'y': {re.escape(repr(odd))} is no number to be predicted"):
        read(tmp_path, "\n".join(lines))


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


def test_numbers_that_look_like_codes_are_told(tmp_path):
    table = read(tmp_path, rows(noise, lambda i: f"{i * 7 % 9:03}", lambda i: "ab"[i % 2]))
    assert "zeros in front, as codes have" in "\n".join(table.notes)
    assert table.X["b"].tolist() == [i * 7 % 9 for i in range(60)]


def test_columns_that_may_give_the_answer_away_are_told(tmp_path):
    table = read(tmp_path, rows(noise, lambda i: i * 37 % 60, lambda i: "ab"[i % 2]))
    assert "60 different whole numbers in 60 rows" in "\n".join(table.notes)
    table = read(tmp_path, rows(noise, lambda i: i % 3, lambda i: "abc"[i % 3]))
    assert "tells the label by itself" in "\n".join(table.notes)
    table = read(tmp_path, rows(noise, lambda i: i**1.5, lambda i: "abc"[i % 3]))
    assert "rises from row to row" in "\n".join(table.notes)
