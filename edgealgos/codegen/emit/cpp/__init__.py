"""Prints an integer program as C++: declarations and straight-line kernel calls. All thinking is done before.

Knows programs and the memory plan, nothing of estimators.
"""

from .literals import number_lines
from .model import model_header, model_source, runtime_header
from .template import template

__all__ = ["model_header", "model_source", "number_lines", "runtime_header", "template"]
