"""RAM and products of a net as whole tensors, in patches and row by row, by hand."""

import numpy as np
import pytest

from edgealgos.codegen.cost.schedules import compare_schedules
from edgealgos.codegen.ops import HoldRow
from edgealgos.codegen.ops.chain import stages_of
from edgealgos.codegen.program.geometry import LayerShape, parse
from tests.support import sample_programs as programs
from tests.support.sample_convnets import KINDS, convnet, random_layer


def report_of(picture, text):
    return programs.compiled(convnet(0, picture, parse(text, picture))).report


@pytest.mark.parametrize("seed", range(40))
def test_the_layers_of_a_program_are_those_that_it_was_written_from(seed):
    rng = np.random.default_rng(seed)
    before = picture = (int(rng.integers(1, 11)), int(rng.integers(1, 9)), int(rng.integers(1, 4)))
    layers = []
    for _ in range(3):
        layers.append(random_layer(rng, before, KINDS, 5))
        before = layers[-1].after
    stages = stages_of(convnet(seed, picture, layers))
    for stage, layer in zip(stages, layers, strict=True):
        assert stage.layer.after == layer.after
        assert [stage.layer.zeros(axis) for axis in (0, 1)] == [layer.zeros(axis) for axis in (0, 1)]
        assert stage.layer.products == layer.products
    assert [stage.source for stage in stages] == ["x", *(stage.out for stage in stages[:-1])]


def test_one_layer_of_3_x_3():
    """8 x 8 x 1 to 8 x 8 x 2: halves need one row more, quarters two where they lie inside, one at the border."""
    report = report_of((8, 8, 1), "conv3x3:2")
    whole, halves, quarters, rows = report.schedules
    head = 3 * 2
    products = 8 * 8 * 2 * 9 + head
    assert (whole.ram_bytes, whole.products) == (64 + 128, products)
    assert (halves.ram_bytes, quarters.ram_bytes) == (64 + 128, 64 + 128)  # its result is whole in any case
    assert [s.products for s in (halves, quarters, rows)] == [products] * 3  # and no layer's result is computed twice
    variables = [i.amount for i in report.ram_items.records if i.kind.name in ("INPUT", "ARENA", "STATE", "OUTPUT")]
    assert rows.ram_bytes == sum(variables)


def test_patches_compute_again_what_their_windows_share():
    """8 x 8 through 3 x 3 twice, then a pool: of the middle picture each half needs 4 + 1 rows, of the input 4 + 2."""
    whole, halves, quarters, _ = report_of((8, 8, 1), "conv3x3:4 conv3x3:4 pool2x2").schedules
    one, two, head = 4 * 9, 4 * 4 * 9, 3 * 4
    assert whole.ram_bytes == 64 * 4 + 64 * 4
    assert whole.products == 64 * (one + two) + head
    # all three layers in patches: the picture, the result of 4 x 4 x 4, and of a part 5 x 5 x 4 and 4 x 4 x 4
    assert halves.ram_bytes == 64 + 4 * 4 * 4 + 5 * 5 * 4 + 4 * 4 * 4
    assert halves.recomputed == ((2 * 5) ** 2 - 64) * one
    assert halves.products == whole.products + halves.recomputed
    # quarters are 2 x 2 of the second picture, of the first one 3, 4, 4 and 3 places along each axis
    assert quarters.ram_bytes == 64 + 4 * 4 * 4 + 4 * 4 * 4 + 2 * 2 * 4
    assert quarters.recomputed == ((3 + 4 + 4 + 3) ** 2 - 64) * one


def test_pictures_that_are_added_later_stay_in_memory():
    """A layer of 1 x 1 and one of 3 x 3 around which the picture is added; the sum lies where the result lay."""
    picture = (8, 8, 2)
    layers = [LayerShape("pointwise", picture, 5), LayerShape("conv", (8, 8, 5), 2, (3, 3))]
    layers.append(LayerShape("pointwise", picture, 2))
    program = programs.compiled(convnet(0, picture, layers, shortcuts={1: 0})).program
    stages = stages_of(program)
    assert [(stage.layer.kind, stage.shortcut) for stage in stages[:3]] == [
        ("pointwise", ""), ("conv", ""), ("add", "x"),
    ]  # fmt: skip
    whole, halves, _, _ = compare_schedules(program, 0)
    assert whole.ram_bytes == 64 * (2 + 5 + 2)  # in the 3 x 3, with the picture that is added behind it
    # all four layers in patches: both whole pictures, and of a part 5 x 5 x 5 and 4 x 4 x 2
    assert halves.ram_bytes == 64 * (2 + 2) + 5 * 5 * 5 + 4 * 4 * 2
    assert halves.recomputed == (100 - 64) * 2 * 5
    ring = next(op for op in program.ops() if isinstance(op, HoldRow)).out
    assert program[ring].shape == (2, 16)  # one kernel reaches one row below


def test_strides_and_zeros_decide_the_window():
    layer = LayerShape("conv", (9, 9, 1), 1, (3, 3), (2, 2))
    assert layer.zeros(0) == (1, 1)
    assert [layer.window(0, part) for part in ((0, 1), (1, 3), (4, 5))] == [(0, 2), (1, 6), (7, 9)]


def test_other_programs_have_none():
    report = programs.compiled(programs.EVERY_KIND["bonsai"]()).report
    assert report.schedules == ()
    assert "schedules" not in str(report)


def test_the_report_shows_them():
    report = report_of((8, 8, 1), "conv3x3:4 conv3x3:4 pool2x2")
    line = next(
        line for line in str(report).splitlines() if line.endswith("patches, 2 x 2, of the first 3 of 3 layers")
    )
    assert line.split()[:3] == [f"{n:,}" for n in (292, 64 * 180 + 12 + 1296, 1296)]
    assert "computed again" in report._repr_html_()
