"""Feature extractors that compile along with the model behind them: scikit-learn transformers of raw int16 samples."""

from ._logmel import LogMel
from ._motion import MotionFeatures

__all__ = ["LogMel", "MotionFeatures"]
