"""Linear models under a byte budget: what boosting begins with, and nothing on top; the simplest family."""

from __future__ import annotations

from .boosted_trees import Boosted
from .params import Options
from .shared import WITHOUT_EPOCHS
from .tasks import EdgeClassifier, EdgeRegressor

_OWN = WITHOUT_EPOCHS | {"bits": (Options(("auto", 8, 16)),)}


class LinearClassifier(EdgeClassifier, Boosted):
    """Logistic regression with as many weights of a byte as the budget allows.

    Of more weights those stay that matter most; how strongly they are drawn towards zero is chosen on rows held out.

    Parameters
    ----------
    max_model_bytes : int or None, default=2048
        Flash for everything the model stores. None: no limit.
    max_cycles : int or None, default=None
        Clock cycles that a prediction may take on an Uno, as the report predicts them. None: no limit.
    bits : {"auto", 8, 16}, default="auto"
        Width of the inputs; weights have 8 bits. ``"auto"``: 8.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss.
    random_state : int, RandomState or None, default=None
        Seed of the splits.
    verbose : int, default=0
        1 shows one progress bar.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, structure_, model_bytes_, history_
        As in :class:`~edgealgos.BoostedTreesClassifier`.
    """

    _declared = _OWN | {"class_weight": EdgeClassifier._declared["class_weight"]}
    _trees = False

    def __init__(
        self, *, max_model_bytes=2048, max_cycles=None, bits="auto", class_weight=None, random_state=None, verbose=0
    ):
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.class_weight = class_weight
        self.random_state = random_state
        self.verbose = verbose


class LinearRegressor(EdgeRegressor, Boosted):
    """Ridge regression; see :class:`LinearClassifier`.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, random_state, verbose
        As in :class:`LinearClassifier`.

    Attributes
    ----------
    n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, structure_, model_bytes_, history_
        As in :class:`~edgealgos.BoostedTreesClassifier`.
    """

    _declared = _OWN
    _trees = False

    def __init__(self, *, max_model_bytes=2048, max_cycles=None, bits="auto", random_state=None, verbose=0):
        self.max_model_bytes = max_model_bytes
        self.max_cycles = max_cycles
        self.bits = bits
        self.random_state = random_state
        self.verbose = verbose
