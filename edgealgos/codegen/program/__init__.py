"""A model as a small typed program: tensors, ops as records, functions; its checks and its interpreter."""

from .encoding import InputEncoding
from .link import Link
from .op import Op
from .program import Program, same_program
from .qtype import QType
from .tensor import Space, Tensor
from .verify import verify

__all__ = ["InputEncoding", "Link", "Op", "Program", "QType", "Space", "Tensor", "same_program", "verify"]
