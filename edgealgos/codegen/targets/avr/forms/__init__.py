"""Which constants of a program can be straight-line code on AVR, and that code: a form a kind of op.

An op without a form has none: its kernel runs. Knows programs, not what is chosen.
"""

from __future__ import annotations

from edgealgos.codegen.ops.conv import Convolve, Pointwise
from edgealgos.codegen.ops.forest import Forest
from edgealgos.codegen.ops.instances import KernelSums
from edgealgos.codegen.ops.linear import MatVec
from edgealgos.codegen.ops.prototypes import PrototypeScore
from edgealgos.codegen.ops.tree import TreeWalk
from edgealgos.codegen.ops.votes import Neighbours
from edgealgos.codegen.program.op import Op
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.program.tensor import Tensor
from edgealgos.codegen.storage.record import storage_of

from .conv import ConvolveForm, PointwiseForm
from .forest import ForestForm
from .instances import InstancesForm
from .linear import ProductForm
from .prototypes import PrototypeForm
from .record import Form
from .tree import TreeForm

FORMS: dict[type[Op], Form] = {
    MatVec: ProductForm(),
    TreeWalk: TreeForm(),
    PrototypeScore: PrototypeForm(),
    Forest: ForestForm(),
    Convolve: ConvolveForm(),
    Pointwise: PointwiseForm(),
    KernelSums: InstancesForm(),
    Neighbours: InstancesForm(),
}


def form_of(op: Op) -> Form | None:
    """The form of an op, if it has one."""
    return FORMS.get(type(op))


def groups(op: Op) -> tuple[tuple[str, ...], ...]:
    """Names of the constants of an op that become straight-line code together."""
    form = form_of(op)
    return () if form is None else form.groups(op)


def in_one(program: Program, op: Op) -> bool:
    """Whether straight-line code is all there is of an op."""
    form = form_of(op)
    return form is not None and form.in_one(program, op)


def label_told(program: Program, op: Op) -> bool:
    """Whether code finds what an op looks for and returns: the largest score."""
    if op.is_stored:
        return False
    told = (other.out for other in program.ops() if (form := form_of(other)) and form.tells_label(program, other))
    return any(name in op.scores for name in told)


def not_stored(program: Program) -> set[str]:
    """Constants that AVR flash does not hold: biases that sums begin with."""
    return {name for op in program.ops() if (form := form_of(op)) for name in form.absent(program, op)}


def is_code(tensor: Tensor) -> bool:
    """Whether code of its own reads the constant or holds it."""
    return bool(tensor.unrolled) or storage_of(tensor).by_code


__all__ = ["FORMS", "Form", "form_of", "groups", "in_one", "is_code", "label_told", "not_stored"]
