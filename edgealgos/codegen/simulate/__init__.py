"""Runs firmware: rows through it on simulated boards, sketches with simulated devices attached."""

from .sketch import run_sketch

__all__ = ["run_sketch"]
