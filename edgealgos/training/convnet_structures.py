"""Which nets suit a picture, and how many channels bytes and RAM allow them; trains nothing."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import takewhile

from ..codegen.program.geometry import LayerShape, Picture, parse
from .budget import dense_bytes
from .convnet import ConvNet

QUARTERS = 4
BEHIND = 3  # times a quarter of the width, and more, have layers whose rows are short
MUCH, NARROWED, AHEAD = 0.9, 0.75, 3.0  # of the bytes; of the widest front; of the front, behind
LONG = 16  # steps of a sequence that two pools leave something of
MOST_POSITIONS = 256  # whose sums a word holds


def nets_for(picture: Picture) -> list[str]:
    """Nets that suit a picture, with places for channels: the likeliest first."""
    rows, positions, channels = picture
    size = min(rows, positions)
    if math.prod(picture) <= 40:
        return ["full:{2}"]
    if positions == 1:
        first = "pw:{1}" if channels > 4 else "conv{k}x1/2:{1}"
        k = min(9, rows)
        nets = (f"{first} sep{k}x1/2:{{2}} sep{k}x1/2:{{2}} sep{k}x1/2:{{2}}",
                f"{first} sep{k}x1:{{2}} pool2x1 sep{k}x1:{{2}} pool2x1 sep{k}x1:{{2}}",
                f"{first} sep{k}x1/2:{{2}} sep{k}x1/2:{{3}}", f"conv{k}x1/2:{{1}} pool2x1 full:{{2}}")  # fmt: skip
        return [net.replace("{k}", str(k)) for net in nets if "pool2x1 sep" not in net or rows >= LONG]
    if size >= 12:
        first = "conv5x5/2:{1}" if channels == 1 else "conv3x3/2:{1}"  # rows of many channels take RAM
        pooled = "sep3x3:{2} pool2x2 sep3x3:{3} " + ("sep3x3:{3}" if size < 20 else "pool2x2 sep3x3:{3}")
        others = (pooled, "sep3x3/2:{3} sep3x3/2:{5} sep3x3:{5}", "sep3x3/2:{2} sep3x3/2:{3} full:{2}")
        return [f"{first}{' pool2x2' if size >= 40 else ''} {layers}" for layers in others]
    pools = ["conv3x3:{1} sep3x3:{2} pool2x2 pool2x2 full:{2}"] if size >= 4 else []
    return ["conv3x3:{1} sep3x3/2:{2} sep3x3:{2}", *pools]


def with_channels(net: str, width: int, behind: int | None = None) -> str:
    """A net with channels in proportion: 1 to 6 times a quarter of `width`, at least 1.

    Of `behind` from 3 times on: layers behind a pool or a stride, whose rows are short.
    """
    widths = (width if factor < BEHIND else behind or width for factor in range(1, 7))
    return net.format("", *(min(255, max(1, factor * w // QUARTERS)) for factor, w in enumerate(widths, 1)))


def wider_at_its_end(layers: str) -> Iterator[str]:
    """The net with ever more channels in its last layer, to three times as many."""
    before, _, channels = layers.rpartition(":")
    return (f"{before}:{more}" for more in range(int(channels) + 1, min(255, round(AHEAD * int(channels))) + 1))


def structure_for_budget(
    net: str, picture: Picture, n_outputs: int, problem: str, *, bits: int, budget: int | None, ram: int | None,
    quick: Callable[[str], bool] | None = None,
    ) -> str | None:  # fmt: skip
    """The net with as many channels as bytes, RAM and what is `quick` allow; None where not even the fewest do.

    Channels are in proportion. Where long rows fill the RAM before weights fill the bytes, the net is narrower in front
    and wider behind. What then is left goes to the last layer.
    """

    def stored(layers: str) -> int:
        return dense_bytes(ConvNet(picture, n_outputs, problem, layers=layers, bits=bits).specs)

    def small(layers: str) -> bool:
        return budget is None or stored(layers) <= budget

    def fits(layers: str) -> bool:
        shapes = parse(layers, picture)
        return small(layers) and (ram is None or ram_of(shapes, n_outputs) + stack_of(shapes) <= ram)

    def up_to(front: int, behind: int) -> list[str]:
        """Nets that fit, ever wider: first in proportion, then behind alone."""
        nets = [with_channels(net, width) for width in range(1, front + 1)]
        nets += [with_channels(net, front, width) for width in range(front + 1, behind + 1)]
        return list(takewhile(fits, nets))

    fitting = up_to(8 * QUARTERS if budget is None else 64 * QUARTERS, 0)
    widest = len(fitting)
    much_left = budget is not None and widest > 0 and stored(fitting[-1]) < MUCH * budget
    if much_left and small(with_channels(net, widest + 1)):  # so RAM has ended it
        fronts = range(widest, max(1, round(NARROWED * widest)) - 1, -1)
        fitting = max((up_to(front, round(AHEAD * front)) for front in fronts), key=lambda nets: stored(nets[-1]))
    if budget is not None and fitting:
        fitting += takewhile(fits, wider_at_its_end(fitting[-1]))
    count = len(fitting) if quick is None else bisect_left(fitting, True, key=lambda layers: not quick(layers))
    return fitting[count - 1] if count else None


def least_bytes_of(nets: list[str], picture: Picture, n_outputs: int, problem: str, *, bits: int) -> int:
    """Bytes of the smallest of these nets."""
    return min(
        dense_bytes(ConvNet(picture, n_outputs, problem, layers=with_channels(net, 1), bits=bits).specs) for net in nets
    )


def ram_of(shapes: list[LayerShape], n_outputs: int) -> int:
    """Bytes of a net's arrays: a row of the input, rings, rows that live at one time, sums, scores."""
    rows = [0 if layer.apart else layer.after[1] * layer.after[2] for layer in shapes]  # those of pools are kept
    together = [row + (before if layer.streams or layer.awaits else 0)
                for layer, row, before in zip(shapes, rows, [0, *rows], strict=False)]  # fmt: skip
    height, width, channels = shapes[-1].after
    sums = channels * (2 if height * width < MOST_POSITIONS else 4)
    kept = sum(layer.kept_values(of_input=i == 0) + 4 for i, layer in enumerate(shapes) if not layer.streams)
    return shapes[0].before[1] * shapes[0].before[2] + kept + max(*together, channels) + sums + 4 * n_outputs


def stack_of(shapes: list[LayerShape]) -> int:
    """Bytes of the largest array on the stack: what a kernel sees."""
    return max(layer.matrix_shape[1] if layer.kind == "conv" else 0 for layer in shapes)
