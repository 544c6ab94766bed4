"""Readers of every version of the format: what earlier ones said otherwise becomes what this one says."""

from __future__ import annotations

from typing import Any

from ..codegen.program.encoding import InputEncoding
from ..estimators.base import EdgeEstimator
from .values import NOT_SAVED, Reader


class Version1(Reader):
    """Weights as real numbers, encodings as five values, the structure left to shapes and parameters, packed bytes."""

    def _encoding(self, value: dict[str, Any]) -> InputEncoding:
        return InputEncoding(*(self.decode(part) for part in value["encoding"]))

    def _model(self, estimator: EdgeEstimator, state: dict[str, Any]) -> dict[str, Any]:
        structure = _structure(estimator, state)
        left_out = (*NOT_SAVED, "early_exit_")
        return {k: v for k, v in state.items() if k not in left_out} | {"structure_": structure}


def _structure(estimator: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The structure that shapes and parameters tell."""
    weights = state["weights_"]
    if "V" in weights:  # gates of a tree's nodes
        return {"projection_dim": len(weights["Z"]), "depth": (len(weights["W"]) + 1).bit_length() - 2}
    if "B" in weights:  # prototypes
        return {"projection_dim": len(weights["W"]), "n_prototypes": len(weights["B"])}
    ranks = {f"rank_{m.lower()}": len(weights[f"{m}2"]) if f"{m}2" in weights else None for m in "WU"}
    structure = {"hidden_size": weights["FC"].shape[1], **ranks, "cell": "FastGRNN" if "zeta" in weights else "FastRNN",
                 "nonlinearity": estimator.nonlinearity}  # fmt: skip
    width = getattr(estimator, "window_steps", None)
    if width is None:
        return structure
    stride = estimator.window_stride or width // 2 or 1
    return structure | {"window_steps": width, "window_stride": stride, "early_exit": state["early_exit_"]}


READERS: dict[int, type[Reader]] = {1: Version1, 2: Reader}
