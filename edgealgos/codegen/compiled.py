"""From a fitted model to what a board runs: the passes, and a twin that can be simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import BuildError, ExportError, UnsupportedModelError
from ..files import Scratch
from .cost.budget import Budget
from .cost.limits import any_smaller, check_fits, takes_too_long
from .lowering.columns import check_columns, names_of
from .lowering.pipeline import check_samples, lower_unwrapped
from .lowering.sklearn import (
    EXACT,
    Widths,
    calibration_rows,
    lower_sklearn,
    rows_seen,
    smaller_model,
    stated_missing,
    worth_trying,
)
from .lowering.wrappers import Unwrapped, unwrap
from .passes import to_integer
from .passes.calibrate import calibrate
from .passes.choose_forms import unroll
from .passes.choose_ranges import choose_ranges
from .passes.choose_widths import WIDTHS, Bits, OutOfReach, choose_widths
from .passes.count_visits import count_visits
from .passes.stop_votes import stop_votes
from .program import Program
from .program.qtype import Ints
from .rejection import AutoReject, chosen_threshold, rejecting
from .targets.boards import Board, get_board
from .twin import Twin

FEW_ROWS = 10  # tell little of the ranges of a model
_CALIBRATE = "AutoReject chooses by rows instead, CalibratedClassifierCV(model, ensemble=False) makes some of them"


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Simulation:
    """What the real firmware did on a simulated board.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Its answers: class labels, or real numbers of a regressor.
    scores : int64 ndarray, shape (n, n_outputs)
        Its raw scores.
    cycles : int64 ndarray, shape (n,)
        Clock cycles of each prediction, interrupts left out. Empty on boards that are not simulated to the cycle: all
        but those of the AVR family.
    ram_peak, static_ram, stack_peak : int
        RAM bytes: together, variables, deepest stack with the deepest interrupt handler on top of it, wherever that
        began. Arduino: of the whole sketch. Cortex-M: of the exported example,
        the stack of a program that reads and answers rows. Else: of the exported files, the stack 0: not measured.
    flash_bytes : int
        Flash of the same: of the whole sketch, of the example without what starts the processor, of the files alone.
    warnings : list of str
        Compiler warnings and doubts about the simulation.
    instructions : int64 ndarray, shape (n,)
        Instructions that the processor carried out for each prediction, where qemu counts them (Pi Zero, Cortex-M);
        else empty. They take no account of memory and pipeline: more time is more instructions, by no fixed factor.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import compile_model
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> result = compile_model(tree, board="uno", X_calibration=X).simulate(X[:3])
    >>> result.labels.tolist(), bool(result.cycles.max() < 200), result.ram_peak < 400
    ([0, 0, 0], True, True)
    """

    labels: NDArray[Any]
    scores: Ints
    cycles: Ints
    ram_peak: int
    static_ram: int
    stack_peak: int
    flash_bytes: int
    warnings: list[str]
    instructions: Ints = field(default_factory=_none)

    def __repr__(self) -> str:
        from ..pages.facts import simulation_line

        return simulation_line(self)

    def _repr_html_(self) -> str:
        from ..pages.facts import simulation_html

        return simulation_html(self)


class CompiledModel(Twin):
    """A model as a board runs it; :func:`compile_model` makes it.

    Attributes
    ----------
    program : Program
        The integer program.
    board : Board
        What it was compiled for.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import compile_model
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> compiled = compile_model(tree, board="uno", X_calibration=X)
    >>> compiled  # doctest: +ELLIPSIS
    <CompiledModel: DecisionTreeClassifier for Arduino Uno (ATmega328P), ... bytes of flash, ...>
    >>> compiled.predict(X[:3]).tolist()  # what the board answers
    [0, 0, 0]
    >>> compiled.quantize(X[:1]).tolist(), compiled.scores(X[:1]).tolist()  # its inputs, its scores
    ([[15, -1, -22, -34]], [[127, 0, 0]])
    >>> compiled.report.model_bytes
    21
    """

    smaller: Callable[[float], str] = staticmethod(any_smaller)  # what to do where it does not fit, as limits ask

    def __repr__(self) -> str:
        from ..pages.facts import model_line

        return model_line(self)

    def _repr_html_(self) -> str:
        from ..pages.facts import model_html

        return model_html(self)

    def simulate(self, X: ArrayLike, *, simulator: str | None = None, verbose: bool = False) -> Simulation:
        """Build what is exported and run it with these samples on a simulated board.

        Arduino boards are simulated by simavr (``simulator="avr8js"``: by avr8js), Pi Zero and Cortex-M by qemu;
        ``"host"`` runs on this computer.

        Raises
        ------
        BoardError
            If nothing here simulates the board.
        MissingToolError
            If the compiler or the simulator is not installed; the message says how to get it.
        DoesNotFitError
            If it is too large for the board.
        SimulationError
            If the firmware crashes or goes silent.
        """
        inputs = self.quantize(X)
        chosen = self.board.simulator(simulator)
        try:
            if self.board.core_is_here:
                result = self._simulate_sketch(inputs, chosen, verbose)
            else:
                result = CompiledModel(self.program, self.board.bare)._simulate_cpp(inputs)
        except (BuildError, ExportError):  # most likely there is no room
            check_fits(self.report, smaller=self.smaller)
            raise
        if saturated := self.saturated(X):
            result.warnings.append(
                f"{saturated} of {inputs.size} inputs lie outside the calibrated range and were saturated; if such "
                "rows are usual, compile with X_calibration= that has them"
            )
        return result

    def _simulate_sketch(self, inputs: NDArray[Any], simulator: str, verbose: bool) -> Simulation:
        from .build.sketch import build_sketch
        from .emit.cpp.files import write_sketch
        from .simulate.rows import run_rows

        with Scratch() as folder:
            write_sketch(self, folder / "model", "model")
            exported = firmware = build_sketch(folder / "model", self.board)
            if self.board.uart:  # Serial is USB, which no simulator has
                firmware = build_sketch(folder / "model", self.board, serial=f"Serial{self.board.uart}")
            rows = inputs.reshape(-1, self.program.input.size)
            result = run_rows(firmware, rows, self.watched, simulator=simulator, verbose=verbose)
        last = slice(self._steps_of(inputs) - 1, None, self._steps_of(inputs))
        scores = result.scores[last]
        cycles = self.sample_cycles(result.cycles_by_function, inputs)
        return Simulation(self._told(result.labels[last], scores), scores, cycles,
                          exported.static_ram_bytes + result.stack_peak, exported.static_ram_bytes, result.stack_peak,
                          exported.flash_bytes, list(result.warnings))  # fmt: skip

    def _simulate_cpp(self, inputs: NDArray[Any]) -> Simulation:
        from .build.plain import build_cpp
        from .emit.cpp.files import write_cpp
        from .emit.cpp.programs import answer_source
        from .simulate.firmware import write_firmware
        from .simulate.plain import run_rows
        from .simulate.qemu import link_flags

        with Scratch() as folder:
            write_cpp(self, folder / "model", "model")
            firmware, flags = None, []
            if not self.board.framework.hosted:
                answer = answer_source(self, "model")
                firmware = write_firmware(folder / "firmware", self.board, "model", answer)
                flags = link_flags(self.board)
            executable = build_cpp(folder / "model", self.board, firmware=firmware, link_flags=flags)
            result = run_rows(executable, inputs.reshape(-1, self.program.input.size), self.watched)
        last = slice(self._steps_of(inputs) - 1, None, self._steps_of(inputs))
        scores = result.scores[last]
        spent = self.sample_cycles(result.spent_by_function, inputs) if result.spent_by_function else _none()
        cycles, instructions = (spent, _none()) if self.board.counts_cycles else (_none(), spent)
        static, stack = executable.static_ram_bytes, result.stack_peak
        return Simulation(self._told(result.labels[last], scores), scores, cycles, static + stack, static, stack,
                          executable.flash_bytes, result.warnings, instructions)  # fmt: skip

    @property
    def watched(self) -> list[str]:
        """Functions of the exported sketch (named "model") that make up a prediction."""
        predict = "predict" if self.program.task == "classifier" else "predict_raw"
        if self.program.steps is None:
            return [f"model::{predict}"]
        return ["model::push", f"model::{predict}()"]

    def _steps_of(self, inputs: NDArray[Any]) -> int:
        return 1 if self.program.steps is None else inputs[0].size // self.program.input.size

    def sample_cycles(self, by_function: dict[str, Ints], inputs: NDArray[Any]) -> Ints:
        """Cycles (or instructions) of each prediction from those of the watched functions for each line sent."""
        if self.program.steps is None:
            return next(iter(by_function.values()))
        push, predict = (spent.reshape(-1, self._steps_of(inputs)) for spent in by_function.values())
        cycles: Ints = push.sum(axis=1) + predict[:, -1]
        return cycles

    def _told(self, labels: Ints, scores: Ints) -> NDArray[Any]:
        if self.program.task == "classifier":
            return self._named(labels)
        return self._answers(scores)


def compile_model(
    model: Any,
    board: str | Board = "uno",
    *,
    optimize: str = "speed",
    X_calibration: ArrayLike | None = None,
    input_buffer: bool = True,
    budget: Budget | None = None,
    probabilities: bool = True,
    reject_below: float | AutoReject | None = None,
    labels_when_rejected: Any = None,
) -> CompiledModel:
    """Compile a fitted estimator or Pipeline for a board.

    Parameters
    ----------
    model : estimator or Pipeline
        Fitted; a Pipeline may have scalers in front, and a feature extractor before these.
    board : str
        ``"uno"``, ``"host"``, ...
    optimize : {"speed", "size"}
        ``"speed"`` writes the hottest products as straight-line code while the board's flash allows; the answers are
        the same.
    X_calibration : array-like, optional
        Raw samples that the ranges of inputs and activations shall cover; default: those seen by ``fit``. Ranges of
        activations that training chose become wider where samples exceed them, never narrower.
    input_buffer : bool
        False: the device takes one feature after the other through ``push()`` and needs no RAM for a whole sample
        (Bonsai and ProtoNN).
    budget : Budget, optional
        Limits within which `optimize` may spend flash, where they are stricter than the board's. Of cycles: see
        :class:`Budget`.
    probabilities : bool
        False: trees that vote stop once the answer is decided. Labels stay the same; scores, and what
        ``probability(index)`` makes of them, are those of the trees that were asked. Other models have it in any case:
        it takes flash where it is called, and only there.
    reject_below : float or AutoReject, optional
        How likely the best class must be to be told. ``predict()`` of the device answers ``kRejected`` else.
    labels_when_rejected : object
        What :meth:`~edgealgos.codegen.twin.Twin.predict` says then; default: None.

    Returns
    -------
    CompiledModel

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import compile_model
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> compiled = compile_model(tree, board="uno", X_calibration=X)
    >>> bool((compiled.predict(X) == tree.predict(X)).all())
    True
    >>> print(compiled.report)  # doctest: +ELLIPSIS
    Arduino Uno (ATmega328P): predicted for the whole sketch
      flash ...
    """
    if optimize not in ("speed", "size"):
        raise ValueError(f"optimize must be 'speed' or 'size', got {optimize!r}")
    program = float_program(model, X_calibration)
    real, target = _deciding(program, reject_below, labels_when_rejected), get_board(board)
    program = to_integer(real, input_buffer=input_buffer)
    placed = _placed(program, target, optimize, budget)
    if not probabilities or takes_too_long(placed, target, budget):
        rows = None if X_calibration is None or program.steps is not None else check_samples(program, X_calibration)
        placed = _placed(stop_votes(program, rows), target, optimize, budget)
    compiled = CompiledModel(placed, target, real)
    compiled.smaller = partial(smaller_model, model)
    return compiled


def _placed(program: Program, board: Board, optimize: str, budget: Budget | None) -> Program:
    return unroll(program, board, budget) if optimize == "speed" else program


def float_program(
    model: Any, X_calibration: ArrayLike | None, widths: Sequence[Bits] = WIDTHS, enough: float = 0.0
) -> Program:
    """Float program of a fitted model; one of scikit-learn gets the first of `widths` that answer as it does.

    `enough` is the share of rows from which on they do, if it is more than usual.
    """
    unwrapped, names = unwrap(model), names_of(model)
    check_columns(names, X_calibration)
    if unwrapped.is_ours:
        program = _ours(unwrapped, X_calibration)
    else:
        program = _scikit_learns(model, unwrapped, X_calibration, widths, enough)
    return replace(program, feature_names=names)


def _deciding(program: Program, below: float | AutoReject | None, label: Any) -> Program:
    """The program that rejects what it is not sure of."""
    if below is None:
        return program
    if not (isinstance(below, AutoReject) or program.link.calibrated):
        doubt = f"{program.family} says no probabilities: reject_below counts on a softmax of its scores; {_CALIBRATE}"
        program = replace(program, warnings=(*program.warnings, doubt))
    if isinstance(below, AutoReject):
        below = chosen_threshold(
            below, Twin(to_integer(program), get_board("host")).scores(below.X), to_integer(program)
        )
    return rejecting(program, below, label)


def _ours(unwrapped: Unwrapped, X_calibration: ArrayLike | None) -> Program:
    """Float program of an estimator of this library."""
    rows = None if X_calibration is None else np.asarray(X_calibration, dtype=np.float64)
    program = lower_unwrapped(unwrapped, rows)
    if X_calibration is None:
        return program
    if program.preprocessing:
        raise UnsupportedModelError(
            "ranges behind a feature extractor come from fit; leave out X_calibration=, or fit with those samples"
        )
    rows = check_samples(program, X_calibration)
    return count_visits(choose_ranges(calibrate(program, rows), rows), rows)


def _scikit_learns(
    model: Any, unwrapped: Unwrapped, X_calibration: ArrayLike | None, widths: Sequence[Bits],
    enough: float,
) -> Program:  # fmt: skip
    """Float program of an estimator of scikit-learn, with the widths that answer as it does."""
    name, seen = type(unwrapped.model).__name__, partial(rows_seen, unwrapped)
    rows = calibration_rows(model, unwrapped, X_calibration)
    widths = worth_trying(unwrapped.model, [Widths(*bits) for bits in widths])

    def made(*bits: Any) -> Program:
        program = lower_sklearn(unwrapped, rows, Widths(*bits))
        return choose_ranges(program, seen(program, rows), bits[0])

    expected, exactly = model.predict(X_calibration), isinstance(unwrapped.model, EXACT)
    try:
        absent = stated_missing(unwrapped, rows)
        chosen = choose_widths(made, rows, expected, name, exactly, widths, enough, seen, absent)
    except OutOfReach as reason:
        raise UnsupportedModelError(str(reason)) from None
    if len(rows) < FEW_ROWS and not exactly:
        doubt = f"ranges come from {len(rows)} calibration rows, and what lies beyond them saturates: pass more of them"
        chosen = replace(chosen, warnings=(*chosen.warnings, doubt))
    return count_visits(chosen, seen(chosen, rows))
