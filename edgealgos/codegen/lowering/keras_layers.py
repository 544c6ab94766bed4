"""Reads trained Keras layers: shapes, weights, what is folded into them; knows shapes, no programs.

Keras is never imported: a layer is known by the name of its class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgealgos.errors import UnsupportedModelError

from ..program.geometry import LayerShape, Picture, halvings_of, rows_between

Reals = NDArray[np.float64]
SUPPORTED = (
    "Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D, BatchNormalization behind one "
    "of them, ReLU, also with a max_value, Add, MaxPooling1D, MaxPooling2D, GlobalAveragePooling1D, "
    "GlobalAveragePooling2D, Flatten, Dense, Dropout, and softmax or sigmoid at the end"
)
SKIPPED = {"InputLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise"}
TOP = 127 / 128  # where what is clipped ends, once it is scaled: the largest number of 8 bits below 1


@dataclass(frozen=True)
class Layer:
    """A layer over pictures.

    Parameters
    ----------
    shape : LayerShape
    matrix, bias : array or None
    most : float, optional
        Where its results are clipped.
    added : int, optional
        Of an addition: behind how many layers the picture stands that is added.
    """

    shape: LayerShape
    matrix: Reals | None = None
    bias: Reals = field(default_factory=lambda: np.zeros(0))
    most: float | None = None
    added: int | None = None

    def times(self, before: float, after: float) -> Layer:
        """The layer with its picture and its results so many times as large."""
        if self.matrix is None:
            return self
        return replace(self, matrix=self.matrix * after / before, bias=self.bias * after)


class Reader:
    """Reads layer by layer: first those over pictures, then those over one vector.

    Attributes
    ----------
    layers : list of Layer
    dense : list of (matrix, bias, rectify)
    """

    def __init__(self, picture: Picture) -> None:
        self.picture, self.factor = picture, 1.0  # what the average of a picture lacks
        self.pictures, self.layers = [picture], list[Layer]()
        self.head, self.made = "", dict[str, int]()  # the last layer's name; of names, behind how many layers
        self.dense: list[tuple[Reals, Reals, bool]] = []
        self.flattened = self.vector = False
        self.ends: str | None = None

    def take(self, layer: Any, sources: list[str]) -> None:
        """One more layer, which takes what these have made."""
        kind, before = type(layer).__name__, len(self.layers)
        if kind == "Add":
            self._sum(layer, sources)
        elif self.head and sources != [self.head]:
            made = " and ".join(map(repr, sources))
            raise refusal(layer, f"takes what {made} made, not the layer before; branches meet in Add, one of them "
                                 "without layers")  # fmt: skip
        elif kind not in SKIPPED:
            self._read(layer, kind)
            if len(self.layers) == before:  # folded into what there was, which nobody can have any more
                self.made = {name: place for name, place in self.made.items() if place != before}
        self.head, self.made[layer.name] = layer.name, len(self.layers)

    def _read(self, layer: Any, kind: str) -> None:
        settings = layer.get_config()
        if self.ends is not None:
            raise refusal(layer, f"stands behind {self.ends}, which can only be the end")
        taker = getattr(self, f"_{kind.removesuffix('1D').removesuffix('2D').lower()}", None)
        if taker is None:
            raise refusal(layer, "has no counterpart")
        taker(layer, settings)
        if kind not in ("ReLU", "Softmax"):
            self._activate(layer, settings.get("activation") or "linear")

    def _add(self, shape: LayerShape, matrix: Reals | None, bias: list[Reals]) -> None:
        self.layers.append(Layer(shape, matrix, bias[0] if bias else np.zeros(shape.channels)))
        self.picture = shape.after
        self.pictures.append(self.picture)

    def _sum(self, layer: Any, sources: list[str]) -> None:
        """What an earlier layer made, added to what the last one did."""
        other = next((name for name in sources if name != self.head), "")
        place = self.made.get(other)
        if len(sources) != 2 or self.head not in sources or place is None or self.vector or self.flattened:
            raise refusal(
                layer, "does not add what an earlier layer made to what the last one did; there are layers in one of "
                "its branches alone, and what a layer made is what its normalisation and its rectifier left of it",
            )  # fmt: skip
        try:
            rows_between(inside.shape for inside in self.layers[place:])
        except ValueError as error:
            raise refusal(layer, f"is around a stride ({error})") from None
        if self.pictures[place] != self.picture:
            raise refusal(layer, f"adds pictures of {self.pictures[place]} and {self.picture}")
        self._add(LayerShape("add", self.picture, self.picture[2], rectify=False), None, [])
        self.layers[-1] = replace(self.layers[-1], added=place)

    def _shape(self, layer: Any, settings: dict[str, Any], kind: str, channels: int, kernel: str) -> LayerShape:
        """The shape of a layer with a kernel; over time it has one column."""
        if self.vector or self.flattened:
            raise refusal(layer, "stands behind Flatten or an average")
        unusual = [name for name in ("dilation_rate", "groups", "depth_multiplier")
                   if max(np.atleast_1d(settings.get(name) or 1)) > 1]  # fmt: skip
        if settings.get("data_format", "channels_last") != "channels_last":
            unusual.append("data_format")
        if settings["padding"] != "valid" and (settings["padding"] != "same" or kind == "maxpool"):
            unusual.append("padding")
        if unusual:
            raise refusal(layer, f"has {unusual[0]}={settings[unusual[0]]!r}, which cannot be compiled")
        size, step = (tuple(int(n) for n in (*np.atleast_1d(settings[name]), 1)[:2]) for name in (kernel, "strides"))
        padded = settings["padding"] == "same"
        return LayerShape(kind, self.picture, channels, (size[0], size[1]), (step[0], step[1]), padded, rectify=False)

    # ------------------------------------------------------------------ one method a layer, by the name of its class

    def _conv(self, layer: Any, settings: dict[str, Any]) -> None:
        kernel, *bias = layer.get_weights()
        shape = self._shape(layer, settings, "conv", kernel.shape[-1], "kernel_size")
        if shape.kernel == shape.stride == (1, 1):  # needs no rows but the one that has come
            shape = replace(shape, kind="pointwise")
        self._add(shape, kernel.reshape(-1, kernel.shape[-1]).T, bias)

    def _depthwiseconv(self, layer: Any, settings: dict[str, Any]) -> None:
        kernel, *bias = layer.get_weights()
        shape = self._shape(layer, settings, "depthwise", kernel.shape[-2], "kernel_size")
        self._add(shape, kernel.reshape(-1, kernel.shape[-2]).T, bias)

    def _separableconv(self, layer: Any, settings: dict[str, Any]) -> None:
        alone, together, *bias = layer.get_weights()
        channels, outputs = together.shape[-2:]
        shape = self._shape(layer, settings, "depthwise", channels, "kernel_size")
        self._add(shape, alone.reshape(-1, channels).T, [])
        self._add(LayerShape("pointwise", self.picture, outputs, rectify=False), together.reshape(channels, -1).T, bias)

    def _maxpooling(self, layer: Any, settings: dict[str, Any]) -> None:
        self._add(self._shape(layer, settings, "maxpool", self.picture[2], "pool_size"), None, [])

    def _globalaveragepooling(self, layer: Any, settings: dict[str, Any]) -> None:
        positions = self.picture[0] * self.picture[1]
        self.vector, self.factor = True, 2.0 ** halvings_of(positions) / positions

    def _flatten(self, layer: Any, settings: dict[str, Any]) -> None:
        self.flattened, self.vector = True, self.vector or self.picture[0] * self.picture[1] == 1

    def _dense(self, layer: Any, settings: dict[str, Any]) -> None:
        kernel, *bias = layer.get_weights()
        outputs = kernel.shape[1]
        if self.vector:
            self.dense.append((kernel.T * self.factor, bias[0] if bias else np.zeros(outputs), False))
            self.factor = 1.0
        elif self.flattened:
            size = self.picture[:2]
            self._add(LayerShape("conv", self.picture, outputs, size, padded=False, rectify=False), kernel.T, bias)
            self.vector = True
        else:
            raise refusal(layer, "works on every row of a picture; put Flatten or an average in front of it")

    def _batchnormalization(self, layer: Any, settings: dict[str, Any]) -> None:
        last = self.layers[-1] if self.layers and not self.dense else None
        if last is None or last.matrix is None or last.shape.rectify:
            raise refusal(layer, "does not stand right behind a convolution without an activation")
        weights = list(layer.get_weights())
        scale = weights.pop(0) if settings.get("scale", True) else 1.0
        centre = weights.pop(0) if settings.get("center", True) else 0.0
        mean, variance = weights
        gain = scale / np.sqrt(variance + settings["epsilon"])
        self.layers[-1] = replace(last, matrix=last.matrix * gain[:, None], bias=(last.bias - mean) * gain + centre)

    def _relu(self, layer: Any, settings: dict[str, Any]) -> None:
        if settings.get("negative_slope") or settings.get("threshold"):
            raise refusal(layer, "is no plain rectifier")
        self._activate(layer, "relu", settings.get("max_value"))

    def _activation(self, layer: Any, settings: dict[str, Any]) -> None:
        """Nothing but its activation."""

    def _softmax(self, layer: Any, settings: dict[str, Any]) -> None:
        self._activate(layer, "softmax")

    def _activate(self, layer: Any, activation: str, most: float | None = None) -> None:
        if activation == "relu6":
            activation, most = "relu", 6.0
        if activation in ("softmax", "sigmoid"):
            self.ends = activation
        elif activation == "relu" and self.dense and most is None:
            self.dense[-1] = (*self.dense[-1][:2], True)
        elif activation == "relu" and not self.dense and self.layers and self.layers[-1].matrix is not None:
            last = self.layers[-1]
            self.layers[-1] = replace(last, shape=replace(last.shape, rectify=True), most=most)
        elif activation != "linear":
            raise refusal(layer, f"has the activation {activation!r} where it stands")

    # ------------------------------------------------------------------ what the layers make as a device holds it

    def scaled(self) -> list[Layer]:
        """The layers such that what is clipped ends at :data:`TOP`, the largest number of a type: clipping is free.

        What a picture is multiplied by, the next layer's weights are divided by; pictures that are added, and those
        before and behind a pool, are multiplied by the same.
        """
        factors = [1.0] * len(self.pictures)
        for i, layer in enumerate(self.layers, 1):
            if layer.matrix is None:
                factors[i] = factors[i - 1]
            elif layer.most is not None:
                factors[i] = TOP / layer.most
            elif i < len(self.layers) and (added := self.layers[i].added) is not None:
                factors[i] = factors[added]
        if any(layer.added is not None and factors[layer.added] != factors[i] for i, layer in enumerate(self.layers)):
            raise UnsupportedModelError("an Add adds a picture to one that is clipped at another value, or not at all")
        if factors[-1] != 1 and not self.dense:
            raise UnsupportedModelError(
                "the model ends in a ReLU with a max_value; what can be compiled ends in a Dense"
            )
        self.dense[:1] = [(matrix / factors[-1], bias, rectify) for matrix, bias, rectify in self.dense[:1]]
        return [layer.times(*factors[i : i + 2]) for i, layer in enumerate(self.layers)]


def sources_of(model: Any) -> dict[str, list[str]]:
    """Of every layer the names of those whose results it takes."""
    layers = model.get_config().get("layers", [{}])
    if "inbound_nodes" in layers[0]:
        return {layer["name"]: list(_names(layer["inbound_nodes"])) for layer in layers}
    names = [layer.name for layer in model.layers]
    return {name: before for name, before in zip(names, [[], *([name] for name in names)], strict=False)}


def _names(nodes: Any) -> Iterator[str]:
    """Names of layers in Keras' description of a call."""
    if isinstance(nodes, dict) and "keras_history" in nodes:
        yield nodes["keras_history"][0]
    elif isinstance(nodes, dict | list | tuple):
        for inside in nodes.values() if isinstance(nodes, dict) else nodes:
            yield from _names(inside)


def refusal(layer: Any, why: str) -> UnsupportedModelError:
    """The error for a layer, by its name."""
    return UnsupportedModelError(f"layer {layer.name!r} ({type(layer).__name__}) {why}; supported are {SUPPORTED}")
