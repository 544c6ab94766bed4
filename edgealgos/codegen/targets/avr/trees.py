"""Trees as straight-line AVR code: a comparison and a branch a node, a number and a jump a leaf; knows no programs.

The words are the EDGEALGOS_ macros of ``kernels/straight_line.h``; what each costs stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .code import Code

# A node compares a register with a constant: features that are read most wait in registers, the others are loaded to
# r24, words to r24 and r25. A leaf loads its number to r25, a word to r24 and r25, which is added to the sum in r14 and
# r15 where its tree ends.
FEATURE_REGISTERS = ("r18", "r19", "r20", "r21", "r22", "r23", "r16", "r17")
LABEL = "r11"  # beside r12 and r13, the largest score so far
_SAVED = ("r16", "r17")
WINDOW = 64  # features that one pointer reaches
_NEAR_WORDS = 60  # a conditional branch reaches 63 words
_FAR_WORDS = 2000  # and a jump 2047


@dataclass(frozen=True)
class Split:
    """A node: features below the cut go left; `share` is how much of what comes there does, typically."""

    feature: int
    cut: int
    left: Split | int
    right: Split | int
    share: float = 0.5


Node = Split | int


@dataclass(frozen=True, slots=True)
class _Piece:
    """Code of a subtree: what it says, how long it takes typically, its words."""

    lines: tuple[str, ...]
    cycles: float
    words: int


def trees(
    groups: Sequence[Sequence[Node]], bias: Sequence[int], places: Sequence[int], registers: Sequence[int],
    goes_on: bool = False, tells_label: bool = False, words: bool = False, rests: Sequence[int] = (),
    asked: float = 1.0,
) -> Code | None:  # fmt: skip
    """Code that sums trees of each output; None where a jump would not reach.

    Parameters
    ----------
    groups : sequence of sequence of Split or int
        Trees of each output.
    bias : sequence of int
        What each output begins with.
    places : sequence of int
        Where each feature lies, counted from the pointer Z: in one of two windows.
    registers : sequence of int
        Features that wait in registers.
    goes_on : bool
        Whether the scores hold words already that the trees are added to.
    tells_label : bool
        Whether the number of the largest score is left in :data:`LABEL`.
    words : bool
        Whether features have 16 bits; none waits in a register then.
    rests : sequence of int
        Of one output: behind each tree how far from zero its sum has to be for those to come to be left out; 0 where
        nobody looks.
    asked : float
        Share of the trees that are asked typically.
    """
    leaves = {id(tree): _leaves(tree) for of_output in groups for tree in of_output}
    wide = any(max(found) - min(found) > 0xFF for found in leaves.values())
    held = {} if words else dict(zip(registers, FEATURE_REGISTERS, strict=False))
    printer = _Printer(held, places, words, wide)
    pieces = [_Piece((f"EDGEALGOS_FEATURE({name}, {_address(places[f])})",), 2, 1) for f, name in held.items()]
    for output, (of_output, start) in enumerate(zip(groups, bias, strict=True)):
        first = start if wide else start + sum(min(leaves[id(tree)]) for tree in of_output)
        word, cycles = ("GO_ON_WITH", 11) if goes_on else ("BEGIN", 4)
        pieces.append(_Piece((f"EDGEALGOS_{word}_SCORE({first})",), cycles, 8 if goes_on else 4))
        for i, tree in enumerate(of_output):
            pieces.append(_often(printer.tree(tree), asked))
            if i < len(rests) and rests[i]:
                ahead = 0 if wide else sum(min(leaves[id(later)]) for later in of_output[i + 1 :])
                stop = f"EDGEALGOS_STOP_SUM({rests[i] + 1 + ahead}, {ahead - rests[i]}, {ahead})"
                pieces.append(_often(_Piece((stop,), 11, 16), asked))
        if any(rests):
            pieces.append(_Piece(("EDGEALGOS_DECIDED_SUM",), 0, 0))
        if tells_label:
            word, spent = ("FIRST_TREES", 3) if output == 0 else ("LARGER_TREES", 6)
            pieces.append(_Piece((f"EDGEALGOS_{word}({output})",), spent, spent))
        pieces.append(_Piece(("EDGEALGOS_END_SCORE",), 10, 6))
    if any(piece.words > _FAR_WORDS for piece in pieces):
        return None
    if any(place >= reach(words) for place in places):
        pieces = [_Piece(("EDGEALGOS_SECOND_WINDOW",), 7, 5), *pieces, _Piece(("EDGEALGOS_NO_SECOND_WINDOW",), 4, 2)]
    used = ["r14", "r15", "r24", "r25", *(["r18"] if words else held.values())]
    return _joined(pieces, [*used, "r12", "r13", LABEL] if tells_label else used)


def _often(piece: _Piece, share: float) -> _Piece:
    """What runs in this share of predictions."""
    return _Piece(piece.lines, share * piece.cycles, piece.words)


def _joined(pieces: Sequence[_Piece], used: Sequence[str]) -> Code:
    """A function of pieces; those registers that a caller needs are saved."""
    saved = sum(int(name[1:]) < 18 for name in used)
    lines = tuple(line for piece in pieces for line in piece.lines)
    cycles, words = sum(piece.cycles for piece in pieces), sum(piece.words for piece in pieces)
    return Code(lines, tuple(used), cycles + 8 + 4 * saved, 2 * (words + 1 + 2 * saved))


def registers_for(visits: Sequence[float]) -> list[int]:
    """Features that are read often enough to wait in a register, those first that are read most."""
    order = sorted(range(len(visits)), key=lambda f: -visits[f])
    found = []
    for register, feature in zip(FEATURE_REGISTERS, order, strict=False):
        price = 2 + (4 if register in _SAVED else 0)
        if 2 * visits[feature] > price:
            found.append(feature)
    return found


def visits_of(groups: Sequence[Sequence[Node]], features: int) -> list[float]:
    """How often a prediction reads each feature, typically."""
    found = [0.0] * features
    waiting = [(tree, 1.0) for of_output in groups for tree in of_output]
    while waiting:
        node, share = waiting.pop()
        if isinstance(node, Split):
            found[node.feature] += share
            waiting += [(node.left, share * node.share), (node.right, share * (1.0 - node.share))]
    return found


def _leaves(node: Node) -> list[int]:
    found: list[int] = []
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Split):
            waiting += [node.left, node.right]
        else:
            found.append(node)
    return found


def reach(words: bool) -> int:
    """Features that one pointer reaches."""
    return WINDOW // 2 if words else WINDOW


def _address(byte: int) -> str:
    return f"Z+{byte}" if byte < WINDOW else f"Y+{byte - WINDOW}"


class _Printer:
    """Prints trees; labels are numbered through."""

    def __init__(self, held: dict[int, str], places: Sequence[int], words: bool, wide: bool) -> None:
        self._held, self._places, self._words, self._wide = held, places, words, wide
        self._labels = 0

    def tree(self, node: Node) -> _Piece:
        """A tree that adds its leaf less its least one to the sum."""
        end, base = self._label(), 0 if self._wide else min(_leaves(node))
        body = self._node(node, base, end, last=True)
        word = "END_TREE_OF_WORDS" if self._wide else "END_TREE"
        return _Piece((*body.lines, f"EDGEALGOS_{word}({end})"), body.cycles + 2, body.words + 2)

    def _label(self) -> int:
        self._labels += 1
        return self._labels

    def _node(self, node: Node, base: int, end: int, last: bool) -> _Piece:
        if not isinstance(node, Split):
            kind, more = ("WORD_LEAF", 1) if self._wide else ("LEAF", 0)
            if last:
                return _Piece((f"EDGEALGOS_LAST_{kind}({node - base})",), 1 + more, 1 + more)
            return _Piece((f"EDGEALGOS_{kind}({node - base}, {end})",), 3 + more, 2 + more)
        right = self._label()
        left = self._node(node.left, base, end, last=False)
        other = self._node(node.right, base, end, last)
        compared, cycles, words = self._compared(node)
        near = left.words <= _NEAR_WORDS
        test = f"{compared}EDGEALGOS_{'BELOW' if near else 'FAR_BELOW'}({right})"
        # not below: 1 for the comparison, 2 for the branch; far ones jump over a jump
        ways = (2, 3) if near else (3, 4)
        spent = cycles + node.share * (ways[0] + left.cycles) + (1.0 - node.share) * (ways[1] + other.cycles)
        lines = (test, *left.lines, f"EDGEALGOS_ELSE({right})", *other.lines)
        return _Piece(lines, spent, words + (2 if near else 3) + left.words + other.words)

    def _compared(self, node: Split) -> tuple[str, int, int]:
        """The comparison of a node, besides that of a byte what takes cycles and words."""
        place = self._places[node.feature]
        if self._words:
            low, high = (f"EDGEALGOS_FEATURE(r{24 + i}, {_address(2 * place + i)}) " for i in (0, 1))
            return f"{low}{high}EDGEALGOS_COMPARE_WORD({node.cut}) ", 6, 4
        register = self._held.get(node.feature)
        if register is not None:
            return f"EDGEALGOS_COMPARE({register}, {node.cut}) ", 0, 0
        return f"EDGEALGOS_FEATURE(r24, {_address(place)}) EDGEALGOS_COMPARE(r24, {node.cut}) ", 2, 1
