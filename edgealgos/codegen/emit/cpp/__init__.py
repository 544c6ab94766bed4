"""Prints an integer program as C++: declarations and straight-line kernel calls. All thinking is done before.

Knows programs and the memory plan, nothing of estimators.
"""

from .kernels import runtime_header
from .literals import number_lines
from .model import model_header, model_source
from .template import template

__all__ = ["model_header", "model_source", "number_lines", "runtime_header", "template"]
