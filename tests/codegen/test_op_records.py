"""Every op has a whole record; whoever leaves a part out is told which one, when the op is defined or first used."""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import pytest

from edgealgos import boards
from edgealgos.codegen import ops
from edgealgos.codegen.cost.report import predict_report
from edgealgos.codegen.emit.cpp.calls import Operands
from edgealgos.codegen.ops.row_by_row import TakesRows
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import Op, Space, Tensor, verify
from edgealgos.codegen.program.memory import plan_memory
from edgealgos.codegen.program.op import (
    FREE,
    Constant,
    Consumed,
    Option,
    Pieces,
    Read,
    Update,
    cannot_overflow,
    counting,
)
from edgealgos.codegen.targets.boards import get_board
from edgealgos.errors import OpRecordError, UnmeasuredCostError
from tests.support import feature_programs, sample_instances
from tests.support import sample_programs as programs

UNO = get_board("uno")
EVERY_OP = sorted((kind for kind in vars(ops).values() if isinstance(kind, type)), key=lambda op: op.__name__)
PARTS = ("shapes", "real", "integer", "types", "bound", "cost", "pieces", "call")


def samples():
    """Integer programs that have every op between them, one with features in front in each of its forms."""
    yield from (programs.compiled(make()).program for make in programs.EVERY_KIND.values())
    yield programs.compiled(programs.bonsai(), input_buffer=False).program
    instances = ("any_machine", "any_neighbours", "votes_of_pairs", "normal", "lengths")
    yield from (programs.compiled(getattr(sample_instances, name)()).program for name in instances)
    for make in (feature_programs.motion, feature_programs.sound):
        yield from (to_integer(make(seed)) for seed in range(4))


@cache
def uses():
    """Of every kind of op the calls there are, each with its program."""
    found = {}
    for program in samples():
        for op in program.ops():
            found.setdefault(type(op), []).append((program, op))
    return found


def uses_of(kind):
    """Calls of a kind of op in programs that tests share, or in the one that the op's own test makes."""
    if kind not in uses():
        try:
            own = importlib.import_module(f"tests.codegen.test_{kind.__name__.lower()}")
        except ImportError:
            pytest.fail(
                f"no program uses {kind.__name__}: write tests/codegen/test_{kind.__name__.lower()}.py with one"
            )
        program = to_integer(own.program())
        uses()[kind] = [(program, op) for op in program.ops() if type(op) is kind]
    return uses()[kind]


def test_the_page_of_ops_names_every_one():
    found = [Op]
    for kind in found:
        found += kind.__subclasses__()
    ours = {kind for kind in found[1:] if kind.__module__.startswith("edgealgos.")}
    assert set(EVERY_OP) == ours - {TakesRows}  # what several have in common


@pytest.mark.parametrize("kind", EVERY_OP)
def test_every_op_has_every_part(kind):
    for part in PARTS:
        assert getattr(kind, part) is not getattr(Op, part), part
        assert part in vars(kind), f"{part} is written in the op's own file"
    assert kind.__doc__
    assert kind.kernels
    for program, op in uses_of(kind):
        assert set(op.operands) <= set(op.shapes(program))
        assert op.bound(program) == op  # proven already, and it stays so
        assert set(op.types(program)) <= set(op.operands.values())
        assert op.pieces(program).frames
        assert op.call(program, Operands(program, op)).rstrip("; \n").endswith((")", "return"))


@pytest.mark.parametrize("kind", EVERY_OP)
def test_every_part_of_every_op_has_a_measured_cost(kind):
    for program in {id(program): program for program, _ in uses_of(kind)}.values():
        assert predict_report(program, UNO).cycles > 0


def test_an_op_reads_what_it_updates_and_writes_it():
    """The state of a gate is both; liveness once saw it as read alone."""
    gate = to_integer(programs.fastgrnn()).functions["push"][-1]
    assert "h" in gate.reads
    assert gate.writes == ("h",)
    window = feature_programs.motion(1).functions["push"][1]
    assert {window.out, window.position} < set(window.writes)


# ---- what an op may lack -------------------------------------------------------------------------------------------


class Whole:
    """Parts of a record, for ops that leave one out."""

    kernels = ("runtime",)
    largest = counting(source=255)
    bound = cannot_overflow("it limits")

    def shapes(self, program):
        return dict.fromkeys(("out", "source"), program[self.out].shape)

    def real(self, program, v):
        return v[self.source]

    integer = real

    def types(self, program):
        return {}

    def cost(self, program):
        return Counter({"call Clip": 1})

    def pieces(self, program):
        return Pieces("Clip")

    def call(self, program, cpp):
        return f"edgealgos::clip({self.source}, {cpp.ref(self.out)});"


@pytest.mark.parametrize("part", [*PARTS, "kernels", "largest"])
def test_an_op_without_a_part_is_refused_by_name(part):
    parts = {name: value for name, value in vars(Whole).items() if not name.startswith("__") and name != part}
    with pytest.raises(OpRecordError, match=rf"Clip in .*: the record has no {part}\b"):
        type("Clip", (Op,), parts)


def test_all_missing_parts_are_named_at_once():
    every = r"shapes.*real.*integer.*types.*bound.*cost.*pieces.*call.*kernels.*largest"
    with pytest.raises(OpRecordError, match=every):
        type("Clip", (Op,), {})


def test_a_string_without_a_role_is_refused():
    """Liveness would not see such an operand."""
    with pytest.raises(OpRecordError, match=r"Clip\.source: a string that is no operand"):

        @dataclass(frozen=True)
        class Clip(Whole, Op):
            source: str


@dataclass(frozen=True)
class Clip(Whole, Op, abstract=True):
    """A trial: whole, but for what a test takes away."""

    source: Read
    kind: Option = "narrow"
    limit: Constant | None = None


def with_clip(op_class=Clip, size=4):
    program = programs.bonsai()
    (*body, last) = program.functions["predict"]
    clipped = Tensor("clipped", (size,), Space.SCRATCH, None)
    return replace(program, tensors=(*program.tensors, clipped),
                   functions={"predict": (*body, op_class("clipped", "scores"), last)})  # fmt: skip


def test_an_option_is_no_operand_and_an_operand_may_be_left_out():
    op = Clip("clipped", "scores")
    assert op.operands == {"out": "clipped", "source": "scores"}
    assert [f.name for f in fields(op)] == ["out", "source", "kind", "limit"]


def test_an_operand_without_a_shape_is_refused():
    class Forgetful(Clip, abstract=True):
        def shapes(self, program):
            return {"out": FREE}

    with pytest.raises(OpRecordError, match=r"Forgetful: shapes\(\) gives none for source; declare FREE"):
        verify(with_clip(Forgetful))


def test_more_elements_than_the_kernel_counts_are_refused():
    class Narrow(Clip, abstract=True):
        largest = counting(source=3, limit=1)

    with pytest.raises(ValueError, match=r"Narrow: 'scores' has 4 elements, its kernel counts at most 3"):
        verify(with_clip(Narrow))


def test_shapes_that_do_not_fit_are_refused():
    """A clip from four to nine elements was once let pass."""
    with pytest.raises(ValueError, match=r"Clip: 'scores' has shape \(4,\), needs \(9,\)"):
        verify(with_clip(size=9))


def test_a_part_that_was_never_measured_is_an_error_that_says_how():
    program = with_clip()
    program = to_integer(program.replacing(replace(program["clipped"], qtype=programs.PREACTIVATION)))
    with pytest.raises(UnmeasuredCostError, match=r"Clip: no flash measured for 'call Clip' in .*--op Clip"):
        predict_report(program, UNO)


def test_an_operand_that_the_program_does_not_have_is_named():
    program = with_clip()
    tensors = tuple(t for t in program.tensors if t.name != "clipped")
    with pytest.raises(ValueError, match="Clip names 'clipped', which the program does not have"):
        verify(replace(program, tensors=tensors))


def test_a_constant_operand_must_be_a_constant():
    program = with_clip()
    body = [replace(op, limit="z") if isinstance(op, Clip) else op for op in program.functions["predict"]]
    with pytest.raises(ValueError, match="Clip takes 'z' as a constant, which lives in scratch"):
        verify(replace(program, functions={"predict": tuple(body)}))


def test_what_an_op_consumes_cannot_be_read_again():
    @dataclass(frozen=True)
    class Eat(Whole, Op, abstract=True):
        source: Consumed

    program = with_clip(Eat)
    with pytest.raises(ValueError, match="ArgMax reads 'scores' before anything wrote it"):
        verify(program)


def test_a_scratch_vector_that_is_updated_keeps_its_place():
    @dataclass(frozen=True)
    class Accumulate(Whole, Op, abstract=True):
        out: Update
        source: Read

    program = with_clip()
    body = program.functions["predict"]
    twice = (*body[:-1], Accumulate("clipped", "z"), body[-1])
    typed = program.replacing(replace(program["clipped"], qtype=programs.STATE), functions={"predict": twice})
    plan = plan_memory(typed)
    assert sorted(plan.offsets) == ["clipped", "z"]
    (block,) = (block for block in plan.blocks if block.tensors == ("clipped",))
    assert (block.first, block.last) == (2, 3)


def test_boards_without_a_cost_model_ask_for_none():
    program = with_clip()
    program = to_integer(program.replacing(replace(program["clipped"], qtype=programs.PREACTIVATION)))
    assert {board.name for board in boards() if board.cost_model is None} >= {"host"}
    assert not predict_report(program, get_board("host")).cycle_items
    assert np.array_equal(program["Z"].values, to_integer(programs.bonsai())["Z"].values)
