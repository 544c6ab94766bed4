"""Gated recurrent units: the estimators; what they share with FastGRNN is there."""

from __future__ import annotations

from .fastgrnn import _SequenceClassifier, _SequenceRegressor


class GRUClassifier(_SequenceClassifier):
    """GRU classifier of sequences: a recurrent cell whose two gates and candidate have matrices of their own.

    ``z = sigmoid(W_z x + U_z h + b_z)``, ``r = sigmoid(W_r x + U_r h + b_r)``, ``c = tanh(W_c x + r (U_c h) + b_c)``,
    ``h = (1 - z) c + z h``; the scores are linear in the last ``h`` (Cho et al., EMNLP 2014). The reset gate stands behind
    the product with the state, as in cuDNN: one product with U, three times as tall as FastGRNN's, serves all three.
    Parameters and attributes are those of :class:`~edgealgos.FastGRNNClassifier`; W and U are the three matrices on top of
    each other, and share their type, their ranks and their bytes.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, max_accuracy_loss, hidden_size, rank_w, rank_u, step_size, nonlinearity, \
window_steps, window_stride, early_exit, class_weight, epochs, batch_size, learning_rate, teacher, augment, \
label_smoothing, restarts, random_state, verbose
        As in :class:`~edgealgos.FastGRNNClassifier`.

    Attributes
    ----------
    classes_, n_features_in_, n_steps_, n_step_features_, feature_names_in_, encoding_, weights_, qtypes_, model_bytes_, \
early_exit_, n_iter_, history_
        As in :class:`~edgealgos.FastGRNNClassifier`.

    References
    ----------
    K. Cho et al. Learning phrase representations using RNN encoder-decoder for statistical machine translation.
    EMNLP 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from edgealgos import GRUClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = GRUClassifier(step_size=8, hidden_size=6, epochs=2, random_state=0).fit(X, y)
    >>> model.predict(X[:5]).shape
    (5,)
    """

    _cell = "GRU"


class GRURegressor(_SequenceRegressor):
    """GRU regressor of sequences; see :class:`GRUClassifier` for the model.

    The target's mean and a power of two near its deviation are folded into the program.

    Parameters
    ----------
    max_model_bytes, max_cycles, bits, max_accuracy_loss, hidden_size, rank_w, rank_u, step_size, nonlinearity, \
epochs, batch_size, learning_rate, teacher, augment, restarts, random_state, verbose
        As in :class:`~edgealgos.FastGRNNClassifier`.

    Attributes
    ----------
    n_features_in_, feature_names_in_, encoding_, weights_, qtypes_, model_bytes_, n_iter_, history_
        As in :class:`~edgealgos.FastGRNNClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos import GRURegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 5, 2))
    >>> model = GRURegressor(epochs=2, random_state=0).fit(X, X[:, :, 0].mean(axis=1))
    >>> model.predict(X[:3]).shape
    (3,)
    """

    _cell = "GRU"
