"""Every op by name, a file a family. An op is one record: what it does, takes, costs and calls."""

from .elementwise import Add, ArgMax, Rescale, Standardize
from .forest import Forest
from .linear import MatVec, PushColumn, Settle
from .motion import Decimate, SlideWindow, WindowStatistics
from .prototypes import PrototypeScore
from .recurrent import GatedUpdate, LeakyUpdate
from .sound import Frame, LogBands, NormalizeBands, PowerSpectrum
from .tree import TreeWalk
from .window import CountStep, KeepConfident, StartWindow

__all__ = [
    "Add", "ArgMax", "CountStep", "Decimate", "Forest", "Frame", "GatedUpdate", "KeepConfident", "LeakyUpdate", "LogBands",
    "MatVec", "NormalizeBands", "PowerSpectrum", "PrototypeScore", "PushColumn", "Rescale", "Settle", "SlideWindow",
    "Standardize", "StartWindow", "TreeWalk", "WindowStatistics",
]  # fmt: skip
