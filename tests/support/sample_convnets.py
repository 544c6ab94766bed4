"""Random convolutional nets: kernels, strides, zeros around the picture, pools, single columns; nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgealgos.codegen.ops import ArgMax, MatVec
from edgealgos.codegen.ops.chain import Chain
from edgealgos.codegen.passes.choose_ranges import choose_ranges
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.geometry import LayerShape, Picture, parse
from edgealgos.codegen.program.op import Op
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.program.qtype import QType
from edgealgos.codegen.program.tensor import Space, Tensor
from edgealgos.codegen.program.verify import verify

KINDS = ("conv", "depthwise", "pointwise", "maxpool")


def random_layer(rng: np.random.Generator, before: Picture, kinds: tuple[str, ...], most: int) -> LayerShape:
    """A layer that fits on a picture."""
    rows, positions, channels = before
    kind = str(rng.choice(kinds))
    padded = bool(rng.random() < 0.6) and kind != "maxpool"
    kernel = (1, 1) if kind == "pointwise" else (int(rng.integers(1, min(4, rows) + 1)),
                                                 int(rng.integers(1, min(4, positions) + 1)))  # fmt: skip
    stride = (1, 1) if kind == "pointwise" else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    out = channels if kind in ("depthwise", "maxpool") else int(rng.integers(1, most))
    return LayerShape(kind, before, out, kernel, stride, padded, bool(rng.random() < 0.7))


def convnet(
    seed: int = 0,
    picture: Picture | None = None,
    layers: list[LayerShape] | None = None,
    outputs: int = 3,
    bits: int = 8,
    task: str = "classifier",
    kinds: tuple[str, ...] = KINDS,
    input_bits: int = 8,
    shortcuts: Mapping[int, int] | None = None,
) -> Program:
    """A random net; `layers` and `picture` are random too where they are not given.

    `shortcuts` says behind which layers the picture is added that comes into another one: last of a branch, first.
    """
    rng = np.random.default_rng(seed)
    picture = picture or (int(rng.integers(1, 11)), int(rng.integers(1, 9)), int(rng.integers(1, 4)))
    if layers is None:
        layers, before = [], picture
        for _ in range(int(rng.integers(1, 5))):
            layers.append(random_layer(rng, before, kinds, 9))
            before = layers[-1].after
        shortcuts = any_shortcuts(layers)
    X = rng.integers(0, 17, size=(60, *picture)).astype(float).reshape(60, picture[0], -1)
    encoding = choose_encoding(X if input_bits == 8 else X * rng.normal(size=X.shape), bits=input_bits)
    chain = Chain(picture)
    shortcuts = shortcuts or {}
    for i, layer in enumerate(layers):
        matrix, bias = None, None
        for last, first in shortcuts.items():
            if first == i:
                chain.hold(f"branch{last}", layers[first : last + 1])
        if layer.kind != "maxpool":
            shape = layer.matrix_shape
            matrix = _constant(f"weights{i}", rng.normal(size=shape) / np.sqrt(shape[1]), bits)
            bias = Tensor(f"bias{i}", shape[:1], Space.FLASH, None, rng.normal(size=shape[0]) * 0.2)
        chain.add(f"layer{i}", layer, matrix, bias, None)
        if i in shortcuts:
            chain.add_held(f"sum{i}", f"branch{i}", None)
    pooled = chain.average("pooled", None)
    tensors = [
        Tensor("x", (picture[1] * picture[2],), Space.INPUT, encoding.qtype),
        *chain.tensors,
        _constant("head", rng.normal(size=(outputs, chain.picture[2])), bits),
        Tensor("head_bias", (outputs,), Space.FLASH, None, rng.normal(size=outputs) * 0.1),
        Tensor("scores", (outputs,), Space.OUTPUT),
    ]
    predict: list[Op] = [*pooled, MatVec("scores", "head", "pooled", "head_bias")]
    labels: tuple[int, ...] = ()
    if task == "classifier":
        tensors.append(Tensor("label", (1,), Space.SCRATCH))
        predict.append(ArgMax("label", "scores"))
        labels = tuple(range(max(outputs, 2)))
    functions = {"push": tuple(chain.push), "predict": tuple(predict)}
    program = Program(tuple(tensors), functions, encoding, task, labels, picture[0], "ConvNet")
    return choose_ranges(verify(program), X)


def any_shortcuts(layers: list[LayerShape]) -> dict[int, int]:
    """A branch that keeps the shape, where there is one: the longest."""
    found = {}
    for first in reversed(range(len(layers))):
        for last in range(first, len(layers)):
            if any(layer.stride != (1, 1) for layer in layers[first : last + 1]):
                break
            if layers[last].after == layers[first].before:
                found = {last: first}
    return found


def residual_convnet(seed: int, with_op: bool = True) -> Program:
    """Inverted bottlenecks with additions, one in the other where the seed says so; or the same without additions."""
    rng = np.random.default_rng(seed)
    picture = (int(rng.integers(5, 20)), int(rng.integers(4, 11)), int(rng.integers(1, 4)))
    channels, wide, kernel = (int(rng.integers(low, high)) for low, high in ((2, 7), (3, 11), (2, 5)))
    layers = [LayerShape("conv", picture, channels, (3, 3), (1 + seed % 2, 1))]
    for size in (3, kernel):
        before = layers[-1].after
        layers.append(LayerShape("pointwise", before, wide))
        layers.append(LayerShape("depthwise", layers[-1].after, wide, (size, size)))
        layers.append(LayerShape("pointwise", layers[-1].after, channels, rectify=False))
    shortcuts = {3: 1, 6: 4} if seed % 3 else {3: 1, 5: 5, 6: 1}
    if not with_op:
        shortcuts = {}
    return convnet(seed, picture, layers, bits=4 if seed % 4 == 3 else 8, shortcuts=shortcuts)


def one_kind_alone(seed: int) -> Program:
    """A net of few layers of one kind: what others cost does not hide what these do."""
    rng = np.random.default_rng(seed)
    rows, positions, channels = (int(rng.integers(low, high)) for low, high in ((6, 14), (5, 16), (2, 9)))
    text = ("dw3x3", "dw3x3 dw3x3", "dw3x3/2", "pw:8", "pw:12 pw:7", "pw:16", "dw2x3", "conv3x3:6", "pool2x2")[seed % 9]
    picture = (rows, positions, 2 * channels)
    return convnet(seed, picture, parse(text, picture), bits=(8, 4)[seed // 9 % 2])


def large_convnet(seed: int) -> Program:
    """A random net of a size that is worth measuring: pictures, sequences, weights of all widths."""
    rng = np.random.default_rng(seed)
    over_time = seed % 4 == 3
    picture = (int(rng.integers(8, 24)), 1 if over_time else int(rng.integers(6, 20)), int(rng.integers(1, 7)))
    bits = (8, 4, 8, 6, 16)[seed % 5]
    many = [LayerShape("pointwise", (picture := (18, 16, 2)), 5)] if seed % 8 == 6 else None
    words = seed % 6 == 5 and bits != 16
    if seed % 3 == 0:  # of the kind that is trained
        width, word = int(rng.integers(2, 12)), f"{'3x1' if over_time else '3x3'}{'/2' if seed % 2 else ''}"
        text = f"conv{word}:{width} sep{word}:{2 * width} dw{word} pw:{width + 3}"
        many = parse(text, picture)
    return convnet(seed, picture, many, int(rng.integers(1, 8)), bits, input_bits=16 if words else 8)


def net_over_time(seed: int) -> Program:
    """A net of the kinds that are trained on sequences: long kernels over vectors."""
    rng = np.random.default_rng(seed)
    steps, channels, width, wide = (int(rng.integers(low, high)) for low, high in ((16, 65), (1, 9), (2, 9), (4, 17)))
    kernel = int(rng.choice([3, 5, 7, 9]))
    first = f"pw:{width}" if channels > 4 else f"conv{kernel}x1/2:{width}"
    whole, half = f"sep{kernel}x1:{wide}", f"sep{kernel}x1/2:{wide}"
    others = (f"{half} {half}", f"{whole} pool2x1 {whole}", f"{half} {whole}", f"pool2x1 full:{wide}")
    picture = (steps, 1, channels)
    layers = parse(f"{first} {others[seed % len(others)]}", picture)
    return convnet(seed, picture, layers, int(rng.integers(1, 7)), (8, 8, 4)[seed % 3])


def _constant(name: str, values: np.ndarray, bits: int) -> Tensor:
    qtype = QType.covering(float(np.abs(values).max()), bits)
    return Tensor(name, values.shape, Space.FLASH, qtype, qtype.dequantize(qtype.quantize(values)))
