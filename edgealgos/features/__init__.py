"""Feature extractors that compile along with the model behind them: scikit-learn transformers of raw int16 samples."""

from .logmel import LogMel
from .motion import MotionFeatures

__all__ = ["LogMel", "MotionFeatures"]
