"""Random programs with a feature extractor in front: for the ops that extractors have alone."""

from __future__ import annotations

import numpy as np

from edgealgos.codegen.lowering.join import join
from edgealgos.codegen.program import Program
from edgealgos.features import LogMel, MotionFeatures
from edgealgos.features.motion import STATISTICS
from tests.support import sample_programs


def motion(seed: int = 0) -> Program:
    """Statistics of a window of a motion sensor, and a small tree."""
    rng = np.random.default_rng(seed)
    axes, frames, decimate = (int(rng.integers(*ends)) for ends in ((1, 5), (4, 24), (1, 5)))
    kinds = tuple(rng.choice(STATISTICS, size=int(rng.integers(1, len(STATISTICS))), replace=False).tolist())
    bins, segments = int(rng.choice([2, 4, 8, 16])), int(rng.integers(1, min(frames, 6)))
    features = MotionFeatures(decimate=decimate, statistics=kinds, bins=bins, segments=segments)
    samples = rng.integers(-9000, 9000, size=(6, frames * decimate, axes))
    extractor = features.fit(samples).to_program()
    return join(extractor, sample_programs.bonsai(seed, extractor.output.size, width=3, outputs=3))


def sound(seed: int = 0) -> Program:
    """Logarithms of mel bands, normalised or not, and a small recurrent cell."""
    rng = np.random.default_rng(seed)
    window = int(rng.choice([64, 128, 200]))
    hop, bands = int(rng.integers(window // 3, window)), int(rng.integers(3, 9))
    mel = LogMel(window=window, hop=hop, n_mels=bands, normalization=float(rng.choice([0.0, 0.6])))
    extractor = mel.fit(np.zeros((1, int(rng.integers(4, 9)) * hop + window), int)).to_program()
    return join(extractor, sample_programs.fastgrnn(seed, bands, hidden=5, outputs=3, steps=extractor.steps or 1))
