"""The program of a recurrent cell behind a linear head: over a whole sequence, or over windows of it; no training."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import logit

from ..codegen.ops import (
    Add,
    CountStep,
    GatedUpdate,
    GRUUpdate,
    KeepConfident,
    LeakyUpdate,
    MatVec,
    Rescale,
    StartWindow,
)
from ..codegen.program.op import Op
from ..codegen.program.program import Program
from ..codegen.program.qtype import PREACTIVATION, SMALL_STATE, STATE, QType
from ..codegen.program.tensor import Space, Tensor
from .model import Arrays, Constants, Frame, Types

LARGEST_MARGIN = 64.0  # beyond what a float can tell from certainty
Body = tuple[list[Tensor], list[Op], list[Op]]


def program_of(weights: Arrays, qtypes: Types, frame: Frame) -> Program:
    """``push`` takes one time step into the state, ``predict`` scores the state."""
    cell = CELLS[frame.structure["cell"]](weights, qtypes, frame)
    tensors, push, predict = cell.windows() if "window_steps" in frame.structure else cell.sequence()
    tensors = [frame.input("one time step"), *tensors, frame.output()]
    return frame.program(frame.structure["cell"], tensors, {"push": push, "predict": predict})


class Cell(ABC):
    """Writes tensors and ops of a cell; a subclass adds the update of its state."""

    products = 1  # with W and with U that a unit has

    def __init__(self, weights: Arrays, qtypes: Types, frame: Frame) -> None:
        self.weights, self.constants, self.frame = weights, Constants(weights, qtypes), frame
        self.structure, self.hidden = frame.structure, frame.structure["hidden_size"]

    @abstractmethod
    def update(self, h: str, uh: str, lane: str) -> tuple[list[Tensor], list[Op]]:
        """Tensors, and ops that make the next state `h` from the products ``wx`` and `uh`."""

    def sequence(self) -> Body:
        """Tensors, ops of ``push`` and ops of ``predict``: one state for the whole sequence."""
        input_tensors, input_ops = self._product("W", "x", "wx")
        state, tensors, step = self._step()
        head, score = self._head("scores", "h8")
        return [*state, *input_tensors, *tensors, *head], [*input_ops, *step], [score]

    def windows(self) -> Body:
        """One state a window under way, which share all constants; one starts every stride."""
        width, stride, outputs = self.structure["window_steps"], self.structure["window_stride"], self.frame.n_outputs
        threshold, limit = self._threshold()
        step = Tensor("step", (1,), Space.STATE, QType(16, 0), doc="steps since reset")
        kept = Tensor("kept", (outputs,), Space.STATE, doc="scores of the most confident window")
        tensors, product = self._product("W", "x", "wx")
        tensors = [step, kept, *threshold, *tensors]
        push = [CountStep("step", width, "kept" if limit else None, limit), *product]
        for first in range(0, width, stride):
            lane = f"_{first // stride}"
            state, others, ops = self._step(lane)
            head, score = self._head(f"scores{lane}", f"h8{lane}")
            tensors += [*state, *others, *head, Tensor(score.out, (outputs,), Space.SCRATCH)]
            push += [StartWindow(tensor.name, "step", first, width) for tensor in state]
            push += [*ops, score, KeepConfident("kept", score.out, "step", first, width, limit)]
        once = list({tensor.name: tensor for tensor in tensors}.values())
        return once, push, [Rescale("scores", source="kept")]

    def _threshold(self) -> tuple[list[Tensor], str | None]:
        """The margin of scores above which the answer stands, as a constant, and its name."""
        confidence = self.structure["early_exit"]
        if confidence is None:
            return [], None
        margin = np.array(min(float(logit(confidence)), LARGEST_MARGIN))
        return [Tensor("early_exit", (), Space.FLASH, None, margin, doc="margin that is enough")], "early_exit"

    def _step(self, lane: str = "") -> tuple[list[Tensor], list[Tensor], list[Op]]:
        """State, other tensors and ops of one step of the cell; `lane` sets apart the states of windows."""
        h, h8 = f"h{lane}", f"h8{lane}"
        state = [
            Tensor(h, (self.hidden,), Space.STATE, STATE, doc="hidden state"),
            Tensor(h8, (self.hidden,), Space.STATE, SMALL_STATE, doc="hidden state, one byte a value"),
        ]
        product_tensors, product = self._product("U", h8, "uh", lane)
        update_tensors, update = self.update(h, f"uh{lane}", lane)
        return state, [*product_tensors, *update_tensors], [*product, *update, Rescale(h8, source=h)]

    def _head(self, out: str, h8: str) -> tuple[list[Tensor], Op]:
        """Scores of a state."""
        tensors = [self.constants.flash("FC", doc="head"), self.constants.flash("FC_bias", doc="bias of the head")]
        return tensors, MatVec(out, matrix="FC", vector=h8, bias="FC_bias")

    def _product(self, matrix: str, vector: str, out: str, lane: str = "") -> tuple[list[Tensor], list[Op]]:
        """``out = matrix vector``; of low rank where training made two factors, ``matrix = matrix1 matrix2``."""
        name, inner = f"{out}{lane}", f"{out}_inner{lane}"
        result = Tensor(name, (self.products * self.hidden,), Space.SCRATCH, PREACTIVATION)
        if matrix in self.weights:
            return [self.constants.flash(matrix), result], [MatVec(name, matrix=matrix, vector=vector)]
        left, right = f"{matrix}1", f"{matrix}2"
        tensors = [
            self.constants.flash(right, doc="inner factor"),
            self.constants.activation(inner, self.weights[right].shape[0], source=f"{out}_inner"),
            self.constants.flash(left, doc="outer factor"),
            result,
        ]
        return tensors, [MatVec(inner, matrix=right, vector=vector), MatVec(name, matrix=left, vector=inner)]


class _Summed(Cell):
    """A cell that only knows the sum of both products."""

    def update(self, h: str, uh: str, lane: str) -> tuple[list[Tensor], list[Op]]:
        """See the base."""
        p = f"p{lane}"
        total = Tensor(p, (self.hidden,), Space.SCRATCH, PREACTIVATION, doc="pre-activation, before the biases")
        constants, op = self.update_of(h, p)
        return [total, *constants], [Add(p, a="wx", b=uh), op]

    @abstractmethod
    def update_of(self, h: str, p: str) -> tuple[list[Tensor], Op]:
        """Constants, and the op that makes the next state `h` from the pre-activation `p`."""


class FastGRNN(_Summed):
    """Gate and candidate share their matrices (Kusupati et al., 2018, section 3.2)."""

    def update_of(self, h: str, p: str) -> tuple[list[Tensor], Op]:
        """See the base."""
        tensors = [self.constants.flash("gate_bias"), self.constants.flash("candidate_bias"),
                   self.constants.scalar("zeta"), self.constants.scalar("nu")]  # fmt: skip
        return tensors, GatedUpdate(h, preactivation=p, gate_bias="gate_bias", candidate_bias="candidate_bias",
                                       zeta="zeta", nu="nu", nonlinearity=self.structure["nonlinearity"])  # fmt: skip


class FastRNN(_Summed):
    """A weighted residual (Kusupati et al., 2018, section 3.1)."""

    def update_of(self, h: str, p: str) -> tuple[list[Tensor], Op]:
        """See the base."""
        tensors = [self.constants.flash("candidate_bias"), self.constants.scalar("alpha"),
                   self.constants.scalar("beta")]  # fmt: skip
        return tensors, LeakyUpdate(h, preactivation=p, candidate_bias="candidate_bias", alpha="alpha",
                                       beta="beta", nonlinearity=self.structure["nonlinearity"])  # fmt: skip


class GRU(Cell):
    """Gates and candidate of matrices of their own, the reset gate behind the product (Cho et al., EMNLP 2014)."""

    products = 3

    def __init__(self, weights: Arrays, qtypes: Types, frame: Frame) -> None:
        """Rows of one unit follow each other, as the kernel walks through them; training has those of a gate."""
        units = frame.structure["hidden_size"]
        rows = np.arange(3 * units).reshape(3, units).T.ravel()
        stacked = {name: weights[name][rows] for name in ("W", "W1", "U", "U1", "bias") if name in weights}
        super().__init__({**weights, **stacked}, qtypes, frame)

    def update(self, h: str, uh: str, lane: str) -> tuple[list[Tensor], list[Op]]:
        """See the base."""
        op = GRUUpdate(h, input_product="wx", state_product=uh, bias="bias",
                       nonlinearity=self.structure["nonlinearity"])  # fmt: skip
        return [self.constants.flash("bias", doc="of update, reset and candidate")], [op]


CELLS: dict[str, type[Cell]] = {"FastGRNN": FastGRNN, "FastRNN": FastRNN, "GRU": GRU}
"""Every cell by the name that a structure has for it; another file may add its own."""
