"""Convolutional nets: parameters, program and structure of the estimators; their training is elsewhere."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

from ..codegen.ops import MatVec
from ..codegen.ops.chain import Chain
from ..codegen.program.geometry import Picture, parse
from ..codegen.program.program import Program
from .choice import FEWEST_EPOCHS, FEWEST_ROWS, race
from .gradient import LEAD, NARROW, WIDE, GradientTrained, cycles_in, need_tensorflow
from .model import Arrays, Choice, Constants, Frame, Lesson, Types
from .params import NONE, Constraint, Instance, Interval, Options, integer
from .pictures import PictureMixin, mover, picture_in
from .shared import CLASSIFIER_PARAMETERS, SHARED_PARAMETERS
from .tasks import EdgeClassifier, EdgeRegressor

Round = Callable[[Choice | None], list[Choice]]
SAMPLE = 256  # rows by which cycles are foreseen
UNO_RAM, BEHIND_SOUND = 1690, 680  # bytes that core, calls and sketch leave on an Uno; that a `LogMel` leaves of these
_SHARED = {name: SHARED_PARAMETERS[name] for name in SHARED_PARAMETERS if name != "max_accuracy_loss"}
LEARNED = 1.05  # cycles of a net that has learned, for one of those before: what its weights are changes some
FAMILY_PARAMETERS: dict[str, tuple[Constraint, ...]] = _SHARED | {
    "bits": (Options(("auto", 3, 4, 5, 6, 8, 16)),),
    "image_shape": (Instance((tuple, list)), NONE),
    "layers": (Instance((str,)), NONE),
    "max_ram_bytes": (integer(1), NONE),
    "search_time": (Interval(Real, 0),),
}
STRUCTURE: dict[str, tuple[Constraint, ...]] = {"layers": (Instance((str,)),), "width": (integer(1, 255),)}


def program_of(weights: Arrays, qtypes: Types, frame: Frame) -> Program:
    """``push`` takes a row through all layers, ``predict`` scores the average of what they have made."""
    constants, chain = Constants(weights, qtypes), Chain(_picture(frame))
    activation = qtypes.get("a")
    for i, layer in enumerate(parse(frame.structure["layers"], chain.picture), 1):
        name = f"layer{i}"
        if layer.kind == "maxpool":
            chain.add(name, layer, None, None, activation)
        else:
            matrix, bias = constants.flash(f"{name}_weights"), constants.flash(f"{name}_bias")
            chain.add(name, layer, matrix, bias, activation)
    single = chain.picture[0] * chain.picture[1] == 1
    average = chain.average("pooled", qtypes.get("last" if single else "pooled"))
    head = [constants.flash("FC", doc="head"), constants.flash("FC_bias", doc="bias of the head")]
    tensors = [frame.input("a row of a picture"), *chain.tensors, *head, frame.output()]
    predict = [*average, MatVec("scores", matrix="FC", vector="pooled", bias="FC_bias")]
    return frame.program("ConvNet", tensors, {"push": chain.push, "predict": predict})


def _picture(frame: Frame) -> Picture:
    rows, size = frame.shape
    width: int = frame.structure["width"]
    return rows, width, size // width


class _Convolutional(PictureMixin, GradientTrained):
    """What the convolutional estimators share."""

    _structured = STRUCTURE
    _usual_bits = 4
    program_of = staticmethod(program_of)
    layers: str | None
    max_ram_bytes: int | None
    search_time: float

    def _student(self, lesson: Lesson) -> tuple[Any, Mapping[str, Any]]:
        from ..training.convnet import ConvNet

        frame = lesson.frame
        chosen = None if lesson.choice is None else lesson.choice.structure
        layers = self.layers if chosen is None else str(chosen["layers"])
        if layers is None:
            layers = self._candidates(lesson, lesson.bits)[0]
        student = ConvNet(_picture(frame), frame.n_outputs, frame.problem, layers=layers, bits=lesson.bits)
        self._check_layers(student, lesson)
        return student, student.structure

    @property
    def _weight_bits(self) -> int:
        return self._usual_bits if self.bits == "auto" else int(self.bits)

    @property
    def _input_bits(self) -> int:
        return 16 if self.bits == 16 else 8

    def _cycles_of(self, layers: str, lesson: Lesson, bits: int) -> float:
        """What a net will take, at the most, as far as it is known before training."""
        from ..training.convnet import ConvNet
        from ..training.support import typical_cycles

        frame = lesson.frame
        student = ConvNet(_picture(frame), frame.n_outputs, frame.problem, layers=layers, bits=bits)
        some = lesson.x_q[:SAMPLE].reshape(-1, student.n_features)
        predicted = cycles_in(lesson.structured(student.structure))
        return LEARNED * typical_cycles(student, some, frame.encoding.qtype.frac, predicted)

    def _check_layers(self, student: Any, lesson: Lesson) -> None:
        """The budgets are kept by layers that the user has given, too."""
        from ..training.budget import check_cycles, dense_bytes
        from ..training.convnet_structures import ram_of, stack_of

        size, ram = dense_bytes(student.specs), ram_of(student.shapes, student.n_outputs) + stack_of(student.shapes)
        if self.max_model_bytes is not None and size > self.max_model_bytes:
            raise ValueError(
                f"max_model_bytes={self.max_model_bytes} is too small for layers={student.layers!r}: the least that "
                f"works is max_model_bytes={size}"
            )
        if self.max_ram_bytes is not None and ram > self.max_ram_bytes:
            kept = [layer.kept_values(of_input=i == 0) for i, layer in enumerate(student.shapes)]
            values, largest = max(zip(kept, student.shapes, strict=True), key=lambda pair: pair[0])
            raise ValueError(
                f"max_ram_bytes={self.max_ram_bytes} is too small for layers={student.layers!r}, which keep {ram} "
                f"bytes, {values} of them as the rows of a {largest.kind} layer over {largest.before}; "
                "allow more, or a larger stride before it"
            )
        if self.layers is not None and self.max_cycles is not None:
            check_cycles("ConvNet", self.max_cycles, math.ceil(self._cycles_of(self.layers, lesson, student.bits)))

    def _candidates(self, lesson: Lesson, bits: int) -> list[str]:
        """Nets by rule, the likeliest first, each with the channels that the budgets allow."""
        from ..training.budget import check_cycles
        from ..training.convnet_structures import least_bytes_of, nets_for, structure_for_budget, with_channels

        frame, ram = lesson.frame, self.max_ram_bytes or (BEHIND_SOUND if _of_sound(lesson) else UNO_RAM)
        nets = nets_for(_picture(frame))
        given: tuple[Any, ...] = (_picture(frame), frame.n_outputs, frame.problem)
        limits: dict[str, Any] = {"bits": bits, "budget": self.max_model_bytes, "ram": ram}
        most = self.max_cycles
        if most is not None:
            limits["quick"] = lambda layers: self._cycles_of(layers, lesson, bits) <= most
        found = [structure_for_budget(net, *given, **limits) for net in nets]
        fitting = [layers for layers in found if layers is not None]
        if not fitting and self.max_model_bytes is not None:
            least = least_bytes_of(nets, *given, bits=bits)
            if least > self.max_model_bytes:
                raise ValueError(
                    f"max_model_bytes={self.max_model_bytes} is too small: the least that works is "
                    f"max_model_bytes={least}"
                )
        if not fitting and most is not None:
            narrow = (
                structure_for_budget(net, *given, **limits | {"quick": None}) and with_channels(net, 1) for net in nets
            )
            cycles = [self._cycles_of(layers, lesson, bits) for layers in narrow if layers is not None]
            check_cycles("ConvNet", most, math.ceil(min(cycles, default=0)))
        if not fitting:
            raise ValueError(
                f"the rows of {_picture(frame)} that any net has to keep take more than {ram} bytes of RAM; allow more "
                "with max_ram_bytes, or make the pictures smaller"
            )
        return fitting

    def _prepared(self, lesson: Lesson) -> Lesson:
        """The structure that short trainings on rows held out prefer, as far as the time goes."""
        quick = self.epochs is not None and self.epochs < FEWEST_EPOCHS
        if quick or self.layers is not None or not self.search_time or len(lesson.examples) < FEWEST_ROWS:
            return lesson
        need_tensorflow()
        width, ends = lesson.frame.structure["width"], time.monotonic() + self.search_time

        def on_time(choices: Round) -> Round:
            """Those choices, while there is time."""
            return lambda best: choices(best) if time.monotonic() < ends else []

        def first(_: Choice | None) -> list[Choice]:
            """The likeliest structure, with rows varied in the likeliest ways."""
            return [Choice(narrow, {"layers": nets[0], "width": width}, variation) for variation in likely]

        def shaped(layers: str) -> Round:
            """The best so far with another structure."""
            return lambda best: [replace(best, structure={"layers": layers, "width": width})] if best else []

        def varied(variation: str) -> Round:
            """The best so far with rows varied otherwise."""
            return lambda best: [replace(best, variation=variation)] if best else []

        def wider(best: Choice | None) -> list[Choice]:
            """The best so far with wider weights, and fewer channels for them."""
            if best is None or self.bits != "auto":
                return []
            alike = [net for net in self._fitting(lesson, WIDE) if _kinds(net) == _kinds(best.structure["layers"])]
            return [replace(best, bits=WIDE, structure={"layers": net, "width": width}) for net in alike]

        narrow = NARROW if self.bits == "auto" else lesson.bits
        nets, variations = self._fitting(lesson, narrow), self._variations(lesson)
        known = width > 1 or _of_sound(lesson)
        likely = variations[:1] if known else variations  # readings gain by moves or lose: there is no telling
        others = [varied(variation) for variation in variations if variation not in likely]
        rounds = [first, *others[:1], *(shaped(layers) for layers in nets[1:]), *others[1:], wider]
        trials = race([on_time(choices) for choices in rounds], lesson, self._train_shortly, LEAD)
        if not trials:
            return lesson
        best, told = trials[0].choice, tuple(trial.told() for trial in trials)
        return replace(lesson, bits=best.bits, choice=best, choices=told)

    def _variations(self, lesson: Lesson) -> tuple[str, ...]:
        """Ways to vary rows that are tried, the likeliest first: only none where the user has chosen."""
        if self.augment is not None:
            return ("spread",)
        return ("moved", "spread", "mirrored") if _picture(lesson.frame)[1] > 1 else ("moved", "spread")

    def _augmenter(self, lesson: Lesson) -> Callable[..., Any] | None:
        variation = "spread" if lesson.choice is None else lesson.choice.variation
        if variation == "spread":
            return super()._augmenter(lesson)
        rows, positions, channels = _picture(lesson.frame)
        return mover((rows, positions, channels), lesson.examples.rows, mirror=variation == "mirrored")

    def _fitting(self, lesson: Lesson, bits: int) -> list[str]:
        """Candidates with weights of that width; none where nothing fits."""
        try:
            return self._candidates(lesson, bits)
        except ValueError:
            if bits == self._usual_bits or self.bits != "auto":
                raise
            return []


def _of_sound(lesson: Lesson) -> bool:
    """Whether rows look like steps of a spectrogram."""
    return _picture(lesson.frame)[1] == 1 and picture_in(lesson.examples.rows) is not None


def _kinds(layers: str) -> str:
    """A net without its channels."""
    return re.sub(r":\d+", "", layers)


class ConvNetClassifier(EdgeClassifier, _Convolutional):
    """Convolutional net for pictures, sound and motion that streams through the device row by row.

    Separable convolutions with rectifiers, the average of what the last one makes, and a linear head. A picture is a
    sequence of rows: the device keeps the few rows that a kernel still needs and never a whole picture. Over time the
    same layers have rows of width 1.

    Parameters
    ----------
    max_model_bytes : int or None, default=2048
        Flash for everything the model stores. Channels are chosen to fit. None: no limit.
    max_cycles : int or None, default=None
        Cycles of a prediction on an Uno; channels are chosen to fit. None: no limit.
    bits : {"auto", 3, 4, 5, 6, 8, 16}, default="auto"
        Width of the stored weights, which training knows. ``"auto"``: 4 bits, or 8 where they do better on rows held
        out by more than chance. Kernels that see one channel or few values have at least 6 bits.
    image_shape : tuple of int or None, default=None
        Height and width of pictures, and channels, where rows are flat. Without it arrays of three axes are pictures
        (height, width) where the sides are alike (at least 5, one at most twice the other), else sequences (steps,
        features); flat rows are pictures of one channel where pixels are like those beside and below them, else
        sequences of single numbers. ``(-1, 1, 20)`` says that it is a sequence of steps of 20 features, however long.
    layers : str or None, default=None
        The net, as in ``"conv3x3/2:8 sep3x3/2:16 sep3x3:24"``: kernel, stride, channels; ``sep`` is each channel alone
        and then all at every position, ``dw`` the first of it alone and ``pw`` the second, ``pool2x2`` the largest of
        2 x 2, ``full:16`` all that is left of the picture. None: chosen.
    max_ram_bytes : int or None, default=None
        RAM for the net's arrays: rows that are kept, sums, scores, what a layer unpacks. None: what an Uno has left,
        beside a :class:`~edgealgos.features.LogMel` where rows look like steps of a spectrogram.
    search_time : float, default=300
        Seconds for short trainings that choose among structures, on rows held out; 0: one structure by rule.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss.
    epochs : int or None, default=None
        Upper limit of passes over the data; None: the family's usual number. Below 50 nothing is searched.
    batch_size : int or None, default=None
        Rows of a step; None: chosen from the number of rows.
    learning_rate : float or None, default=None
        Peak step size of Adam; None: the family's usual one.
    teacher : estimator, Keras model or None, default=None
        Whose answers the model learns from (distillation): any classifier asked about every row that training makes.
    augment : callable or None, default=None
        ``augment(X, rng)`` gives other rows of the same labels for a batch of raw rows (n, height, width * channels);
        see `edgealgos.augment`. None: short trainings choose; ``lambda X, rng: X`` leaves rows as they are.
    label_smoothing : float, default=0.0
        Share of each label that is spread over all classes.
    restarts : int, default=1
        Trainings from different starts, of which rows held out keep the best.
    random_state : int, RandomState or None, default=None
        Seed of the whole training.
    verbose : int, default=0
        1 shows one progress bar: loss, score, non-zeros, bytes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels in the order of the scores.
    image_shape_ : tuple of int
        Rows, positions and channels of a picture.
    structure_ : dict
        ``layers`` as they were chosen.
    n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, model_bytes_, n_iter_, history_
        As in :class:`FastGRNNClassifier`.

    References
    ----------
    I. Fedorov, R. Adams, M. Mattina, P. Whatmough. SpArSe: sparse architecture search for CNNs on resource-constrained
    microcontrollers. NeurIPS 2019.

    J. Lin, W.-M. Chen, H. Cai, C. Gan, S. Han. MCUNetV2: memory-efficient patch-based inference for tiny deep learning.
    NeurIPS 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from edgealgos import ConvNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = ConvNetClassifier(image_shape=(8, 8), layers="conv3x3/2:8", epochs=2, random_state=0).fit(X, y)
    >>> model.image_shape_
    (8, 8, 1)
    >>> model.model_bytes_ <= 2048
    True
    """

    _declared = FAMILY_PARAMETERS | CLASSIFIER_PARAMETERS

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", image_shape=None, layers=None, max_ram_bytes=None,
        search_time=300, class_weight=None, epochs=None, batch_size=None, learning_rate=None, teacher=None,
        augment=None, label_smoothing=0.0, restarts=1, random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.image_shape = image_shape
        self.layers = layers
        self.max_ram_bytes = max_ram_bytes
        self.search_time = search_time
        self.class_weight = class_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.teacher = teacher
        self.augment = augment
        self.label_smoothing = label_smoothing
        self.restarts = restarts
        self.random_state = random_state
        self.verbose = verbose


class ConvNetRegressor(EdgeRegressor, _Convolutional):
    """Convolutional net that predicts a number; see :class:`ConvNetClassifier` for model, parameters and attributes.

    The target's mean and a power of two near its deviation are folded into the program.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, image_shape, layers, max_ram_bytes, search_time, epochs, batch_size, \
learning_rate, teacher, augment, restarts, random_state, verbose
        As in :class:`ConvNetClassifier`.

    Attributes
    ----------
    image_shape_, structure_, n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, model_bytes_, n_iter_, \
history_
        As in :class:`ConvNetClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos import ConvNetRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 8, 8))
    >>> model = ConvNetRegressor(layers="conv3x3/2:8", epochs=2, random_state=0).fit(X, X.mean(axis=(1, 2)))
    >>> model.predict(X[:3]).shape
    (3,)
    """

    _declared = FAMILY_PARAMETERS

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", image_shape=None, layers=None, max_ram_bytes=None,
        search_time=300, epochs=None, batch_size=None, learning_rate=None, teacher=None, augment=None, restarts=1,
        random_state=None, verbose=0,
    ):  # fmt: skip
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.image_shape = image_shape
        self.layers = layers
        self.max_ram_bytes = max_ram_bytes
        self.search_time = search_time
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.teacher = teacher
        self.augment = augment
        self.restarts = restarts
        self.random_state = random_state
        self.verbose = verbose
