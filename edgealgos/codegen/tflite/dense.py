"""Products, non-linearities and changes of type as operators."""

from __future__ import annotations

from ..ops import Add, ArgMax, MatVec, Rectify, Rescale, Squash
from .graph import RELU, Operator, Value
from .writer import Writer, translate


@translate.register
def _(op: MatVec, writer: Writer) -> Value:
    bias = None if op.bias is None else writer.real(op.bias)
    return writer.product(op.out, writer.values[op.vector], op.matrix, bias, writer.scale_of(op.out))


@translate.register
def _(op: Rectify, writer: Writer) -> Value:
    """The operator before it does it, where nobody else reads what it makes."""
    source = writer.values[op.source]
    maker = writer.graph.maker(source)
    if maker is not None and "activation" in dict.fromkeys(f[1] for f in maker.operator.value.fields):
        maker.options["activation"] = RELU
        return source
    raise NotImplementedError


@translate.register
def _(op: Squash, writer: Writer) -> Value:
    operator = Operator.TANH if op.function == "tanh" else Operator.LOGISTIC
    return writer.function(operator, op.out, writer.values[op.source])


@translate.register
def _(op: Add, writer: Writer) -> Value:
    return writer.sum(op.out, writer.values[op.a], writer.values[op.b], writer.scale_of(op.out))


@translate.register
def _(op: Rescale, writer: Writer) -> Value:
    """Numbers stay what they are, as fine as they were."""
    return writer.values[op.source]


@translate.register
def _(op: ArgMax, writer: Writer) -> None:
    """Whoever reads the scores finds the largest."""
