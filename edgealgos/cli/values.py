"""Text of the command line as values of estimators' parameters: numbers, tables, teachers, augmenters."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import edgealgos as ea

_WORDS = {"none": None, "true": True, "false": False}
TEACHERS = {
    "forest": ("sklearn.ensemble", "RandomForestClassifier", {"n_estimators": 300, "random_state": 0}),
    "boosting": ("sklearn.ensemble", "HistGradientBoostingClassifier", {"random_state": 0}),
    "neighbours": ("sklearn.neighbors", "KNeighborsClassifier", {}),
}


def literal(text: str) -> Any:
    """A number, a word, or several of them: ``8``, ``0.5``, ``none``, ``28x28``, ``mean,spread``."""
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(int(part) for part in text.split("x"))
    if "," in text:
        return tuple(literal(part.strip()) for part in text.split(",") if part.strip())
    if text.casefold() in _WORDS:
        return _WORDS[text.casefold()]
    for kind in (int, float):
        if re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", text, re.IGNORECASE):
            try:
                return kind(text)
            except ValueError:
                continue
    return text


def class_weight(text: str) -> Any:
    """``balanced``, or weights by class: ``yes=3,no=1``."""
    if "=" not in text:
        return literal(text)
    weights = {}
    for part in text.split(","):
        label, _, value = part.rpartition("=")
        weight = literal(value)
        if not label or not isinstance(weight, int | float):
            raise ea.EdgeAlgosError(f"--class-weight {text}: {part!r} is no weight of a class such as yes=3")
        weights[literal(label) if isinstance(literal(label), int) and str(literal(label)) == label else label] = weight
    return weights


def made_teacher(text: str) -> Any:
    """``auto``, ``none``, a model of scikit-learn by a short name, or a saved model."""
    if text in ("auto", "none"):
        return literal(text)
    if text in TEACHERS:
        module, name, options = TEACHERS[text]
        return getattr(__import__(module, fromlist=[name]), name)(**options)
    if not Path(text).exists():
        raise ea.EdgeAlgosError(
            f"--teacher {text}: it is auto, none, {', '.join(TEACHERS)}, or a file written by edgealgos train"
        )
    return ea.load(text)


def augmenters() -> dict[str, Any]:
    """Augmenters of the public page by their names on the command line."""
    kinds = {name: kind for name, kind in vars(ea.augment).items() if dataclasses.is_dataclass(kind)}
    return {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): kind for name, kind in kinds.items() if name != "Compose"}


def made_augmenter(text: str) -> Any:
    """``sensor-jitter``, ``time-jitter:5``, ``image-shift:28x28``, several joined by ``+``; ``none`` leaves rows be."""
    if text == "none":
        return ea.augment.Compose(())
    steps = []
    for part in text.split("+"):
        name, _, values = part.partition(":")
        if name not in augmenters():
            raise ea.EdgeAlgosError(
                f"--augment {text}: {name!r} is none of {', '.join(augmenters())}; values follow a colon, as in "
                "image-shift:28x28"
            )
        arguments = [literal(value) for value in values.split(",")] if values else []
        try:
            steps.append(augmenters()[name](*arguments))
        except TypeError as error:
            wanted = ", ".join(field.name for field in dataclasses.fields(augmenters()[name]))
            raise ea.EdgeAlgosError(f"--augment {part}: {name} takes {wanted} after a colon") from error
    return steps[0] if len(steps) == 1 else ea.augment.Compose(tuple(steps))
