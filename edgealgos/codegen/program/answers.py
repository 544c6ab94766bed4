"""What ops answer when the compiler asks: products, affine maps, pieces of code, what stands for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .op import Op
    from .tensor import Tensor


@dataclass(frozen=True)
class Product:
    """A matrix that an op multiplies with a vector.

    Parameters
    ----------
    matrix, vector : Tensor
    acc_bits : int
        Width of the sums.
    storages : tuple of str, optional
        Storages that the op's kernel can read the matrix from; None: any that can hold its values, and any
        representation of numbers.
    """

    matrix: Tensor
    vector: Tensor
    acc_bits: int
    storages: tuple[str, ...] | None = None


class Affine(NamedTuple):
    """Names of what is in ``matrix @ vector + bias``."""

    matrix: str
    vector: str
    bias: str | None


@dataclass(frozen=True)
class Pieces:
    """What an op links and what of the stack it needs, as names of the cost table.

    Parameters
    ----------
    call : str
        The call and what the compiler makes of its kernel for these types and constants.
    inline : mapping of str to int
        Further code of the same instance.
    kernels : frozenset of str
        Functions out of line: linked once a program.
    frames : frozenset of str
        Stack frames under the call.
    local_bytes : int
        Arrays on the stack.
    around : str
        What lies in its function's own frame while everything behind it runs, where that is a loop; "" for nothing.
    """

    call: str
    inline: Mapping[str, int] = field(default_factory=dict)
    kernels: frozenset[str] = frozenset()
    frames: frozenset[str] = frozenset()
    local_bytes: int = 0
    around: str = ""


@dataclass(frozen=True)
class Streamed:
    """What stands for an op that reads the input, where features come one after the other.

    Parameters
    ----------
    push, predict : tuple of Op
        What runs with every feature, and instead of the op.
    changed, state : tuple of Tensor
        Constants in another order; new tensors.
    """

    push: tuple[Op, ...]
    predict: tuple[Op, ...]
    changed: tuple[Tensor, ...]
    state: tuple[Tensor, ...]
