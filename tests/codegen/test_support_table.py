"""The page of what compiles says what the registries say."""

from __future__ import annotations

import sklearn.svm

from tools import support_table


def test_the_page_is_up_to_date():
    assert support_table.PAGE.read_text(encoding="utf-8") == support_table.page(), "run python -m tools.support_table"


def test_the_table_follows_the_registry():
    text = support_table.table()
    assert f"`{sklearn.svm.SVC.__name__}`" in text
    assert "`ColumnTransformer`" in text
    assert "`Pipeline`" in text
