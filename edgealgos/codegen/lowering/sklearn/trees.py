"""Trees and what is made of many: forests, bags, boosted trees, isolation forests; all one op that sums leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgealgos.errors import UnsupportedModelError

from ...ops import Forest, MatVec
from ...program import Link, Op, Program, QType, Space, Tensor
from ...program.choose_encoding import CENTRED, TooCoarse, lossless
from ...program.choose_levels import BITS, levels_between
from . import registry
from .registry import Front, Rows, Widths, finished, weights
from .stages import Curve, Reals
from .votes import leads_of, leaf_of, votes_of

Ints = NDArray[np.int64]
LEAF = -1
NUMBER_BITS = 16  # of leaves that are numbers, and of their sum
LEAST_BITS = 12  # of a sum without its bias, however far from zero that is
SUM_BITS = 31  # of a sum that then takes more than those of a number
REACH = 128  # bytes of features that code of trees with one score reaches; votes are counted wherever features lie
NODE_WORDS, MOVED_WORDS = {8: 3.3, 16: 5.3}, 0.7  # of code of a node, and of moving pointers that do not reach all
MOST_NODES = 4096  # of a tree whose ways encoders have parted


@dataclass(frozen=True)
class Tree:
    """A tree over raw features: what is not above a threshold goes left.

    Parameters
    ----------
    left, right : int array, shape (nodes,)
        Children; -1 for both of a leaf.
    feature : int array, shape (nodes,)
    threshold : float array, shape (nodes,)
    leaf : array, shape (nodes,) or (nodes, n_classes)
        What a leaf adds.
    """

    left: Ints
    right: Ints
    feature: Ints
    threshold: Reals
    leaf: Reals


class Cuts:
    """Thresholds as device inputs: rows go the way that they went, as far as inputs tell them apart.

    Parameters
    ----------
    front : Front
        Each input of the model is one raw feature, scaled, and a curve of it.
    rows, given : array, shape (n, n_features)
        Raw samples, and what the model is given for them: as numbers of 32 bits, as scikit-learn compares them. Where a
        threshold lies right on a value, which way it goes hangs on that.
    """

    def __init__(self, front: Front, rows: Reals, given: Reals) -> None:
        self.curves = [[c for c in front.curves if np.ptp(c.values[:, k])] for k in range(len(front.matrix))]
        owners = [{c.feature for c in curves} | {*np.flatnonzero(row).tolist()}
                  for curves, row in zip(self.curves, front.matrix, strict=True)]  # fmt: skip
        if any(len(found) > 1 for found in (*owners, *self.curves)):
            raise UnsupportedModelError(
                "trees compare single features: in front of them scalers, selections and encoders of these compile"
            )
        self.owner = np.array([min(found, default=0) for found in owners])
        slope = front.matrix[np.arange(len(self.owner)), self.owner]
        if (slope < 0).any():
            raise UnsupportedModelError("trees compile behind scalers that keep the order of values")
        self.front = front
        device = front.encoding.encode(rows).astype(np.int64)
        self.given, self.values = given, given.astype(np.float32)
        self.device = device[:, self.owner]
        self.slope = slope * front.encoding.qtype.step
        self.shift = front.shift + sum(c.values[0] for c in front.curves)
        self.low, self.high = front.encoding.low, front.encoding.high
        self._grids: dict[int, tuple[Ints, Reals]] = {}

    def sides(self, feature: int, threshold: float) -> list[tuple[int, bool]]:
        """Device inputs from which on, until the next one, rows go left (True) or right."""
        found: list[tuple[int, bool]] = []
        for start, end, added in self._pieces(feature):
            cut = self._cut(feature, threshold, start, end, added)
            for first, left in ((start, True), (cut, False)):
                if first < (cut if left else end) and (not found or found[-1][1] != left):
                    found.append((first, left))
        return found

    def _pieces(self, feature: int) -> list[tuple[int, int, float]]:
        """First device input, end and what is added, of each piece of a feature's curve."""
        if not self.curves[feature]:
            return [(self.low, self.high + 1, 0.0)]
        (curve,) = self.curves[feature]
        ends = np.clip([self.low, *places(self.front, curve), self.high + 1], self.low, self.high + 1).astype(int)
        added = (curve.values[:, feature] - curve.values[0, feature]).tolist()
        return [p for p in zip(ends[:-1].tolist(), ends[1:].tolist(), added, strict=True) if p[0] < p[1]]

    def _cut(self, feature: int, threshold: float, start: int, end: int, added: float) -> int:
        """The first device input of a piece that goes right, or its end."""
        if self.slope[feature] == 0:
            return end if self.shift[feature] + added <= threshold else start
        nearest = (threshold - self.shift[feature] - added) / self.slope[feature]
        middle = int(np.clip(self._last_left(feature, threshold, nearest), start - 1, end - 1)) + 1
        inside = (self.device[:, feature] >= start) & (self.device[:, feature] < end)
        values, device = self.values[inside, feature], self.device[inside, feature]
        left = values <= np.float64(threshold)  # a plain float would be rounded to 32 bits
        wrong = [int(np.count_nonzero((device < cut) != left)) for cut in (middle, middle - 1, middle + 1)]
        return int(np.clip(middle + (0, -1, 1)[int(np.argmin(wrong))], start, end))

    def _last_left(self, feature: int, threshold: float, nearest: float) -> float:
        """The device input below a threshold, or the one that means the same: then the side of what that stands for."""
        level = np.rint(nearest)
        if self.curves[feature] or abs(nearest - level) > CENTRED:
            return float(np.floor(nearest))
        if feature not in self._grids:
            known, first = np.unique(self.device[:, feature], return_index=True)
            self._grids[feature] = known, self.given[first, feature]
        value = np.float32(np.interp(level, *self._grids[feature]))
        return float(level if value <= np.float64(threshold) else level - 1)


def places(front: Front, curve: Curve) -> list[int]:
    """Device inputs at which a curve steps, in the middle between the values on both sides."""
    encoding = front.encoding
    scale = float(np.resize(encoding.scale, front.features)[curve.feature])
    offset = float(np.resize(encoding.offset, front.features)[curve.feature])
    middle, gap = (curve.edges - offset) * scale, curve.gap * scale
    below, above = np.floor(middle - gap + 0.5), np.floor(middle + gap + 0.5)
    if not curve.gap:  # edges of bins are values often
        return _ascending(above)
    # one device input for both is that of a category, or of the number for what is missing, not of values between
    known = (curve.values != curve.values[0]).any(axis=1)
    last = (below == above) & known[:-1] & ~known[1:]
    return _ascending((below + above + 1) // 2 + last)


def _ascending(found: Reals) -> list[int]:
    whole: list[int] = np.maximum.accumulate(found.astype(int)).tolist()
    return whole


@dataclass
class Node:
    """A node of a tree whose threshold is a device input; a leaf has no children."""

    feature: int = LEAF
    cut: int = 0
    leaf: tuple[int, ...] = ()
    children: tuple[Node, Node] | None = None


def sum_of_trees(
    front: Front, rows: Rows, trees: Sequence[Sequence[Tree]], bias: Reals, family: str, labels: Sequence[Any] = ()
) -> Program:
    """Scores to which trees add numbers.

    Parameters
    ----------
    trees : sequence of sequences of Tree
        Of each score its own.
    bias : array, shape (n_scores,)
    """
    front = _told_apart(front, rows, [tree for several in trees for tree in several], exactly=bool(labels))
    cuts = Cuts(front, rows.raw, rows.given)
    reach = [sum(float(np.abs(t.leaf).max()) for t in several) for several in trees]
    whole = float((np.array(reach) + np.abs(bias)).max())
    finest, least = QType.covering(whole, SUM_BITS).frac, QType.covering(max(reach), LEAST_BITS).frac
    qtype = QType(NUMBER_BITS, min(finest, max(QType.covering(whole, NUMBER_BITS).frac, least)))
    grown, rest = [], bias.astype(np.float64).copy()
    for k, several in enumerate(trees):
        nodes = [_planted(tree, cuts, qtype.quantize(tree.leaf)[:, None]) for tree in several]
        rest[k] += sum(node.leaf[0] * qtype.step for node in nodes if node.children is None)
        grown.append([node for node in nodes if node.children is not None])
    return trees_program(front, grown, False, qtype, rest, family, labels)


def votes_of_trees(
    front: Front, rows: Rows, trees: Sequence[Tree], family: str, labels: Sequence[Any], link: Link | None = None
) -> Program:
    """Scores to which every tree adds a row, a number for each class.

    Of two classes it is one number, what the second one leads by: where all features are within reach of that code.
    Without a `link` it is a share of what all trees add.
    """
    front = _told_apart(front, rows, trees)
    cuts = Cuts(front, rows.raw, rows.given)
    leaves = [tree.leaf for tree in trees]
    read = {int(feature) for tree in trees for feature in tree.feature[tree.left >= 0]}
    near = len(read) * front.encoding.qtype.container <= 8 * REACH
    link = link or Link.of_votes(sum(float(leaf[0].sum()) for leaf in leaves), len(labels))
    reached = [leaf_of(tree.left, tree.right, tree.feature, tree.threshold, rows.given) for tree in trees]
    if len(labels) == 2:
        leaves = [leaf[:, 1:] - leaf[:, :1] for leaf in leaves] if near else leaves
        qtype, leaves, unit = leads_of(leaves, reached)
    else:
        words = NODE_WORDS[front.encoding.qtype.container] + MOVED_WORDS * (not near)
        qtype, leaves, unit = votes_of(leaves, reached, [tree.left < 0 for tree in trees], words)
    nodes = [_planted(t, cuts, qtype.quantize(leaf)) for t, leaf in zip(trees, leaves, strict=True)]
    rest = np.zeros(leaves[0].shape[1])
    for node in nodes:
        if node.children is None:
            rest += np.array(node.leaf) * qtype.step
    grown = [node for node in nodes if node.children is not None]
    program = trees_program(front, [grown], leaves[0].shape[1] > 1, qtype, rest, family, labels)
    return replace(program, link=link.behind(unit))


def _told_apart(front: Front, rows: Rows, trees: Sequence[Tree], exactly: bool = True) -> Front:
    """That of device inputs which go where raw values do; of numbers bytes that nearly do are good enough."""
    if front.encoding.qtype.bits > BITS or front.curves or lossless(front.encoding, rows.raw):
        return front
    inner = [tree.left >= 0 for tree in trees]
    feature = np.concatenate([tree.feature[i] for tree, i in zip(trees, inner, strict=True)])
    threshold = np.concatenate([tree.threshold[i] for tree, i in zip(trees, inner, strict=True)])
    thresholds = [threshold[feature == k] for k in range(len(front.matrix))]
    try:
        return front.encoded(levels_between(rows.raw, rows.given, np.abs(front.matrix).argmax(axis=1), thresholds))
    except TooCoarse:
        if exactly:
            raise
        return front


def _planted(tree: Tree, cuts: Cuts, leaves: Ints) -> Node:
    """The tree with device inputs for thresholds; where both ways lead to the same leaf, that leaf."""
    made: dict[int, Node] = {}
    for i in _children_first(tree):
        if tree.left[i] < 0:
            made[i] = Node(leaf=tuple(int(v) for v in leaves[i]))
            continue
        left, right = made.pop(int(tree.left[i])), made.pop(int(tree.right[i]))
        feature = int(tree.feature[i])
        if left.children is None and right.children is None and left.leaf == right.leaf:
            made[i] = left
        else:
            sides = cuts.sides(feature, float(tree.threshold[i]))
            made[i] = _halved(int(cuts.owner[feature]), [(at, left if goes else right) for at, goes in sides])
    return _reached(made[0], {}, [MOST_NODES]) if cuts.front.curves else made[0]


def _reached(node: Node, ranges: dict[int, tuple[float, float]], room: list[int]) -> Node:
    """What of a tree inputs in these ranges can reach; where encoders made its ways meet, each has nodes of its own."""
    if node.children is None:
        return node
    low, high = ranges.get(node.feature, (-np.inf, np.inf))
    if not low < node.cut < high:
        return _reached(node.children[node.cut <= low], ranges, room)
    room[0] -= 1
    if room[0] < 0:
        raise UnsupportedModelError(
            f"a tree behind an encoder would have more than {MOST_NODES:,} nodes: an OrdinalEncoder instead of "
            "OneHotEncoder keeps trees small, or leave the encoder out, as trees need none"
        )
    left = _reached(node.children[0], ranges | {node.feature: (low, node.cut)}, room)
    right = _reached(node.children[1], ranges | {node.feature: (node.cut, high)}, room)
    if left.children is None and right.children is None and left.leaf == right.leaf:
        return left
    return replace(node, children=(left, right))


def _children_first(tree: Tree) -> list[int]:
    order, waiting = [], [0]
    while waiting:
        i = waiting.pop()
        order.append(i)
        if tree.left[i] >= 0:
            waiting += [int(tree.left[i]), int(tree.right[i])]
    return order[::-1]


def _levels(root: Node) -> list[Node]:
    """Inner nodes, level by level."""
    found, level = [], [root]
    while level:
        inner = [node for node in level if node.children is not None]
        found += inner
        level = [child for node in inner for child in node.children or ()]
    return found


def _leaves(root: Node) -> list[tuple[int, ...]]:
    """Leaves in the order in which the inner nodes name them."""
    return [child.leaf for node in _levels(root) for child in node.children or () if child.children is None]


def trees_program(
    front: Front, grown: list[list[Node]], of_rows: bool, qtype: QType, bias: Reals, family: str, labels: Sequence[Any],
    start: tuple[tuple[Tensor, ...], Op] | None = None,
) -> Program:  # fmt: skip
    """Program of grown trees whose leaves are numbers, or rows of them.

    `start` makes scores that they are added to. Cuts lie half a device input lower before they are rounded, so that the
    float program goes the same ways.
    """
    table = sorted({leaf for node in grown[0] for leaf in _leaves(node)}) if of_rows else None
    trees = [tree for several in grown for tree in several]
    if not trees:
        raise UnsupportedModelError(f"{family} answers every row alike: there is nothing to compile")
    bodies = [_levels(tree) for tree in trees]
    every = sorted({(node.feature, node.cut) for body in bodies for node in body})
    number = {test: i for i, test in enumerate(every)}
    used = sorted({feature for feature, _ in every})
    most = max(map(len, bodies))
    leaves = [leaf for tree in trees for leaf in _leaves(tree)]
    index = None if table is None else {row: i for i, row in enumerate(table)}
    constants: dict[str, tuple[Any, QType | None]] = {
        "features": (used, None),
        "counts": ([sum(f == feature for f, _ in every) for feature in used], None),
        "cuts": ([(cut - 0.5) * front.encoding.qtype.step for _, cut in every], front.encoding.qtype),
        "tests": ([number[node.feature, node.cut] for body in bodies for node in body], None),
        "inner": ([[c.children is not None for c in node.children or ()] for body in bodies for node in body], None),
        "sizes": ([most - len(body) for body in bodies], None),
        "leaves": ([leaf[0] * qtype.step for leaf in leaves], qtype)
        if index is None else ([index[leaf] for leaf in leaves], None),
    }  # fmt: skip
    if table is not None:
        constants["values"] = (np.array(table) * qtype.step, qtype)
    elif len(grown) > 1:
        constants["groups"] = ([len(several) for several in grown], None)
    if np.any(bias):
        constants["bias"] = (bias, None)
    before, first = ((), ()) if start is None else (start[0], (start[1],))
    tensors = [front.input, *before, *(_constant(name, *value) for name, value in constants.items())]
    tensors.append(Tensor("scores", bias.shape, Space.OUTPUT))
    fields: dict[str, Any] = {name: name if name in constants else None for name in _FIELDS}
    begun = None if start is None else start[1].out
    op = Forest("scores", vector="x", partners=None, start=begun, most_nodes=most, **fields)
    return finished(front, tensors, [*first, op], family, labels)


_FIELDS = ("features", "counts", "cuts", "tests", "inner", "sizes", "leaves", "values", "groups", "bias")


def _constant(name: str, values: Any, qtype: QType | None) -> Tensor:
    data = np.asarray(values, dtype=np.float64)
    return Tensor(name, data.shape, Space.FLASH, qtype, data)


def linear_program(
    front: Front, matrix: Reals, bias: Reals, widths: Widths, family: str, labels: Sequence[Any] = ()
) -> Program:
    """Scores ``matrix @ inputs + bias`` of a model behind `front`, curves of single features included."""
    if not front.curves:
        return registry.linear_program(front, matrix, bias, widths, family, labels)
    added = [curve.values @ matrix.T for curve in front.curves]
    rest = matrix @ front.shift + bias + sum(a.mean(axis=0) for a in added)
    added = [a - a.mean(axis=0) for a in added]
    one = len(bias) == 1
    qtype = QType.covering(max(float(np.abs(a).max()) for a in added), NUMBER_BITS if one else widths.weights)
    slopes, start = matrix @ front.matrix, None
    if np.any(slopes):
        table, x = weights("weights", slopes, widths.weights, "coefficients"), front.encoding.qtype
        reach = float((np.abs(slopes).sum(axis=1) * max(-front.encoding.low, front.encoding.high)).max() * x.step)
        frac = min(qtype.frac, QType.covering(reach, 16).frac, table.type.frac + x.frac)
        qtype = QType(qtype.bits, frac)
        score = Tensor("start", (len(bias),), Space.SCRATCH, QType(16, frac))
        start = (table, score), MatVec("start", "weights", "x")
    trees = [_tree_of_curve(front, curve, qtype.quantize(a)) for curve, a in zip(front.curves, added, strict=True)]
    for tree in trees:
        if tree.children is None:
            rest = rest + np.array(tree.leaf) * qtype.step
    grown = [tree for tree in trees if tree.children is not None]
    return trees_program(front, [grown], not one, qtype, rest, family, labels, start)


def _tree_of_curve(front: Front, curve: Curve, added: Any) -> Node:
    """Comparisons of one feature, halving what is left."""
    parts: list[tuple[int, Node]] = [(front.encoding.low, Node(leaf=tuple(int(v) for v in added[0])))]
    for cut, row in zip(places(front, curve), added[1:], strict=True):
        leaf = Node(leaf=tuple(int(v) for v in row))
        if cut > front.encoding.high:
            break
        if cut <= parts[-1][0]:
            parts[-1] = (parts[-1][0], leaf)
        elif leaf != parts[-1][1]:
            parts.append((cut, leaf))
    return _halved(curve.feature, parts)


def _halved(feature: int, parts: list[tuple[int, Node]]) -> Node:
    """Comparisons that tell which part an input is in."""
    if len(parts) == 1:
        return parts[0][1]
    half = len(parts) // 2
    return Node(feature, parts[half][0], (), (_halved(feature, parts[:half]), _halved(feature, parts[half:])))
