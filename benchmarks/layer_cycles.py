"""Cycles of a multiply-accumulate in layers of pictures on a simulated Arduino Uno, in each form that a layer can take.

    python benchmarks/layer_cycles.py > benchmarks/results/layer_cycles.md

Whole exported programs are run over pictures of so many rows and of twice as many: the difference is what a layer
takes, with the upkeep of its rows and the calls of ``push()``, but for the sums of its results. Products with the zeros
around a picture are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edgealgos.codegen.build import tools
from edgealgos.codegen.ops import Convolve, Depthwise, Pointwise
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.choose_forms import changed_together, forms
from edgealgos.codegen.program import Program
from edgealgos.codegen.program.geometry import LayerShape
from edgealgos.codegen.targets.boards import get_board
from tests.support.sample_convnets import convnet
from tools import measure_costs as measure
from tools.fit_parts import Measurement

LAYERS = (
    ("pointwise, 32 to 32 channels, 8 positions", LayerShape("pointwise", (4, 8, 32), 32)),
    ("pointwise, 8 to 16 channels, 14 positions", LayerShape("pointwise", (4, 14, 8), 16)),
    ("convolution 5 x 5 by 2 of one channel to 8, 28 wide", LayerShape("conv", (14, 28, 1), 8, (5, 5), (2, 2))),
    ("depthwise 3 x 3, 14 wide, 16 channels", LayerShape("depthwise", (14, 14, 16), 16, (3, 3))),
    ("depthwise 3 x 3, 4 wide, 32 channels", LayerShape("depthwise", (4, 4, 32), 32, (3, 3))),
    ("depthwise 3 x 3 by 2, 14 wide, 16 channels", LayerShape("depthwise", (14, 14, 16), 16, (3, 3), (2, 2))),
)
NAMES = {6: "int8", 4: "4 bits"}  # bytes whose sums words hold, and two in a byte


def summed(program: Program, times: int) -> Program:
    """The program with its last op of ``push``, the sum of a row of results, so many times."""
    *_, last = program.functions["push"]
    too = [replace(program[last.out], name=f"{last.out}_{i}") for i in range(times - 1)]
    push = (*program.functions["push"], *(replace(last, out=tensor.name) for tensor in too))
    return replace(program, tensors=(*program.tensors, *too), functions={**program.functions, "push": push})


def variants(program: Program) -> Iterator[tuple[str, Program]]:
    """The program with its layer in each form: as it is packed, from tables, as straight-line code."""
    packed = "assembly" if any(isinstance(op, Depthwise) for op in program.ops()) else "as packed, row by row"
    yield packed, program
    for names, op in changed_together(program).items():
        if isinstance(op, Convolve | Pointwise):
            for changes in forms(program, op, names):
                code = any(tensor.unrolled for tensor in changes.values())
                yield "straight-line code" if code else "table, assembly", program.replacing(*changes.values())


def products(layer: LayerShape) -> int:
    """Multiplications with values inside the picture."""
    inside = 1
    for axis in (0, 1):
        ends = (layer.window(axis, (i, i + 1)) for i in range(layer.after[axis]))
        inside *= sum(last - first for first, last in ends)
    return inside * layer.channels * (1 if layer.kind == "depthwise" else layer.before[2])


def measured(program: Program) -> Measurement:
    """What a prediction takes."""
    return measure.measured_program(program, get_board("uno"), np.random.default_rng(1), rows=2)


def of_layer(program: Program) -> float:
    """Cycles of a picture without the sums of its results: several of them, so that all are calls."""
    some, more = (measured(summed(program, times)).cycles for times in (2, 4))
    return 2 * some - more


def cycles_per_product(form: str, layer: LayerShape, bits: int) -> tuple[float, int]:
    """Of what a picture of twice as many rows takes more; and flash."""
    rows, *others = layer.before
    taller = replace(layer, before=(2 * rows, *others))
    short, tall = (dict(variants(net(one, bits)))[form] for one in (layer, taller))
    spent = of_layer(tall) - of_layer(short)
    return spent / (products(taller) - products(layer)), measured(short).flash


def net(layer: LayerShape, bits: int) -> Program:
    """Integer program of one layer and the average of its results."""
    return to_integer(convnet(0, layer.before, [layer], bits=bits))


def main() -> None:
    """Measure and print."""
    print("    python benchmarks/layer_cycles.py > benchmarks/results/layer_cycles.md\n")
    print("# Cycles of a multiply-accumulate in layers of pictures, on a simulated Arduino Uno\n")
    print(f"{tools.AVR_GXX.version()}, flags of the Arduino IDE, sums of 16 bits. Upkeep of rows, borders and the")
    print("results' rounding included; flash is that of the whole sketch.\n")
    print("| layer | weights | form | cycles | flash |\n|---|---|---|---|---|")
    for title, layer in LAYERS:
        for bits in list(NAMES)[: 1 if layer.kind == "depthwise" else 2]:
            for form in dict(variants(net(layer, bits))):
                cycles, flash = cycles_per_product(form, layer, bits)
                print(f"| {title} | {NAMES[bits]} | {form} | {cycles:.1f} | {flash:,} |", flush=True)


if __name__ == "__main__":
    main()
