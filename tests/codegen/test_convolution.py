"""Convolution row by row: the integers of whole pictures, the same on the host and on the Uno; what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgealgos.codegen.ops import Add, AddRow, HoldRow, KeepRows, PoolRow, SumRow
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import Space, Tensor
from edgealgos.codegen.program.geometry import LayerShape, parse
from edgealgos.codegen.program.interpret import run_float, run_integer, run_stream
from edgealgos.codegen.program.verify import verify

from ..support import sample_programs as programs
from ..support.equivalence import check_host, check_uno
from ..support.sample_convnets import convnet, random_layer


def half_up(value, shift):
    return value << -shift if shift <= 0 else (value + (1 << (shift - 1))) >> shift


def whole_layer(program, op, layer, picture):
    """A layer over a whole picture (rows, positions, channels) in plain Python, by its definition."""
    above, left = layer.zeros(0)[0], layer.zeros(1)[0]
    height, width, channels = picture.shape
    rows, positions, outputs = layer.after
    found = np.zeros(layer.after, np.int64)
    for r, p, k in np.ndindex(rows, positions, outputs):
        seen = [(i, j, r * layer.stride[0] + i - above, p * layer.stride[1] + j - left)
                for i in range(layer.kernel[0]) for j in range(layer.kernel[1])]  # fmt: skip
        inside = [(i, j, y, x) for i, j, y, x in seen if 0 <= y < height and 0 <= x < width]
        if layer.kind == "maxpool":
            found[r, p, k] = max(int(picture[y, x, k]) for _, _, y, x in inside)
            continue
        weights, total = program[op.matrix].values[k], int(program[op.bias].values[k])
        for i, j, y, x in inside:
            at = i * layer.kernel[1] + j
            if layer.kind == "depthwise":
                total += int(weights[at]) * int(picture[y, x, k])
            else:
                total += sum(int(weights[at * channels + c]) * int(picture[y, x, c]) for c in range(channels))
        out = program[op.out].type
        raw = half_up(total, program[op.matrix].type.frac + program[op.vector].type.frac - out.frac)
        found[r, p, k] = min(max(raw, 0 if op.rectify else out.low), out.high)
    return found


def whole_sum(program, op, made, held):
    """Two pictures, each rounded to the type of their sum."""
    out = program[op.out].type
    total = np.zeros(made.shape, np.int64)
    for picture, name in ((made, op.source), (held, op.ring)):
        for at in np.ndindex(picture.shape):
            raw = half_up(int(picture[at]), program[name].type.frac - out.frac)
            total[at] += min(max(raw, out.low), out.high)
    return np.clip(total, out.low, out.high)


def whole_scores(program, layers, picture, shortcuts=None):
    """Scores of one picture, layer by layer."""
    ops = [op for op in program.functions["push"] if not isinstance(op, AddRow | HoldRow | KeepRows | SumRow)]
    sums = {op.out: op for op in program.functions["push"] if isinstance(op, AddRow)}
    before = []
    for i, (op, layer) in enumerate(zip(ops, layers, strict=True)):
        before.append(picture)
        picture = whole_layer(program, op, layer, picture)
        if i in (shortcuts or {}):
            picture = whole_sum(program, sums[f"sum{i}"], picture, before[shortcuts[i]])
    rescale, head = program.functions["predict"][:2]
    sums, pooled = program[rescale.source].type, program[rescale.out].type
    totals = [half_up(int(s), sums.frac - pooled.frac) for s in picture.sum(axis=(0, 1))]
    pooled = [min(max(t, pooled.low), pooled.high) for t in totals]
    return program[head.matrix].values @ pooled + program[head.bias].values


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_rows_that_come_one_by_one_give_the_integers_of_whole_pictures(seed):
    rng = np.random.default_rng(seed)
    before = picture = (int(rng.integers(1, 8)), int(rng.integers(1, 6)), int(rng.integers(1, 4)))
    layers = []
    for _ in range(int(rng.integers(1, 4))):
        layers.append(random_layer(rng, before, ("conv", "depthwise", "pointwise", "maxpool"), 5))
        before = layers[-1].after
    program = to_integer(convnet(seed, picture, layers))
    q = programs.any_inputs(rng, program, 3)
    found = run_integer(program, q)
    assert np.array_equal(found, [whole_scores(program, layers, row.reshape(picture)) for row in q])


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_rows_are_added_to_what_branches_make_of_them(seed):
    """Branches of one or two kernels of up to 4 rows, one within the other."""
    rng = np.random.default_rng(seed)
    picture = (int(rng.integers(1, 8)), int(rng.integers(1, 5)), int(rng.integers(1, 4)))
    layers = [LayerShape("pointwise", picture, picture[2], rectify=False)]
    for kind in ("depthwise", "conv", "pointwise"):
        kernel = (1, 1) if kind == "pointwise" else tuple(int(k) for k in rng.integers(1, 5, size=2))
        layers.append(LayerShape(kind, picture, picture[2], kernel, rectify=bool(rng.random() < 0.5)))
    shortcuts = ({3: 1}, {1: 1, 3: 2}, {2: 1, 3: 0}, {0: 0, 2: 2, 3: 0})[seed % 4]
    program = to_integer(convnet(seed, picture, layers, shortcuts=shortcuts))
    q = programs.any_inputs(rng, program, 3)
    wanted = [whole_scores(program, layers, row.reshape(picture), shortcuts) for row in q]
    assert np.array_equal(run_integer(program, q), wanted)


def test_real_and_integer_answers_are_near_each_other():
    for seed in range(12):
        floats = convnet(seed)
        program = to_integer(floats)
        q = programs.typical_inputs(np.random.default_rng(0), program, 20)
        real = run_float(floats, q / program.encoding.scale + program.encoding.offset)
        answered = program.output.type.dequantize(run_integer(program, q))
        assert np.abs(answered - real).max() < 0.15 * np.abs(real).max()


def test_rows_after_the_last_one_are_ignored():
    program = to_integer(convnet(5, (6, 5, 2)))
    q = programs.any_inputs(np.random.default_rng(0), program, 4)
    more = np.concatenate([q, q[:, :3] + 1], axis=1)
    assert np.array_equal(run_stream(program, more)[:, -1], run_integer(program, q))


POOLS = "pool2x2 dw2x2 pool3x1 pw:4 pool1x2"  # whose rows lie apart, some left over at the end


def test_pools_whose_rows_lie_apart_keep_one_row_of_results():
    program = to_integer(convnet(0, (23, 9, 3), parse(POOLS, (23, 9, 3))))
    assert [program[op.out].shape for op in program.functions["push"] if isinstance(op, PoolRow)] == [
        (12,),
        (12,),
        (8,),
    ]
    q = programs.any_inputs(np.random.default_rng(0), program, 10)
    layers = parse(POOLS, (23, 9, 3))
    wanted = [whole_scores(program, layers, row.reshape(23, 9, 3)) for row in q]
    assert np.array_equal(run_integer(program, q), wanted)


@pytest.mark.needs("g++")
def test_pools_on_the_host(tmp_path):
    check_host(convnet(0, (23, 9, 3), parse(POOLS, (23, 9, 3))), tmp_path, rows=20)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_pools_on_the_uno():
    check_uno(convnet(0, (23, 9, 3), parse(POOLS, (23, 9, 3))), rows=3)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("seed", range(5))
def test_host(seed, tmp_path):
    check_host(convnet(seed, bits=4 if seed % 2 else 8, task="classifier" if seed else "regressor", outputs=1 + seed),
               tmp_path, rows=20)  # fmt: skip


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("seed", range(4))
def test_uno(seed):
    check_uno(convnet(seed + 20, bits=4 if seed % 2 else 8), rows=6)


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4))
def test_padded_layers_make_a_result_every_stride(size, kernel, stride):
    """And the zeros around the picture are as even as can be, the odd one behind."""
    layer = LayerShape("depthwise", (size, 1, 1), 1, (kernel, 1), (stride, 1))
    before, after = layer.zeros(0)
    assert layer.after[0] == -(-size // stride)
    assert (size + before + after - kernel) // stride + 1 == layer.after[0] or kernel < stride
    assert after - before in (0, 1)


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_a_picture_smaller_than_the_kernel_is_refused():
    with pytest.raises(ValueError, match="conv: a kernel of 3 rows does not lie in a picture of 2 rows"):
        convnet(0, (2, 5, 1), [LayerShape("conv", (2, 5, 1), 2, (3, 3), padded=False)])


def test_columns_beyond_the_row_are_refused():
    with pytest.raises(ValueError, match="maxpool: a kernel of 4 columns does not lie in a picture of 3 columns"):
        convnet(0, (5, 3, 1), [LayerShape("maxpool", (5, 3, 1), 1, (2, 4), (2, 4), padded=False)])


def test_more_channels_than_a_byte_counts_are_refused():
    with pytest.raises(ValueError, match="kernels count up to 255"):
        convnet(0, (3, 2, 300), [LayerShape("depthwise", (3, 2, 300), 300, (2, 2))])


def test_scratch_does_not_outlast_the_loop_that_runs_again_and_again():
    """A row made before a ring would be overwritten by what follows the ring."""
    program = convnet(
        0, (6, 4, 2), [LayerShape("pointwise", (6, 4, 2), 2), LayerShape("maxpool", (6, 4, 2), 2, (2, 1), padded=False)]
    )
    total = Tensor("total", (8,), Space.SCRATCH, program["layer0"].qtype)
    push = list(program.functions["push"])
    push.insert(3, Add("total", "layer0", "layer1"))
    with pytest.raises(ValueError, match="Add reads 'layer0' before anything wrote it"):
        verify(
            replace(program, tensors=(*program.tensors, total), functions={**program.functions, "push": tuple(push)})
        )


def test_a_branch_with_a_stride_is_refused():
    layers = [LayerShape("pointwise", (6, 5, 2), 2), LayerShape("depthwise", (6, 5, 2), 2, (3, 3), (2, 1))]
    with pytest.raises(ValueError, match=r"depthwise: what a layer of stride \(2, 1\) makes cannot be added"):
        convnet(0, (6, 5, 2), layers, shortcuts={1: 1})


def test_sums_of_large_pictures_are_wider():
    program = to_integer(convnet(0, (18, 16, 1), [LayerShape("pointwise", (18, 16, 1), 2)]))
    (op,) = (op for op in program.ops() if isinstance(op, SumRow))
    assert program[op.out].type.bits == 32
