"""Boosted trees: parameters, structure and program; growing itself is elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from ..codegen.ops import Forest, MatVec
from ..codegen.program.op import Op
from ..codegen.program.program import Program
from ..codegen.program.qtype import QType
from .base import EdgeEstimator
from .model import Arrays, Constants, Examples, Frame, Lesson, Model, Types
from .params import NONE, Options, check_parameters, integer, positive
from .precision import predicted_cycles_of
from .shared import SHARED_PARAMETERS
from .splits import held_out
from .tasks import EdgeClassifier, EdgeRegressor

if TYPE_CHECKING:
    from ..training.boosting.boost import Boosting
    from ..training.boosting.fit import Grown
    from ..training.boosting.start import Start

_SHARED = ("max_model_bytes", "max_cycles", "epochs", "batch_size", "learning_rate", "random_state", "verbose")
_OWN = {name: SHARED_PARAMETERS[name] for name in _SHARED} | {
    "bits": (Options(("auto", 3, 4, 5, 6, 8, 16, "mixed")),),
    "max_depth": (integer(1, 30), NONE),
    "n_estimators": (integer(1), NONE),
}
JUDGED_SHARE, MOST_JUDGED = 0.25, 3000
FAST_BYTES, FAST = 2500, 2800  # models of at most so many bytes are code, and take no more cycles if nothing is said
FAST_PRICE = 1e-5  # of classifiers so small, to whom each cycle is worth more mistakes than to others
MEAN_BYTES = 4  # of targets, at most
CONSTANT_BITS = 30  # of a bias to which nothing is added
MOST_ROUNDS = 200  # where bytes have no limit
_DOCS = {
    "features": "inputs that tests compare",
    "partners": "what they are paired with: twice the number of an input, counted from 1, one less to subtract",
    "counts": "tests of each",
    "cuts": "what is below goes left",
    "tests": "test of each node",
    "inner": "whether the children of a node are nodes",
    "sizes": "nodes that each tree lacks of the largest",
    "leaves": "what trees add",
    "groups": "trees of each score",
    "bias": "scores to begin with",
}


def program_of(weights: Arrays, qtypes: Types, frame: Frame) -> Program:
    """A linear model, to whose scores trees add their leaves; either may be missing."""
    constants = Constants(weights, qtypes)
    trees, linear = "leaves" in weights, "linear" in weights
    tensors = [frame.input()]
    body: list[Op] = []
    if linear:
        tensors += [constants.flash("linear", doc="linear model"), constants.flash("linear_bias", doc="its bias")]
        tensors += [constants.activation("start", frame.n_outputs, doc="scores to begin with")] if trees else []
        body.append(MatVec("start" if trees else "scores", matrix="linear", vector="x", bias="linear_bias"))
    if trees:
        tensors += [constants.flash(name, doc=doc) for name, doc in _DOCS.items() if name in weights]
        absent = {name: None for name in ("partners", "groups", "bias") if name not in weights}
        fields: dict[str, Any] = {name: name for name in _DOCS if name in weights} | absent
        body.append(Forest("scores", vector="x", values=None, start="start" if linear else None,
                               most_nodes=frame.structure["most_nodes"], **fields))  # fmt: skip
    return frame.program("BoostedTrees" if trees else "Linear", [*tensors, frame.output()], {"predict": body})


class Boosted(EdgeEstimator):
    """What trees and linear models, classifiers and regressors share."""

    _structured = {  # noqa: RUF012
        "most_leaves": (integer(2),), "learning_rate": (positive(),), "most_nodes": (integer(1, 1 << 15),)
    }  # fmt: skip
    _leaf_bits = 5
    _trees = True
    program_of = staticmethod(program_of)
    max_depth: int | None = None
    n_estimators: int | None = None
    learning_rate: float | None = None
    epochs: int | None = None
    batch_size: int | None = None

    @property
    def _weight_bits(self) -> int:
        return int(self._leaf_bits if self.bits in ("auto", "mixed") else self.bits)

    @property
    def _input_bits(self) -> int:
        return 16 if self.bits == 16 else 8

    def _check_parameters(self) -> None:
        check_parameters(self, self.get_params(deep=False), self._declared)

    def _learned(self, examples: Examples, frame: Frame) -> Model:
        """Rows are held out while settings are chosen, and for nothing else: leaves have one precision."""
        return self._settle(self._train(self._lesson(examples, frame)), examples)

    def _train(self, lesson: Lesson) -> Model:
        from ..training.boosting.boost import MOST_ROWS, Table, Task
        from ..training.boosting.fit import Wanted, fit

        frame, examples = lesson.frame, lesson.examples
        y, mean, exponent = _scaled(examples, frame)
        table = Table(lesson.x_q, y, examples.weight)
        rounds = [count for count in (self.n_estimators, self.epochs) if count is not None]
        if not self._trees:
            rounds = [0]
        elif self.max_model_bytes is None:
            rounds.append(MOST_ROUNDS)
        fast = self.max_cycles is None and self._trees and (self.max_model_bytes or np.inf) <= FAST_BYTES
        task = Task(frame.problem, frame.n_outputs, frame.encoding.qtype, self.max_model_bytes,
                    FAST if fast else self.max_cycles, min(rounds, default=None), self.batch_size or MOST_ROWS,
                    MEAN_BYTES if mean else 0)  # fmt: skip
        if fast and frame.problem != "regression":
            task = replace(task, cycle_price=FAST_PRICE)
        wanted = Wanted(self.max_depth, self.n_estimators, self.learning_rate, lesson.bits, self._trees, self._decided)
        grown = fit(table, self._judged(examples, lesson.seed), task, wanted, lesson.seed, bool(self.verbose))
        if mean and not y.any():  # a constant has all the bits of a sum
            exponent = _bias_type(grown.boosting.start).frac - QType.covering(abs(mean), CONSTANT_BITS).frac
        model = _model_of(grown, frame, mean, exponent)
        while self.max_cycles is not None and (cycles := predicted_cycles_of(model)) > self.max_cycles:
            if len(grown.boosting.order) <= 1:
                what = "a single tree" if self._trees else "the smallest linear model"
                raise ValueError(f"max_cycles={self.max_cycles} is too few: {what} takes {cycles}")
            grown.boosting.cut_to(len(grown.boosting.order) * 9 // 10)
            model = _model_of(grown, frame, mean, exponent)
        return model

    def _judged(self, examples: Examples, seed: int) -> list[NDArray[np.bool_]]:
        """Masks of rows to judge by: the fewer rows there are, the more of them."""
        count = len(examples)
        splits = 5 if count < 500 else 4 if count < 1500 else 2 if count < 3000 else 1
        classes = isinstance(self, ClassifierMixin)
        masks = [held_out(examples, JUDGED_SHARE, MOST_JUDGED, seed + i, classes) for i in range(splits)]
        return [mask for mask in masks if mask.any()]


def _scaled(examples: Examples, frame: Frame) -> tuple[NDArray[np.float64], float, int]:
    """Targets as boosting takes them, and the mean and power of two that lead back."""
    y = np.asarray(examples.y, np.float64)
    if frame.problem != "regression":
        return y, 0.0, 0
    # The mean of numbers that are all the same is not quite that number.
    mean = float(np.average(y, weights=examples.weight)) if np.ptp(y) else float(y[0])
    deviation = float(np.sqrt(np.average((y - mean) ** 2, weights=examples.weight)))
    exponent = int(np.ceil(np.log2(deviation))) if deviation else 0
    return np.ldexp(y - mean, -exponent), mean, exponent


def _model_of(grown: Grown, frame: Frame, mean: float, exponent: int) -> Model:
    """What boosting grew as numbers of a program."""
    boosting, settings = grown.boosting, grown.boosting.settings
    weights, qtypes = _start_of(boosting, mean, exponent)
    structure: dict[str, Any] = {"most_leaves": settings.growth.most_leaves, "learning_rate": settings.rate}
    if boosting.order:
        sizes = [tree.cuts.size for trees in boosting.forest.trees for tree in trees]
        structure["most_nodes"] = max(sizes)
        trees, kinds = _trees_of(boosting, frame, exponent)
        weights, qtypes = weights | trees, qtypes | kinds
    course, end = boosting.course, 1 + len(boosting.order)
    history: dict[str, list[Any]] = {"loss": course.loss[:end], "error": course.error[:end],
                                       "bytes": [float(size) for size in course.bytes[:end]]}  # fmt: skip
    if grown.choices:
        history["choices"] = grown.choices
    rounds = -(-len(boosting.order) // frame.n_outputs)
    return Model(weights, qtypes, replace(frame, structure=structure), rounds, history)


def _start_of(boosting: Boosting, mean: float, exponent: int) -> tuple[dict[str, Any], dict[str, QType]]:
    """A linear model, or constants where any differs from zero."""
    start = boosting.start
    if start.weights is None or start.weight_type is None:
        weights = {"bias": np.ldexp(start.bias, exponent)}
        qtypes = {"bias": _moved(QType(32, start.out.frac), exponent)}
    else:
        weights = {"linear": np.ldexp(start.weights, exponent), "linear_bias": np.ldexp(start.bias, exponent)}
        qtypes = {name: _moved(kind, exponent) for name, kind in (
            ("linear", start.weight_type), ("linear_bias", start.sum_type), ("start", start.out))}  # fmt: skip
    if mean:
        name = "bias" if boosting.order else "linear_bias"
        kind = qtypes.setdefault(name, _moved(QType(32, start.out.frac), exponent))
        weights[name] = kind.dequantize(kind.quantize(weights.get(name, np.zeros(1)) + mean))
    if "bias" in weights and not weights["bias"].any():
        del weights["bias"], qtypes["bias"]
    return weights, qtypes


def _bias_type(start: Start) -> QType:
    """Of what is added to all scores: the sums' of a linear model, or the scores' own."""
    return QType(32, start.out.frac) if start.weights is None else start.sum_type


def _moved(kind: QType, exponent: int) -> QType:
    """The type of numbers that are multiplied with a power of two."""
    return QType(kind.bits, kind.frac - exponent)


def _trees_of(boosting: Boosting, frame: Frame, exponent: int) -> tuple[dict[str, Any], dict[str, QType]]:
    """The trees as the program takes them: a cut lies between two inputs, half a step below the upper one."""
    from ..training.boosting.forest import tables_of

    tables = tables_of(boosting.forest)
    paired = np.repeat(tables.partners > 0, tables.counts)
    cuts = np.ldexp(np.where(paired, tables.cuts, tables.cuts - 0.5), -frame.encoding.qtype.frac)
    found = {"features": tables.features, "partners": tables.partners, "counts": tables.counts, "cuts": cuts,
             "tests": tables.tests, "inner": tables.inner, "sizes": tables.sizes.max() - tables.sizes,
             "leaves": np.ldexp(tables.leaves, exponent), "groups": tables.groups}  # fmt: skip
    if not tables.partners.any():
        del found["partners"]
    if tables.groups.size == 1:
        del found["groups"]
    weights = {name: np.asarray(values, np.float64) for name, values in found.items()}
    return weights, {"leaves": _moved(boosting.settings.leaf_type, exponent)}


class BoostedTreesClassifier(EdgeClassifier, Boosted):
    """Gradient boosting whose trees are grown under a byte budget, for very few cycles.

    Scores begin with a linear model of few weights, where that helps, and every tree adds one of its leaves. Trees are
    grown on the integers that the device gets, leaf by leaf where a split lessens the loss most for the bits that it
    takes: a threshold or a feature that no tree uses yet has to be worth its place in tables that all trees share.
    Features are inputs, or halved sums and differences of two. Trees have no pointers and their leaves few bits; on AVR
    they become straight-line code of compare and branch.

    Structure that is left open is chosen on rows held out, the number of rounds too: what does not help is left out.

    Parameters
    ----------
    max_model_bytes : int or None, default=2048
        Flash for everything the model stores. None: no limit, and then `n_estimators` is at most 200.
    max_cycles : int or None, default=None
        Clock cycles that a prediction may take on an Uno, as the report predicts them. None: no promise, but of up to
        2,500 bytes, which an Uno holds as code, what would take more than some 2,800 is not chosen.
    bits : {"auto", 3, 4, 5, 6, 8, 16, "mixed"}, default="auto"
        Width of the numbers in leaves; with 16 the inputs have 16 bits too. ``"auto"`` and ``"mixed"``: 5, as later
        trees mend what earlier ones round away.
    max_depth : int or None, default=None
        Most comparisons on the way to a leaf. None: chosen, as the number of leaves.
    n_estimators : int or None, default=None
        Rounds: trees of each score (one for two classes, else one a class), as far as bytes allow. None: chosen.
    learning_rate : float or None, default=None
        Share of its best value that a leaf adds. None: chosen.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss.
    epochs : int or None, default=None
        Upper limit of passes over the data, which are rounds here.
    batch_size : int or None, default=None
        Rows that each tree is grown on, drawn at random. None: all, at most 20,000.
    random_state : int, RandomState or None, default=None
        Seed of splits, pairs of features and rows.
    verbose : int, default=0
        1 shows one progress bar of the settings that are tried.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels in the order of the scores.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of str
        Their names, when X was a table with names.
    encoding_ : InputEncoding
        How a raw feature becomes a device input.
    weights_ : dict of str to ndarray
        The numbers that are stored, see :class:`edgealgos.codegen.Forest`.
    qtypes_ : dict of str to QType
        Number types.
    structure_ : dict
        What was chosen.
    model_bytes_ : int
        Bytes that the export stores for the model, exactly.
    n_iter_ : int
        Rounds.
    history_ : dict
        Loss, error on the rows fitted and bytes, tree by tree; ``"choices"``: everything that was tried, best first,
        with its error on rows held out.

    References
    ----------
    J. H. Friedman. Greedy function approximation: a gradient boosting machine. Annals of Statistics 29 (2001).
    Boosted trees on a diet. ICLR 2026 (the penalty on new features and thresholds, shared tables).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from edgealgos import BoostedTreesClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BoostedTreesClassifier(max_model_bytes=128, max_depth=2, n_estimators=9, random_state=0).fit(X, y)
    >>> model.model_bytes_ <= 128
    True
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _declared = _OWN | {"class_weight": EdgeClassifier._declared["class_weight"]}

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", max_depth=None, n_estimators=None,
        learning_rate=None, class_weight=None, epochs=None, batch_size=None, random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.max_depth = max_depth
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.class_weight = class_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose


class BoostedTreesRegressor(EdgeRegressor, Boosted):
    """Gradient boosting of squared errors; see :class:`BoostedTreesClassifier` for model, parameters and attributes.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, max_depth, n_estimators, learning_rate, epochs, batch_size, random_state, verbose
        As in :class:`BoostedTreesClassifier`; ``bits="auto"`` is 8.

    Attributes
    ----------
    n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, structure_, model_bytes_, n_iter_, history_
        As in :class:`BoostedTreesClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos import BoostedTreesRegressor
    >>> X = np.linspace(-1, 1, 400).reshape(-1, 1)
    >>> model = BoostedTreesRegressor(max_model_bytes=256, max_depth=3, random_state=0).fit(X, np.abs(X[:, 0]))
    >>> bool(model.score(X, np.abs(X[:, 0])) > 0.95)
    True
    """

    _declared = _OWN
    _leaf_bits = 8

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", max_depth=None, n_estimators=None,
        learning_rate=None, epochs=None, batch_size=None, random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.max_depth = max_depth
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose
