"""Random programs of all families there are, every other classifier with a link; knows programs and the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgealgos.codegen.program import Program
from edgealgos.codegen.program.link import LOGISTIC, SHARES, SOFTMAX, Link
from edgealgos.codegen.program.scores import probabilities
from edgealgos.codegen.rejection import rejecting

from . import sample_convnets, sample_instances
from . import sample_programs as programs
from .equivalence import raw

SPREAD = {SOFTMAX: 4.0, LOGISTIC: 4.0, SHARES: 0.4}  # of what links make their functions of
RARE: tuple[Callable[[int], Program], ...] = (
    programs.gru, sample_convnets.large_convnet, sample_convnets.residual_convnet, sample_convnets.one_kind_alone,
    sample_instances.any_machine, sample_instances.any_neighbours,
)  # fmt: skip


def any_program(seed: int) -> Program:
    """A random program, two in five of rarer families; every other classifier answers only where it is likely right."""
    make = programs.random_program if seed % 5 < 3 else RARE[seed % len(RARE)]
    return with_link(make, seed) if seed // 2 % 2 else make(seed)


def with_link(make: Callable[[int], Program], seed: int) -> Program:
    """The program of a seed; if it tells classes apart, with a random link."""
    program = make(seed)
    return if_likely(program, seed) if program.task == "classifier" else program


def smallest_with_link(seed: int) -> Program:
    """One product and a link, each kind in turn, of few scores and of several: nothing hides what the link takes."""
    kind, outputs = list(SPREAD)[seed % len(SPREAD)], (3, 7, 2, 5, 1, 10)[seed // len(SPREAD) % 6]
    return if_likely(programs.linear(seed, 2 + seed % 5, outputs), seed, kind)


def if_likely(program: Program, seed: int, kind: str = "") -> Program:
    """The program with a random link, which answers where it says that a class is as likely as in half of the rows."""
    rng = np.random.default_rng(seed)
    told = programs.compiled(program, "host")
    scores = told.scores(raw(told, programs.any_inputs(rng, told.program, 100)))
    kind, frac = kind or str(rng.choice(list(SPREAD))), told.program.output.type.frac
    scale = SPREAD[kind] / max(float(np.ldexp(scores, -frac).std()), 2.0**-frac)
    link = Link(kind, scale, 0.5 if kind == SHARES else float(rng.normal()) * (rng.random() < 0.5))
    likely = float(np.median(probabilities(scores, link, frac).max(axis=1))) / 256
    return rejecting(replace(program, link=link), min(max(likely, 1 / 256), 255 / 256), -1)
