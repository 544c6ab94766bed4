"""Items of a report say what they are: kind, tensor, op, function; as numbers they are what they were."""

import pytest

from edgealgos.codegen.cost.items import Items, Kind, ReportItem
from edgealgos.codegen.cost.model import stack_counts
from edgealgos.codegen.targets.avr.forms import form_of, in_one
from tests.support import feature_programs
from tests.support import sample_programs as programs


@pytest.fixture(scope="module", params=["bonsai", "protonn", "fastgrnn with tanh"])
def report(request):
    return programs.compiled(programs.EVERY_KIND[request.param](), optimize="speed")


def test_items_are_numbers_by_label(report):
    items = report.report.flash_items
    assert dict(items) == {item.label: item.amount for item in items.records}
    assert sum(items.values()) == report.report.flash_bytes
    assert items.largest(1)[0].amount == max(items.values())


def test_tables_and_code_belong_to_tensors_of_the_program(report):
    names = {t.name for t in report.program.tensors}
    for items in (report.report.flash_items, report.report.ram_items, report.report.model_items):
        of_tensors = [item for item in items.records if item.kind in (Kind.TABLE, Kind.STRAIGHT_LINE_CODE, Kind.STATE)]
        assert {item.tensor for item in of_tensors} <= names
        assert all(item.tensor for item in of_tensors)


def test_cycles_belong_to_ops_in_the_order_of_the_program(report):
    records = report.report.cycle_items.records
    assert {item.kind for item in records} == {Kind.OP}
    ops = [(function, type(op).__name__, op.out) for function, body in report.program.functions.items() for op in body]
    assert [(item.function, item.op, item.tensor) for item in records] == ops


def test_every_kind_of_op_that_runs_as_a_kernel_has_its_call():
    compiled = programs.compiled(feature_programs.motion(1))
    kinds = {type(op).__name__ for op in compiled.program.ops()}
    calls = {item.op for item in compiled.report.flash_items.records if item.kind is Kind.CALL}
    assert calls == kinds


def test_ram_is_the_core_the_stack_and_what_lives_in_it(report):
    kinds = [item.kind for item in report.report.ram_items.records]
    assert kinds[:2] == [Kind.INPUT, Kind.ARENA]
    assert kinds[-2:] == [Kind.CORE, Kind.STACK]


def test_items_of_one_label_are_one():
    items = Items([ReportItem(Kind.CALL, "further call", 3), ReportItem(Kind.CALL, "further call", 4)])
    assert items == {"further call": 7}
    assert len(items.records) == 1


@pytest.mark.parametrize(
    ("kind", "most"), [("fastgrnn of windows that stops early", True), ("fastgrnn of windows", False)]
)
def test_the_time_of_what_may_stop_early_is_the_longest(kind, most):
    assert ("at most" in programs.compiled(programs.EVERY_KIND[kind]()).report.time) == most


def test_features_that_a_forest_in_code_copies_lie_on_the_stack():
    """They once lay nowhere: a forest of many features took more RAM than was predicted."""
    whole, near = (
        programs.compiled(programs.EVERY_KIND["forest of pairs"](0), optimize=how).program for how in ("speed", "size")
    )
    forest = next(op for op in whole.ops() if type(op).__name__ == "Forest")
    assert in_one(whole, forest)
    copied = form_of(forest).local_bytes(whole, forest)
    rows = stack_counts(whole)
    assert max(row["byte of code"] for row in rows) == copied > 0
    assert not any(row["byte of code"] for row in stack_counts(near))
