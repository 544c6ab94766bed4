"""Updates of hidden states as operators, one step of the sequence after the other."""

from __future__ import annotations

from ..ops import GatedUpdate, LeakyUpdate
from ..program.qtype import PREACTIVATION
from .graph import Operator, Value
from .writer import WIDE, Writer, translate

_GATE, _CANDIDATE = 255 / 256, 127 / 128  # where gates and candidates saturate


@translate.register
def _(op: GatedUpdate, writer: Writer) -> Value:
    h, p = writer.values[op.out], writer.values[op.preactivation]
    zeta, nu = float(writer.real(op.zeta)), float(writer.real(op.nu))
    fine = _GATE / 32767  # 16 bits that end where gates do
    gate = _gate(op, writer, p)
    share = writer.times("share", gate, writer.words("minus_zeta", writer.real(op.zeta) * -1), WIDE)
    mix = writer.sum("mix", share, writer.words("zeta_nu", writer.real(op.zeta) * 0 + zeta + nu), fine)
    new = writer.times("new", mix, _candidate(op, writer, p), WIDE)
    kept = writer.times("kept", gate, h, WIDE)
    return writer.sum(op.out, new, kept, WIDE)


@translate.register
def _(op: LeakyUpdate, writer: Writer) -> Value:
    h, p = writer.values[op.out], writer.values[op.preactivation]
    new = writer.times("new", _candidate(op, writer, p), writer.words("alpha", writer.real(op.alpha)), WIDE)
    kept = writer.times("kept", h, writer.words("beta", writer.real(op.beta)), WIDE)
    return writer.sum(op.out, new, kept, WIDE)


def _candidate(op: GatedUpdate | LeakyUpdate, writer: Writer, p: Value) -> Value:
    bias = writer.words("candidate_bias", writer.real(op.candidate_bias))
    if op.nonlinearity == "tanh":
        return writer.function(Operator.TANH, "candidate", writer.sum("before", p, bias, PREACTIVATION.step))
    return writer.least("candidate", writer.sum("clipped", p, bias, WIDE), _CANDIDATE)


def _gate(op: GatedUpdate, writer: Writer, p: Value) -> Value:
    bias = writer.real(op.gate_bias)
    if op.nonlinearity == "tanh":
        before = writer.sum("gate_before", p, writer.words("gate_bias", bias), PREACTIVATION.step)
        return writer.function(Operator.LOGISTIC, "gate", before)
    above = writer.sum("gate_above", p, writer.words("gate_bias", bias + 1.0), PREACTIVATION.step, rectify=True)
    return writer.times("gate", above, writer.words("half", writer.real(op.zeta) * 0 + 0.5), _GATE / 32767)
