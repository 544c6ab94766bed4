"""Values as JSON and arrays, and back: each kind builds one harmless type; what cannot be expressed is refused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ..codegen.program.encoding import InputEncoding
from ..codegen.program.qtype import QType
from ..errors import EdgeAlgosError, ModelFileError
from ..estimators.base import EdgeEstimator
from ..estimators.shared import TRAINING_ONLY
from .kinds import classes, is_kind

FITTED = re.compile(r"[A-Za-z][A-Za-z0-9_]*_")
NOT_SAVED = ("model_bytes_",)  # what packing makes of a model is found anew
TWISTER, TWISTER_WORDS = "MT19937", 624  # the generator of a RandomState, and its state
Raw = NDArray[Any]


class Writer:
    """Turns values into JSON and a list of arrays."""

    def __init__(self) -> None:
        self.arrays: list[Raw] = []

    def encode(self, value: Any) -> Any:
        """JSON for one value: plain scalars as they are, everything else an object with one telling key."""
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float) and not isinstance(value, np.generic):
            return {"float": value.hex()}
        if isinstance(value, (list, tuple)):
            return {type(value).__name__: [self.encode(v) for v in value]}
        if isinstance(value, dict):
            return {"dict": [[self.encode(k), self.encode(v)] for k, v in value.items()]}
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if isinstance(value, np.ndarray):
            if value.dtype == object:
                return {"objects": [self.encode(v) for v in value.ravel().tolist()], "shape": list(value.shape)}
            return {"array": self._array(value)}
        return self._encode_object(value)

    def _encode_object(self, value: Any) -> Any:
        if isinstance(value, QType):
            return {"qtype": [value.bits, value.frac]}
        if isinstance(value, InputEncoding):
            names = (field.name for field in dataclasses.fields(value))
            return {"encoding": {name: self.encode(getattr(value, name)) for name in names}}
        if isinstance(value, np.random.RandomState):
            return self._random_state(value)
        if type(value) is Pipeline:
            return {"pipeline": [[name, self.encode(step)] for name, step in value.steps]}
        if is_kind(value):
            return {
                "estimator": type(value).__name__,
                "params": self.encode(_kept_parameters(value)),
                "state": self.encode(_state(value)),
            }
        raise EdgeAlgosError(f"holds a {type(value).__name__}, which cannot be saved; save the model without it")

    def _random_state(self, value: np.random.RandomState) -> Any:
        state: Any = value.get_state(legacy=False)
        name, table = state["bit_generator"], state["state"]
        if name != TWISTER:
            raise EdgeAlgosError(f"holds a RandomState of {name}, which cannot be saved; save the model with a seed")
        words = (name, table["key"], int(table["pos"]), int(state["has_gauss"]), float(state["gauss"]))
        return {"random_state": self.encode(words)}

    def _array(self, value: Raw) -> int:
        if value.dtype.kind not in "biufUS" or not value.dtype.itemsize:
            raise EdgeAlgosError(f"holds an array of {value.dtype}, which cannot be saved; save the model without it")
        self.arrays.append(value)
        return len(self.arrays) - 1


def _kept_parameters(value: BaseEstimator) -> dict[str, Any]:
    """Parameters without the objects that only training needs; a loaded model has the defaults there."""
    params = value.get_params(deep=False)
    return {k: v for k, v in params.items() if k not in TRAINING_ONLY or v is None or isinstance(v, str)}


def _state(value: BaseEstimator) -> dict[str, Any]:
    """Fitted attributes, the weights as raw integers of their types."""
    state = {k: v for k, v in vars(value).items() if FITTED.fullmatch(k) and k not in NOT_SAVED}
    if isinstance(value, EdgeEstimator):
        state["weights_"] = {name: _raw(values, value.qtypes_.get(name)) for name, values in value.weights_.items()}
    return state


def _raw(values: Raw, qtype: QType | None) -> Raw:
    """Raw integers, where the values lie on the grid of their type."""
    if qtype is None:
        return values
    raw = qtype.quantize(values).astype(qtype.dtype)
    return raw if np.array_equal(qtype.dequantize(raw), values) else values


class Reader:
    """Turns JSON and arrays back into values."""

    def __init__(self, arrays: list[Raw]) -> None:
        self.arrays = arrays

    def decode(self, value: Any) -> Any:
        """The value of one piece of JSON."""
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if not isinstance(value, dict) or not value:
            raise ModelFileError(f"holds a value of unknown kind: {str(value)[:40]!r}")
        kind = next(iter(value))
        if kind not in KINDS:
            raise ModelFileError(f"holds a value of unknown kind: {kind[:40]!r}")
        if value.keys() != MORE_PARTS.get(kind, {kind}):
            raise ModelFileError(f"holds a value of kind {kind!r} with other parts than it has")
        return getattr(self, f"_{kind}")(value)

    def _float(self, value: dict[str, Any]) -> float:
        return float.fromhex(value["float"])

    def _list(self, value: dict[str, Any]) -> list[Any]:
        return [self.decode(v) for v in value["list"]]

    def _tuple(self, value: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(self.decode(v) for v in value["tuple"])

    def _dict(self, value: dict[str, Any]) -> dict[Any, Any]:
        found = {self.decode(k): self.decode(v) for k, v in value["dict"]}
        if len(found) != len(value["dict"]):
            raise ModelFileError("says something twice")
        return found

    def _array(self, value: dict[str, Any]) -> Raw:
        return self.arrays[whole(value["array"])]

    def _scalar(self, value: dict[str, Any]) -> Any:
        array = self.arrays[whole(value["scalar"])]
        if array.ndim:
            raise ModelFileError("holds an array where a number belongs")
        return array[()]

    def _objects(self, value: dict[str, Any]) -> Raw:
        out = np.empty(len(value["objects"]), dtype=object)
        out[:] = [self.decode(v) for v in value["objects"]]
        return out.reshape([whole(n) for n in value["shape"]])

    def _qtype(self, value: dict[str, Any]) -> QType:
        bits, frac = value["qtype"]
        return QType(whole(bits), integer(frac))

    def _encoding(self, value: dict[str, Any]) -> InputEncoding:
        return InputEncoding(**{name: self.decode(part) for name, part in value["encoding"].items()})

    def _random_state(self, value: dict[str, Any]) -> np.random.RandomState:
        name, words, position, has_gauss, gauss = self.decode(value["random_state"])
        table = isinstance(words, np.ndarray) and words.dtype == np.uint32 and words.shape == (TWISTER_WORDS,)
        flags = whole(position) <= TWISTER_WORDS and whole(has_gauss) <= 1 and isinstance(gauss, float)
        if name != TWISTER or not table or not flags or not words.any() or not np.isfinite(gauss):
            raise ModelFileError("holds an impossible state of a random generator")
        state = np.random.RandomState(0)
        state.set_state((name, words, position, has_gauss, gauss))
        return state

    def _pipeline(self, value: dict[str, Any]) -> Pipeline:
        return Pipeline([(str(name), self.decode(step)) for name, step in value["pipeline"]])

    def _estimator(self, value: dict[str, Any]) -> BaseEstimator:
        name = value["estimator"]
        if name not in classes():
            raise ModelFileError(f"holds a {str(name)[:40]!r}, which this edgealgos does not know; update edgealgos")
        estimator = classes()[name](**_known_here(classes()[name], self.decode(value["params"])))
        state = self.decode(value["state"])
        if isinstance(estimator, EdgeEstimator):
            state = self._model(estimator, state)
        for attribute, content in state.items():
            if not FITTED.fullmatch(attribute) or hasattr(type(estimator), attribute):
                raise ModelFileError(f"sets {attribute[:40]!r} of {name}, which is no fitted attribute")
            setattr(estimator, attribute, content)
        return estimator

    def _model(self, estimator: EdgeEstimator, state: dict[str, Any]) -> dict[str, Any]:
        """Fitted attributes of an estimator, with its weights as real numbers."""
        types: Mapping[str, QType] = state["qtypes_"]

        def real(name: str, values: Raw) -> Raw:
            return types[name].dequantize(values) if name in types and values.dtype.kind == "i" else values

        return state | {"weights_": {name: real(name, values) for name, values in state["weights_"].items()}}


def _known_here(kind: type[BaseEstimator], params: dict[str, Any]) -> dict[str, Any]:
    """Parameters that the installed class has; one that it lacks may be left out where it is switched off."""
    lacking = params.keys() - kind().get_params(deep=False).keys()
    for name in sorted(lacking):
        if params[name] is not None and params[name] is not False:
            package = kind.__module__.partition(".")[0].replace("sklearn", "scikit-learn")
            raise ModelFileError(
                f"holds a {kind.__name__} with {name[:40]}={str(params[name])[:40]}, which the {package} here "
                f"does not know; update {package}"
            )
    return {name: content for name, content in params.items() if name not in lacking}


KINDS = frozenset({
    "float", "list", "tuple", "dict", "array", "scalar", "objects", "qtype", "encoding", "random_state", "pipeline",
    "estimator",
})  # fmt: skip

MORE_PARTS = {"objects": {"objects", "shape"}, "estimator": {"estimator", "params", "state"}}


def whole(value: Any) -> int:
    """A count, refused where it is none."""
    if integer(value) < 0:
        raise ModelFileError(f"holds {value!r} where a count belongs")
    return int(value)


def integer(value: Any) -> int:
    """An integer, refused where it is none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ModelFileError(f"holds {str(value)[:40]!r} where an integer belongs")
    return value
