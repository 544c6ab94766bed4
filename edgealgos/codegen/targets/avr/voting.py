"""Trees that vote as straight-line AVR code: a byte a class in registers, leaves that trees share; knows no programs.

The words are the EDGEALGOS_ macros of ``kernels/straight_line.h``; what each costs stands here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .code import Code
from .counters import Counters
from .windows import Windows, windows_of

# A class counts in r16 to r25 (r24 where features are words: comparing these takes r25), others in r15 downwards. A
# feature is loaded to r26, a word to r26 and r27. Y reaches the features that are read most, Z one of several other
# windows, whose addresses wait in r2 upwards, or are made from Y. Trees are called and their leaves return: any tree
# within reach may jump to the end of another one's leaf.
SPARE = "r25"
LABEL = "r24"
_NEAR, _FAR = 60, 1960  # words that a conditional branch and a jump reach, less what far branches make longer
_JUMP = 2040
_LOOK_CYCLES, _RIVAL_CYCLES = 14, 4.5  # of a look whether it is decided, and of each class but the first
_LOOK_WORDS, _LEAD_WORDS, _RIVAL_WORDS = 6, 4, 7  # of a look, and of what all looks call
_WHOLE = 6  # words of what makes one number of halves, and its cycles

Votes = tuple[int, ...]


@dataclass(frozen=True)
class Ballot:
    """A node: features below the cut go left. A leaf is what it adds to each class.

    `share` is how much of what comes to a node goes left, typically.
    """

    feature: int
    cut: int
    left: Ballot | Votes
    right: Ballot | Votes
    share: float = 0.5


Node = Ballot | Votes


@dataclass
class _Item:
    """Words in a row: a label, code, or a branch to a label that is far where it has to be."""

    text: str
    words: int
    label: int = -1
    to: int = -1
    conditional: bool = False
    far: bool = False


@dataclass
class _Printer:
    """Items so far and where they stand, the shared ends of leaves by what they add."""

    windows: Windows
    counters: Counters
    held: dict[int, str]
    order: dict[tuple[int, int], tuple[int, int, int]]
    items: list[_Item] = field(default_factory=list)
    place: int = 0
    labels: int = 0
    ends: dict[tuple[tuple[int, int], ...], tuple[int, int]] = field(default_factory=dict)

    def add(self, text: str, words: int) -> None:
        self.items.append(_Item(text, words))
        self.place += words

    def new(self) -> int:
        self.labels += 1
        return self.labels

    def mark(self, label: int, called: bool = False) -> None:
        self.items.append(_Item("called" if called else "", 0, label=label))

    def branch(self, text: str, to: int, conditional: bool, back: int = 0) -> None:
        self.items.append(_Item(text, 1, to=to, conditional=conditional))
        self.place += 2 if conditional and back > _NEAR else 1

    # ------------------------------------------------------------------ nodes and leaves; each returns typical cycles

    def node(self, node: Node, window: int) -> float:
        if not isinstance(node, Ballot):
            return self.leaf(self.additions(node))
        cycles, window = self.compared(node, window)
        known = [None if isinstance(child, Ballot) else self.known(child) for child in (node.left, node.right)]
        for side, test in ((0, "VOTES_BELOW"), (1, "VOTES_NOT_BELOW")):
            there = known[side]
            if there is not None:
                self.branch(test, there[0], True, self.place - there[1])
                child = node.left if side == 0 else node.right
                direct = 2 + self.cycles_of(child)
                share, other = (node.share, node.right) if side == 0 else (1.0 - node.share, node.left)
                return cycles + share * direct + (1.0 - share) * (1 + self.node(other, window))
        right = self.new()
        self.branch("VOTES_NOT_BELOW", right, True)
        left = self.node(node.left, window)
        self.mark(right)
        return cycles + node.share * (1 + left) + (1.0 - node.share) * (2 + self.node(node.right, window))

    def compared(self, node: Ballot, window: int) -> tuple[float, int]:
        """The comparison of a node: its cycles, and which window Z stands at behind it."""
        if node.feature in self.held:
            self.add(f"EDGEALGOS_COMPARE({self.held[node.feature]}, {node.cut})", 1)
            return 1, window
        found, place = self.windows.of(node.feature)
        text, cycles, words = "", 0, 0
        if found > 0 and found != window:
            window = found
            text, words = self.windows.turned_to(found)
            cycles = words
        pointer = "Y" if found == 0 else "Z"
        loads = f"EDGEALGOS_FEATURE(r26, {pointer}+{place})"
        if self.windows.size == 2:
            loads += f" EDGEALGOS_FEATURE(r27, {pointer}+{place + 1})"
            self.add(f"{text}{loads} EDGEALGOS_COMPARE_VOTING_WORD({SPARE}, {node.cut})", words + 5)
            return cycles + 7, window
        self.add(f"{text}{loads} EDGEALGOS_COMPARE(r26, {node.cut})", words + 2)
        return cycles + 3, window

    def additions(self, votes: Votes) -> tuple[tuple[int, int], ...]:
        """Classes and what they get, those last that most leaves have: ends are shared."""
        found = [(k, v) for k, v in enumerate(votes) if v]
        return tuple(sorted(found, key=self.order.__getitem__))

    def known(self, votes: Votes) -> tuple[int, int] | None:
        """The label of a leaf within reach, and where it stands."""
        found = self.ends.get(self.additions(votes))
        return found if found is not None and self.place - found[1] < _FAR else None

    def leaf(self, additions: tuple[tuple[int, int], ...]) -> float:
        """A leaf, or as much of it as no other one within reach ends with."""
        spent = 0.0
        for i in range(len(additions) + 1):
            rest = additions[i:]
            found = self.ends.get(rest)
            if rest and found is not None and self.place - found[1] < _FAR:
                self.branch("VOTES_AS", found[0], False)
                return spent + 2 + self.counters.added(rest)
            label = self.new()
            self.ends[rest] = (label, self.place)
            self.mark(label)
            if rest:
                text, words = self.counters.vote(*rest[0])
                self.add(text, words)
                spent += words
        self.add("EDGEALGOS_VOTED", 1)
        return spent + 4

    def cycles_of(self, votes: Node) -> float:
        assert not isinstance(votes, Ballot)
        return self.counters.added(self.additions(votes))


def voting(
    trees: Sequence[Node],
    bias: Sequence[int],
    size: int,
    visits: dict[int, float],
    tells_label: bool,
    rests: Sequence[int] = (),
    asked: float = 1.0,
    wide: bool = False,
    halves: bool = False,
) -> Code | None:
    """Code that counts what trees vote; None where registers or jumps do not reach.

    Parameters
    ----------
    trees : sequence of Ballot or tuple
    bias : sequence of int
        What each class begins with; with all votes at most 255.
    size : int
        Bytes of a feature.
    visits : dict
        How often a prediction reads each feature.
    tells_label : bool
        Whether the number of the first largest count is left in :data:`LABEL`.
    rests : sequence of int
        Behind each tree the lead that those to come cannot make up for; 0 where nobody looks.
    asked : float
        Share of the trees that are asked typically.
    wide : bool
        Whether classes count in words; a leaf still adds a byte at most.
    halves : bool
        Whether two bytes count these words, one by twos, the other what is left over: neither is carried.
    """
    counters = Counters(size, len(bias), wide, halves)
    if counters.free < 0:
        return None
    windows = windows_of(visits, size)
    others = len(windows.starts) - 1
    pairs = min(others, counters.free) if others > 1 else 0
    windows = Windows(windows.starts, size, tuple(f"r{2 + 2 * i}" for i in range(pairs)))
    held = {} if size == 2 else _held(visits, counters.spares)
    leaves = [votes for tree in trees for votes in leaves_of(tree)]
    often = Counter((k, v) for votes in leaves for k, v in enumerate(votes) if v)
    printer = _Printer(windows, counters, held, {key: (count, *key) for key, count in often.items()})
    begin, end = _frame(windows, counters, held, bias, tells_label)
    calls, cycles = [], begin.cycles + end.cycles
    looks = {i: rest for i, rest in enumerate(rests) if rest}
    for i, tree in enumerate(trees):
        calls.append(f"EDGEALGOS_CALL_TREE({printer.new()})")
        printer.mark(printer.labels, called=True)
        cycles += asked * (4 + printer.node(tree, -1))
        if i in looks:
            calls.append(f"EDGEALGOS_STOP_{'WORD_' * wide}VOTES({looks[i] + 1})")
            cycles += asked * (1 + wide) * (_LOOK_CYCLES + _RIVAL_CYCLES * (len(bias) - 1))
            cycles += asked * (_WHOLE + 1) * halves * len(bias)
    if not _far_enough(printer.items):
        return None
    lines = [*begin.lines, *calls, *end.lines, *_lines(printer.items)]
    words = begin.size + 2 * len(trees) + end.size + sum(_words(item) for item in printer.items)
    if looks:
        lines += ["EDGEALGOS_LEAD_OF_VOTES", *counters.lead]
        words += (
            (_LOOK_WORDS + wide) * len(looks) + _LEAD_WORDS + 7 * wide + (_RIVAL_WORDS + 4 * wide) * (len(bias) - 1)
        )
        words += (_WHOLE + 1) * halves * len(bias)
    lines.append("EDGEALGOS_END_OF_TREES")
    used = [
        *counters.names,
        *map(counters.above, range(len(bias) * wide)),
        *held.values(),
        *([SPARE] if size == 2 else []),
    ]
    used += [f"r{2 + i}" for i in range(2 * pairs)] + ["r26", "r27", "r24"]
    clobbers = sorted(set(used) - {"r26", "r27"}, key=lambda name: int(name[1:]))
    saved = sum(int(name[1:]) < 18 for name in clobbers)
    return Code(tuple(lines), tuple(clobbers), cycles + 8 + 4 * saved, 2 * (words + 1 + 2 * saved))


def _held(visits: dict[int, float], spares: Sequence[str]) -> dict[int, str]:
    """Features that are read often enough to wait in a register that no class needs."""
    order = sorted(visits, key=lambda e: (-visits[e], e))
    return {e: name for e, name in zip(order, reversed(spares), strict=False) if 2 * visits[e] > 3}


def _frame(
    windows: Windows, counters: Counters, held: dict[int, str], bias: Sequence[int], tells_label: bool
) -> tuple[Code, Code]:
    """What stands before and after the calls of the trees; sizes in words."""
    carried = ["EDGEALGOS_COUNT_WORDS"] * (counters.wide and not counters.halves)
    lines, cycles, words = ["EDGEALGOS_BEGIN_VOTES", *carried], 10, 6
    for base, start in zip(windows.bases, windows.starts[1:], strict=False):
        lines.append(f"EDGEALGOS_VOTING_WINDOW({base}, {start * windows.size})")
        cycles, words = cycles + 4, words + 4
    first, last = windows.starts[0] * windows.size, windows.starts[-1] * windows.size
    lines.append(f"EDGEALGOS_MOST_READ_WINDOW({first})")
    if len(windows.starts) == 2:
        lines.append(f"EDGEALGOS_ONLY_OTHER_WINDOW({last})")
        cycles, words = cycles + 2, words + 2
    cycles, words = cycles + 3, words + 3
    for element, name in held.items():
        window, place = windows.of(element)
        text, more = windows.turned_to(window) if window > 0 else ("", 0)
        if more:
            lines.append(text)
            cycles, words = cycles + more, words + more
        lines.append(f"EDGEALGOS_FEATURE({name}, {'Y' if window == 0 else 'Z'}+{place})")
        cycles, words = cycles + 2, words + 1
    for number, first_votes in enumerate(bias):
        begun = counters.begin(number, first_votes)
        lines, cycles, words = [*lines, *begun[0]], cycles + begun[1], words + begun[2]
    begin = Code(tuple(lines), (), cycles, words)
    lines, summed = ["EDGEALGOS_DECIDED_VOTES", *counters.whole, "EDGEALGOS_END_VOTES"], _WHOLE * len(counters.whole)
    cycles, words = 8 + summed, 4 + summed
    lines += counters.stores
    cycles, words = cycles + 8 * len(bias), words + 4 * len(bias)
    if tells_label:
        lines += [*counters.most, f"EDGEALGOS_MOST_{'WORD_' * counters.wide}VOTED"]
        others, wide = len(bias) - 1, counters.wide
        cycles, words = cycles + 3 + wide + (4 + wide) * others, words + 3 + wide + (4 + 2 * wide) * others
    return begin, Code((*lines, "EDGEALGOS_OVER_TREES"), (), cycles + 3, words + 2)


def leaves_of(node: Node) -> list[Votes]:
    """What the leaves of a tree add."""
    found: list[Votes] = []
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Ballot):
            waiting += [node.left, node.right]
        else:
            found.append(node)
    return found


def visits_of(trees: Sequence[Node]) -> dict[int, float]:
    """How often a prediction reads each feature, typically."""
    found: dict[int, float] = {}
    waiting = [(tree, 1.0) for tree in trees]
    while waiting:
        node, share = waiting.pop()
        if isinstance(node, Ballot):
            found[node.feature] = found.get(node.feature, 0.0) + share
            waiting += [(node.left, share * node.share), (node.right, share * (1.0 - node.share))]
    return found


def _words(item: _Item) -> int:
    return 2 if item.far else item.words


def _far_enough(items: list[_Item]) -> bool:
    """Make branches far that have to be; whether every jump reaches."""
    while True:
        places, place = {}, 0
        for item in items:
            if item.label >= 0:
                places[item.label] = place
            place += _words(item)
        changed, place = False, 0
        for item in items:
            place += _words(item)
            if item.to < 0:
                continue
            distance = abs(places[item.to] - place)
            if distance > _JUMP:
                return False
            if item.conditional and not item.far and distance > _NEAR:
                item.far = changed = True
        if not changed:
            return True


def _lines(items: Sequence[_Item]) -> list[str]:
    """Their text, without labels that nothing asks for."""
    found = []
    asked = {item.to for item in items}
    for item in items:
        if item.to >= 0:
            found.append(f"EDGEALGOS_{'FAR_' if item.far else ''}{item.text}({item.to})")
        elif item.label < 0:
            found.append(item.text)
        elif item.text or item.label in asked:
            found.append(f"EDGEALGOS_ELSE({item.label})")
    return found
