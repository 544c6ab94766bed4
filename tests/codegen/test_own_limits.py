"""A user's own limits of flash and RAM: what is let through keeps them, what is refused names the switch that helps."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from edgealgos import Budget, BuildError, DoesNotFitError, compile_model
from edgealgos.codegen.cost.items import Kind
from edgealgos.codegen.cost.limits import check_fits
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.choose_forms import unroll
from edgealgos.codegen.passes.stream_input import can_stream
from edgealgos.codegen.targets.boards import get_board
from tests.support import sample_programs as programs

MODELS = {
    "tree": lambda: programs.bonsai(0, features=64, width=10, outputs=10, depth=1, node_density=0.6),
    "prototypes": lambda: programs.protonn(0, features=64, width=12, outputs=10, count=40, frac=4, scale=0.1),
    "sequence": lambda: programs.fastgrnn(0, features=8, hidden=20, outputs=6, steps=8),
}
BOARDS = ("uno", "attiny85", "cortex-m0", "cortex-m4")


def made(model: str, board: str, budget: Budget | None = None, optimize: str = "speed", input_buffer: bool = True):
    """Report of a model within a budget."""
    target = get_board(board)
    program = to_integer(MODELS[model](), input_buffer=input_buffer)
    if optimize == "speed":
        program = unroll(program, target, budget)
    return programs.CompiledModel(program, target).report


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("model", MODELS)
def test_flash_is_kept_by_less_code_until_the_least_is_too_much(model, board):
    small, free = (made(model, board, optimize=optimize).flash_at_most for optimize in ("size", "speed"))
    least = min(small, free)  # fewer kernels may take less than smaller tables
    for limit in {least, (small + free) // 2, free}:
        report = made(model, board, Budget(flash_bytes=limit))
        assert report.flash_bytes <= report.flash_at_most <= limit
        if get_board(board).ram_bytes >= report.ram_bytes and limit <= get_board(board).flash_bytes:
            check_fits(report, Budget(flash_bytes=limit))
    half = Budget(flash_bytes=least // 2)
    with pytest.raises(DoesNotFitError, match=r"flash: .* the budget allows"):
        check_fits(made(model, board, half), half)


@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4"])
def test_ram_is_kept_by_smaller_code_where_faster_code_takes_more(board):
    """Sums of rows that are made together wait on the stack."""
    target = get_board(board)
    program = to_integer(programs.bonsai(0, features=64, width=16, outputs=10, bits=4, density=1.0))
    small, fast = (programs.CompiledModel(p, target).report.ram_bytes for p in (program, unroll(program, target)))
    assert small < fast
    limit = Budget(ram_bytes=small)
    check_fits(programs.CompiledModel(unroll(program, target, limit), target).report, limit)


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("model", MODELS)
def test_a_refusal_of_flash_names_the_code_that_may_be_left_out(model, board):
    fast, small = (made(model, board, optimize=optimize) for optimize in ("speed", "size"))
    with pytest.raises(DoesNotFitError, match="the budget allows") as refused:
        check_fits(fast, Budget(flash_bytes=fast.flash_at_most - 1))
    saved = re.search(r'optimize="size" \(([\d,]+) bytes less\)', str(refused.value))
    gained = fast.flash_at_most - small.flash_at_most
    assert (int(saved[1].replace(",", "")) if saved else 0) == pytest.approx(max(gained, 0), abs=16)


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("model", MODELS)
def test_a_refusal_of_ram_names_the_buffer_that_may_be_left_out_and_what_it_gives(model, board):
    report = made(model, board, optimize="size")
    with pytest.raises(DoesNotFitError, match=r"RAM: .* the budget allows") as refused:
        check_fits(report, Budget(ram_bytes=report.ram_bytes - 1))
    named = "input_buffer=False" in str(refused.value)
    assert named == can_stream(to_integer(MODELS[model]()))
    if named:
        without = made(model, board, optimize="size", input_buffer=False)
        freed = sum(_variables(report)) - sum(_variables(without))
        assert report.input_without_buffer == pytest.approx(freed, abs=4)  # which are aligned


@pytest.mark.parametrize("board", BOARDS)
def test_a_buffer_that_gives_nothing_is_not_named(board):
    """The sums that take its place are larger."""
    program = to_integer(programs.bonsai(0, features=8, width=20))
    assert can_stream(program)
    assert programs.CompiledModel(program, get_board(board)).report.input_without_buffer == 0


def _variables(report):
    return [item.amount for item in report.ram_items.records if item.kind not in (Kind.CORE, Kind.STACK)]


@pytest.mark.parametrize("board", BOARDS)
def test_a_build_may_take_more_than_is_predicted_and_limits_know(board):
    report = made("tree", board)
    code = report.flash_bytes - report.model_bytes
    assert report.flash_bytes < report.flash_at_most <= report.flash_bytes + max(96, 0.2 * code)
    assert f"at most {report.flash_at_most:,}" in str(report)
    between = Budget(flash_bytes=report.flash_bytes)
    with pytest.raises(DoesNotFitError, match=f"up to {report.flash_at_most:,}"):
        check_fits(report, between)


@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m33", "pizero"])
def test_processors_that_multiply_in_pairs_get_tiles_of_what_is_dense(board):
    """Of as many weights as blocks of rows, in a third of the instructions less: the two must not have one price."""
    program = to_integer(programs.bonsai(0, features=64, width=26, outputs=10, density=1.0))
    faster = unroll(program, get_board(board))
    assert {program[name].storage for name in "ZWV"} == {"blocks"}
    assert {faster[name].storage for name in "ZWV"} == {"tiles"}
    assert programs.CompiledModel(faster, get_board(board)).report.cycles < 8000


# ---- what does not fit and is built all the same ---------------------------------------------------------------------

TOO_LARGE = {
    "variables of a sketch": ("uno", {"features": 3000}, r"RAM: .* up to 3,\d+, Arduino Uno .* allows 2,048.*=False"),
    "variables of a larger one": ("mega", {"features": 9000}, r"RAM: .* allows 8,192\."),
    "tables of a sketch": (
        "uno",
        {"features": 800, "width": 40, "density": 1.0},
        r"flash: .* allows 32,256\..*lower max",
    ),
    "variables without a core": ("attiny85", {"features": 600}, r"RAM: .* ATtiny85 allows 512\."),
    "tables without a core": ("attiny85", {"features": 300, "width": 40, "density": 1.0}, "flash: .* allows 8,192"),
    "variables on ARM": ("cortex-m0", {"features": 20_000, "width": 2, "density": 0.1}, "RAM: .* allows 8,192"),
}


@pytest.mark.slow
@pytest.mark.needs("avr-g++", "simavr", "arduino-core", "arm-none-eabi-g++", "qemu-system-arm")
@pytest.mark.parametrize("case", TOO_LARGE)
def test_a_simulation_of_what_is_too_large_says_how_large_and_what_helps(case):
    board, shape, says = TOO_LARGE[case]
    compiled = programs.compiled(programs.bonsai(1, **shape), board)
    with pytest.raises(DoesNotFitError, match=says):
        compiled.simulate(np.zeros((1, shape["features"])))


@pytest.mark.slow
@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_a_simulation_of_a_forest_that_is_too_large_names_fewer_trees():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 12))
    model = RandomForestClassifier(60, random_state=0).fit(X, X[:, 0] * X[:, 1] + rng.normal(size=3000) > 0)
    with pytest.raises(DoesNotFitError, match="fewer trees: about"):
        compile_model(model, X_calibration=X).simulate(X[:1])


def test_another_refusal_of_a_compiler_stays_what_it_is(monkeypatch):
    compiled = programs.compiled(programs.bonsai(1))

    def broken(*_):
        raise BuildError("no space on device")

    monkeypatch.setattr(type(compiled), "_simulate_sketch", broken)
    with pytest.raises(BuildError, match="no space on device"):
        compiled.simulate(np.zeros((1, compiled.program.input.size)))
