"""Nearest neighbours under a byte budget: stored rows, or centres of them, where needed in a narrow projection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codegen.ops import MatVec, Neighbours
from ..codegen.passes import model_bytes
from ..codegen.program.op import Op
from ..codegen.program.program import Program
from ..codegen.program.qtype import QType
from ..deadline import check_time
from .model import Arrays, Constants, Examples, Frame, Lesson, Model, Types
from .params import check_parameters, integer
from .precision import predicted_cycles_of, proven
from .shared import WITHOUT_EPOCHS
from .splits import held_out
from .tasks import EdgeClassifier

DIMENSIONS = (8, 12, 16, 24)  # of projections that are tried besides the inputs themselves
COUNTS = (1, 3, 5)  # of neighbours
SAMPLE_BYTES, ORIGIN_BYTES = 5, 4  # of a sample's length and answer, of a dimension's offset
VALUE_BITS = 8
JUDGED_SHARE, MOST_JUDGED, MOST_ROWS = 0.25, 1000, 5000
FEW_ROWS = 1000  # with fewer, three splits are judged


def program_of(weights: Arrays, qtypes: Types, frame: Frame) -> Program:
    """Inputs, or a projection of them, compared with stored samples; the nearest ones vote."""
    constants, vector = Constants(weights, qtypes), "x"
    tensors, body = [frame.input()], list[Op]()
    if "W" in weights:
        vector = "z"
        tensors += [constants.flash("W", doc="projection"), constants.flash("b", doc="where distances count from"),
                    constants.activation("z", frame.structure["projection_dim"], doc="projected input")]  # fmt: skip
        body.append(MatVec("z", matrix="W", vector="x", bias="b"))
    tensors += [
        constants.flash("samples", doc="stored samples"),
        constants.flash("norms", doc="their squared lengths"),
        constants.flash("answers", doc="what they say"),
        frame.output(),
    ]
    body.append(Neighbours("scores", vector, "samples", "norms", "answers", frame.structure["n_neighbors"]))
    return frame.program("Neighbours", tensors, {"predict": body})


@dataclass(frozen=True, eq=False)
class _Space:
    """Where rows are compared: the device inputs, or a rotation of them that keeps their principal directions.

    Parameters
    ----------
    weights, qtypes : mapping
        Of the projection; empty where there is none.
    qtype : QType
        Of the vector that is compared.
    """

    weights: Arrays
    qtypes: Types
    qtype: QType

    @classmethod
    def of(cls, x: NDArray[np.float64], directions: NDArray[np.float64], x_type: QType) -> _Space:
        """That of these inputs and directions (k, features)."""
        if not len(directions):
            return cls({}, {}, x_type)
        w_type = QType.covering(float(np.abs(directions).max()), VALUE_BITS)
        w = w_type.dequantize(w_type.quantize(directions))
        b_type = QType(32, w_type.frac + x_type.frac)
        b = b_type.dequantize(b_type.quantize(-w @ x.mean(axis=0)))
        z_type = QType.covering(float(np.abs(x @ w.T + b).max(initial=2.0**-8)), VALUE_BITS)
        return cls({"W": w, "b": b}, {"W": w_type, "b": b_type, "z": z_type}, z_type)

    def place(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows there."""
        z = x @ self.weights["W"].T + self.weights["b"] if self.weights else x
        return self.qtype.dequantize(self.qtype.quantize(z))


class NeighboursClassifier(EdgeClassifier):
    """k nearest neighbours among the training rows, or among as many centres of them as the budget holds.

    Rows are compared as device inputs, or in the space of their first principal directions; which, and how many
    neighbours vote, is chosen on rows held out.

    Parameters
    ----------
    max_model_bytes : int or None, default=2048
        Flash for everything the model stores. None: no limit.
    max_cycles : int or None, default=None
        Clock cycles that a prediction may take on an Uno, as the report predicts them. None: no limit.
    random_state : int, RandomState or None, default=None
        Seed of splits and centres.
    verbose : int, default=0
        Without effect: it takes seconds.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, structure_, model_bytes_, history_
        As in :class:`~edgealgos.BoostedTreesClassifier`.

    References
    ----------
    T. Cover, P. Hart. Nearest neighbor pattern classification. IEEE Transactions on Information Theory 13 (1967).
    """

    _declared = WITHOUT_EPOCHS
    _structured = {"projection_dim": (integer(0, 255),), "n_neighbors": (integer(1, 255),)}  # noqa: RUF012
    program_of = staticmethod(program_of)
    bits = "auto"

    def __init__(self, *, max_model_bytes=2048, max_cycles=None, random_state=None, verbose=0):
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_parameters(self, self.get_params(deep=False), self._declared)

    def _learned(self, examples: Examples, frame: Frame) -> Model:
        """Rows are held out while settings are chosen, and for nothing else."""
        return self._train(self._lesson(examples, frame))

    def _train(self, lesson: Lesson) -> Model:
        choices = [dict(self._decided)] if self._decided is not None else self._choices(lesson)
        count = self._most_samples(choices[0]["projection_dim"], lesson)
        while True:
            model = self._model(lesson, choices, count)
            over = self._excess(model)
            if over <= 1:
                return model
            if count <= 1:
                raise ValueError(
                    f"max_cycles={self.max_cycles} is too few for a neighbour; the least that works is "
                    f"max_cycles={predicted_cycles_of(model)}"
                )
            count = max(1, min(count - 1, int(len(model.weights["samples"]) / over)))

    def _excess(self, model: Model) -> float:
        """How many times what it may take a model takes."""
        parts = [0.0]
        if self.max_model_bytes is not None:
            parts.append(model_bytes(proven(model)[1]) / self.max_model_bytes)
        if self.max_cycles is not None:
            parts.append(predicted_cycles_of(model) / self.max_cycles)
        return max(parts)

    # ------------------------------------------------------------------ choice

    def _dimensions(self, lesson: Lesson) -> list[int]:
        """Of projections (0: none) in which every class has room for a sample."""
        features, classes = lesson.x_q.shape[1], len(np.unique(lesson.examples.y))
        possible = [0, *(dimensions for dimensions in DIMENSIONS if dimensions < features)]
        found = [dimensions for dimensions in possible if self._most_samples(dimensions, lesson) >= classes]
        if not found:
            least = min(_fixed(d, features) + classes * _of_sample(d, features) for d in possible)
            raise ValueError(
                f"max_model_bytes={self.max_model_bytes} is too small for a sample of each of {classes} classes of "
                f"{features} features; the least that works is max_model_bytes={least}"
            )
        return found

    def _most_samples(self, dimensions: int, lesson: Lesson) -> int:
        """How many fit beside a projection."""
        features, rows = lesson.x_q.shape[1], len(lesson.examples)
        if self.max_model_bytes is None:
            return rows
        return min(rows, (self.max_model_bytes - _fixed(dimensions, features)) // _of_sample(dimensions, features))

    def _choices(self, lesson: Lesson) -> list[dict[str, Any]]:
        """What was tried, best first."""
        possible = self._dimensions(lesson)
        errors: dict[tuple[int, int], list[float]] = {(d, k): [] for d in possible for k in COUNTS}
        for fitted, judged in _splits(lesson):
            x = _real(fitted)
            directions = _directions(x, max(possible))
            for dimensions in possible:
                check_time()
                space = _Space.of(x, directions[:dimensions], lesson.frame.encoding.qtype)
                samples = min(self._most_samples(dimensions, lesson), len(x))
                for k, error in _errors(space, fitted, judged, samples):
                    errors[dimensions, k].append(error)
        told = [{"projection_dim": d, "n_neighbors": k} | ({"validation_error": float(np.mean(e))} if e else {})
                for (d, k), e in errors.items()]  # fmt: skip
        return sorted(told, key=lambda choice: choice.get("validation_error", 0.0))

    def _model(self, lesson: Lesson, choices: list[dict[str, Any]], count: int) -> Model:
        """The first choice with so many samples."""
        frame, best = lesson.frame, choices[0]
        x = _real(lesson)
        space = _Space.of(x, _directions(x, best["projection_dim"]), frame.encoding.qtype)
        samples, classes = _samples(space, lesson, count)
        answers = classes.astype(np.float64) if frame.n_outputs > 1 else 2.0 * classes - 1.0
        weights = {**space.weights, "samples": samples, "norms": np.square(samples).sum(axis=1), "answers": answers}
        own = {"samples": space.qtype, "norms": QType(32, 2 * space.qtype.frac), "answers": _answer_type(classes)}
        k = min(best["n_neighbors"], _odd(len(samples)))
        structure = {"projection_dim": best["projection_dim"], "n_neighbors": k}
        frame = replace(frame, structure=structure)
        history: dict[str, list[Any]] = {"choices": choices}
        return Model(weights, {**space.qtypes, **own}, frame, 1, history)


def _answer_type(classes: NDArray[Any]) -> QType:
    return QType(8 if classes.max(initial=0) < 128 else 16, 0)


def _odd(count: int) -> int:
    """The largest odd number up to it: of two classes one has more votes."""
    return count - 1 + count % 2


def _fixed(dimensions: int, features: int) -> int:
    """Bytes of a projection."""
    return dimensions * (features + ORIGIN_BYTES)


def _of_sample(dimensions: int, features: int) -> int:
    """Bytes of a sample."""
    return (dimensions or features) + SAMPLE_BYTES


def _real(lesson: Lesson) -> NDArray[np.float64]:
    """Device inputs as the program's numbers."""
    return np.ldexp(lesson.x_q.astype(np.float64), -lesson.frame.encoding.qtype.frac)


def _directions(x: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """So many principal directions, the most important first."""
    if not count:
        return np.zeros((0, x.shape[1]))
    found: NDArray[np.float64] = np.linalg.eigh(np.cov(x.T))[1][:, ::-1][:, :count].T
    return found


def _samples(space: _Space, lesson: Lesson, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All rows and their classes, or as many centres."""
    z, y = space.place(_real(lesson)), np.asarray(lesson.examples.y, np.int64)
    if count >= len(z):
        return z, y
    from ..training.starts import prototype_start

    rng, frame = np.random.default_rng(lesson.seed), lesson.frame
    centres, labels = prototype_start(z, y, count, frame.n_outputs, frame.problem, rng)
    classes = labels.argmax(axis=1) if frame.n_outputs > 1 else (labels[:, 0] > 0).astype(np.int64)
    return space.qtype.dequantize(space.qtype.quantize(centres)), classes


def _splits(lesson: Lesson) -> Iterator[tuple[Lesson, Lesson]]:
    """Rows to keep samples of, and rows to judge by: more than once where they are few."""
    if len(lesson.examples) > MOST_ROWS:
        lesson = lesson.chosen(np.random.default_rng(lesson.seed).permutation(len(lesson.examples))[:MOST_ROWS])
    for seed in range(lesson.seed, lesson.seed + (3 if len(lesson.examples) < FEW_ROWS else 1)):
        apart = held_out(lesson.examples, JUDGED_SHARE, MOST_JUDGED, seed, True)
        if apart.any():
            yield lesson.chosen(np.flatnonzero(~apart)), lesson.chosen(np.flatnonzero(apart))


def _errors(space: _Space, fitted: Lesson, judged: Lesson, count: int) -> Iterator[tuple[int, float]]:
    """Of each number of neighbours the share of mistakes, as rows weigh."""
    samples, classes = _samples(space, fitted, count)
    z = space.place(_real(judged))
    nearness = 2 * z @ samples.T - np.square(samples).sum(axis=1)
    nearest = classes[np.argsort(-nearness, axis=1, kind="stable")[:, : max(COUNTS)]]
    for k in COUNTS:
        votes = nearest[:, :k, None] == np.arange(classes.max() + 1)
        wrong = votes.sum(axis=1).argmax(axis=1) != judged.examples.y
        yield k, float(np.average(wrong, weights=judged.examples.weight))
