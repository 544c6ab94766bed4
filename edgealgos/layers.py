"""Bonsai, ProtoNN, FastGRNN, FastRNN and GRU as Keras 3 layers: maths in real numbers; no budget, no device.

Weights have the names and shapes that training uses, so that arrays move between a layer and a fitted estimator.
"""

from __future__ import annotations

import math

import keras
from keras import ops

_register = keras.saving.register_keras_serializable(package="edgealgos")
MOST_SHARPNESS = 256.0


@_register
class Bonsai(keras.layers.Layer):
    """Sparse projection and a shallow tree of bilinear nodes (Kumar, Goyal, Varma, ICML 2017, eq. 1).

    ``score = sum over the path of (W_k z) * t(V_k z)`` with ``z = clip(Z x + b, -1, 1)`` and ``t`` the piecewise-linear
    tanh; the left child is taken where ``T_k z > 0``. While training, the choice is relaxed to
    ``(1 + tanh(sharpness T_k z)) / 2``; the sharpness doubles every `doubling` training calls, from 1 to 256.

    Parameters
    ----------
    units : int
        Scores: classes, 1 for a binary problem, targets of a regression.
    projection_dim : int
    depth : int
        Levels of decisions; 0 is a single node.
    sigma : float
        Slope of the node's tanh at the start (folded into V).
    doubling : int
        Training calls after which the sharpness of decisions doubles.

    Notes
    -----
    Input (batch, n_features), output (batch, units).

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.layers import Bonsai
    >>> tuple(Bonsai(units=3, depth=1)(np.zeros((5, 4), np.float32)).shape)
    (5, 3)
    """

    def __init__(self, units, projection_dim=10, depth=1, sigma=1.0, doubling=200, **kwargs):
        super().__init__(**kwargs)
        self.units, self.projection_dim, self.depth = units, projection_dim, depth
        self.sigma, self.doubling = sigma, doubling

    def build(self, input_shape):
        """Create Z (projection_dim, n_features), b, W and V (nodes, units, projection_dim), T (decisions, ...)."""
        d, nodes = self.projection_dim, 2 ** (self.depth + 1) - 1
        self.Z = self.add_weight(name="Z", shape=(d, input_shape[-1]), initializer=_spread(input_shape[-1]))
        self.b = self.add_weight(name="b", shape=(d,), initializer="zeros")
        self.W = self.add_weight(name="W", shape=(nodes, self.units, d), initializer=_spread(d))
        self.V = self.add_weight(name="V", shape=(nodes, self.units, d), initializer=_spread(d, self.sigma))
        if self.depth:
            self.T = self.add_weight(name="T", shape=(2**self.depth - 1, d), initializer=_spread(d))
            self.calls = self.add_weight(name="calls", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs, training=False):
        """Scores of rows."""
        z = ops.clip(ops.matmul(inputs, ops.transpose(self.Z)) + self.b, -1.0, 1.0)
        w = ops.einsum("nd,kud->nku", z, self.W)
        t = ops.clip(ops.einsum("nd,kud->nku", z, self.V), -1.0, 1.0)
        if not self.depth:
            return (w * t)[:, 0]
        return ops.sum(w * t * self._shares(z, training)[:, :, None], axis=1)

    def _shares(self, z, training):
        """Share of each node in the answer, (batch, nodes)."""
        branch = ops.matmul(z, ops.transpose(self.T))
        left = 0.5 * (1.0 + ops.tanh(self._sharpness() * branch)) if training else ops.cast(branch > 0, z.dtype)
        if training:
            self.calls.assign_add(1.0)
        shares = [ops.ones_like(branch[:, 0])]
        for node in range(1, 2 ** (self.depth + 1) - 1):
            parent = (node - 1) // 2
            shares.append(shares[parent] * (left[:, parent] if node % 2 else 1.0 - left[:, parent]))
        return ops.stack(shares, axis=1)

    def _sharpness(self):
        return ops.minimum(ops.power(2.0, self.calls / self.doubling), MOST_SHARPNESS)

    def compute_output_shape(self, input_shape):
        """(batch, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self):
        """Constructor arguments."""
        own = {n: getattr(self, n) for n in ("units", "projection_dim", "depth", "sigma", "doubling")}
        return super().get_config() | own


@_register
class ProtoNN(keras.layers.Layer):
    """Prototypes in a learned projection (Gupta et al., ICML 2017): ``score_c = sum_j L_cj 2^-|W x - B_j|^2``.

    Gamma and log2(e) of the paper's ``exp(-gamma^2 |W x - b|^2)`` are folded into W and the prototypes.

    Parameters
    ----------
    units : int
        Scores.
    projection_dim, n_prototypes : int
    gamma : float or None
        Inverse width of a prototype's kernel at the start, for standardised inputs; None: ``1 / sqrt(projection_dim)``.

    Notes
    -----
    Input (batch, n_features), output (batch, units).

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.layers import ProtoNN
    >>> tuple(ProtoNN(units=3, n_prototypes=8)(np.zeros((5, 4), np.float32)).shape)
    (5, 3)
    """

    def __init__(self, units, projection_dim=10, n_prototypes=20, gamma=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.projection_dim, self.n_prototypes, self.gamma = units, projection_dim, n_prototypes, gamma

    def build(self, input_shape):
        """Create W (projection_dim, n_features), B (n_prototypes, projection_dim), L (units, n_prototypes)."""
        d, m = self.projection_dim, self.n_prototypes
        gamma = 1.0 / math.sqrt(d) if self.gamma is None else self.gamma
        width = gamma * math.sqrt(math.log2(math.e))
        self.W = self.add_weight(name="W", shape=(d, input_shape[-1]), initializer=_spread(input_shape[-1], width))
        self.B = self.add_weight(name="B", shape=(m, d), initializer=_spread(1, width))
        self.L = self.add_weight(name="L", shape=(self.units, m), initializer=_spread(1))

    def call(self, inputs):
        """Scores of rows."""
        z = ops.matmul(inputs, ops.transpose(self.W))
        distance = ops.sum(ops.square(z[:, None, :] - self.B[None]), axis=-1)
        return ops.matmul(ops.exp(-math.log(2.0) * distance), ops.transpose(self.L))

    def compute_output_shape(self, input_shape):
        """(batch, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self):
        """Constructor arguments."""
        own = {n: getattr(self, n) for n in ("units", "projection_dim", "n_prototypes", "gamma")}
        return super().get_config() | own


class _Cell(keras.layers.Layer):
    """What the cells share: products W x and U h of full or low rank, the non-linearities, the state."""

    products = 1  # with W and with U that a unit has

    def __init__(self, units, rank_w=None, rank_u=None, nonlinearity="hard_tanh", **kwargs):
        super().__init__(**kwargs)
        if nonlinearity not in ("hard_tanh", "tanh"):
            raise ValueError(f"nonlinearity must be 'hard_tanh' or 'tanh', got {nonlinearity!r}")
        self.units, self.rank_w, self.rank_u, self.nonlinearity = units, rank_w, rank_u, nonlinearity
        self.state_size = self.output_size = units

    def build(self, input_shape):
        """Create W, U (or W1 W2, U1 U2) and the cell's vectors and scalars."""
        self.W = self._matrix("W", input_shape[-1], self.rank_w, _spread(input_shape[-1]))
        self.U = self._matrix("U", self.units, self.rank_u, "orthogonal")
        self._create_vectors()

    def _create_vectors(self):
        self.candidate_bias = self.add_weight(name="candidate_bias", shape=(self.units,), initializer="zeros")

    def _matrix(self, name, columns, rank, initializer):
        """One matrix, or outer and inner factor."""
        rows = self.products * self.units
        if not rank:
            return [self.add_weight(name=name, shape=(rows, columns), initializer=initializer)]
        outer = self.add_weight(name=f"{name}1", shape=(rows, rank), initializer=_spread(rank))
        return [outer, self.add_weight(name=f"{name}2", shape=(rank, columns), initializer=_spread(columns))]

    def _product(self, vector, factors):
        for factor in reversed(factors):
            vector = ops.matmul(vector, ops.transpose(factor))
        return vector

    def _preactivation(self, inputs, state):
        return self._product(inputs, self.W) + self._product(state, self.U)

    def _tanh(self, a):
        return ops.tanh(a) if self.nonlinearity == "tanh" else ops.clip(a, -1.0, 1.0)

    def _sigmoid(self, a):
        return ops.sigmoid(a) if self.nonlinearity == "tanh" else ops.clip(0.5 * (a + 1.0), 0.0, 1.0)

    def get_initial_state(self, batch_size=None):
        """Zeros: one list entry, (batch, units)."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def compute_output_shape(self, input_shape, *_):
        """(batch, units) for the output, the same for the state."""
        return (input_shape[0], self.units), [(input_shape[0], self.units)]

    def get_config(self):
        """Constructor arguments."""
        own = {n: getattr(self, n) for n in ("units", "rank_w", "rank_u", "nonlinearity")}
        return super().get_config() | own


@_register
class FastGRNNCell(_Cell):
    """FastGRNN (Kusupati et al., NeurIPS 2018, section 3.2), a cell for ``keras.layers.RNN``.

    ``p = W x + U h``, ``s = sigmoid(p + b_z)``, ``c = tanh(p + b_h)``, ``h' = (zeta (1 - s) + nu) c + s h``, saturated
    to [-1, 1] as on the device. With ``"hard_tanh"`` both non-linearities are piecewise linear.

    Parameters
    ----------
    units : int
        Size of the state.
    rank_w, rank_u : int or None
        Ranks of W and U; None: full.
    nonlinearity : {"hard_tanh", "tanh"}

    Notes
    -----
    Input (batch, n_features), state and output (batch, units).

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from edgealgos.layers import FastGRNNCell
    >>> states = keras.layers.RNN(FastGRNNCell(units=6, rank_u=2))(np.zeros((5, 10, 4), np.float32))
    >>> tuple(states.shape)  # the last one of each row
    (5, 6)
    """

    def build(self, input_shape):
        """Create W, U, both biases, zeta and nu."""
        super().build(input_shape)
        self.gate_bias = self.add_weight(name="gate_bias", shape=(self.units,), initializer="ones")
        self.zeta = self._constant("zeta", 0.75)
        self.nu = self._constant("nu", 0.02)

    def _constant(self, name, value):
        initializer = keras.initializers.Constant(value)
        return self.add_weight(name=name, shape=(1,), initializer=initializer, constraint="non_neg")

    def call(self, inputs, states, training=False):
        """Next state, twice: as output and as state."""
        h = states[0] if isinstance(states, list | tuple) else states
        p = self._preactivation(inputs, h)
        s, c = self._sigmoid(p + self.gate_bias), self._tanh(p + self.candidate_bias)
        h = ops.clip((self.zeta * (1.0 - s) + self.nu) * c + s * h, -1.0, 1.0)
        return h, [h]


@_register
class FastRNNCell(_Cell):
    """FastRNN (Kusupati et al., NeurIPS 2018, section 3.1), a cell for ``keras.layers.RNN``.

    ``h' = alpha tanh(W x + U h + b_h) + beta h``, saturated to [-1, 1] as on the device.

    Parameters
    ----------
    units, rank_w, rank_u, nonlinearity
        As for :class:`FastGRNNCell`.
    alpha, beta : float
        Start of the two weights; the paper finds that they end near ``1 / n_steps`` and ``1 - 1 / n_steps``.

    Notes
    -----
    Input (batch, n_features), state and output (batch, units).

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from edgealgos.layers import FastRNNCell
    >>> states = keras.layers.RNN(FastRNNCell(units=6, rank_u=2))(np.zeros((5, 10, 4), np.float32))
    >>> tuple(states.shape)  # the last one of each row
    (5, 6)
    """

    def __init__(self, units, rank_w=None, rank_u=None, nonlinearity="hard_tanh", alpha=0.1, beta=0.9, **kwargs):
        super().__init__(units, rank_w, rank_u, nonlinearity, **kwargs)
        self.initial_alpha, self.initial_beta = alpha, beta

    def build(self, input_shape):
        """Create W, U, the bias, alpha and beta."""
        super().build(input_shape)
        constant = keras.initializers.Constant
        self.alpha = self.add_weight(name="alpha", shape=(1,), initializer=constant(self.initial_alpha))
        self.beta = self.add_weight(name="beta", shape=(1,), initializer=constant(self.initial_beta))

    def call(self, inputs, states, training=False):
        """Next state, twice: as output and as state."""
        h = states[0] if isinstance(states, list | tuple) else states
        c = self._tanh(self._preactivation(inputs, h) + self.candidate_bias)
        h = ops.clip(self.alpha * c + self.beta * h, -1.0, 1.0)
        return h, [h]

    def get_config(self):
        """Constructor arguments."""
        return super().get_config() | {"alpha": self.initial_alpha, "beta": self.initial_beta}


@_register
class GRUCell(_Cell):
    """GRU (Cho et al., EMNLP 2014), its reset gate behind the product, a cell for ``keras.layers.RNN``.

    ``z = sigmoid(W_z x + U_z h + b_z)``, r alike, ``c = tanh(W_c x + r (U_c h) + b_c)``, ``h' = (1 - z) c + z h``. Rows
    of W and U and the bias are those of z, of r and of c, in this order. With ``"hard_tanh"`` all non-linearities are
    piecewise linear.

    Parameters
    ----------
    units, rank_w, rank_u, nonlinearity
        As for :class:`FastGRNNCell`.

    Notes
    -----
    Input (batch, n_features), state and output (batch, units).

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from edgealgos.layers import GRUCell
    >>> states = keras.layers.RNN(GRUCell(units=6, rank_u=2))(np.zeros((5, 10, 4), np.float32))
    >>> tuple(states.shape)  # the last one of each row
    (5, 6)
    """

    products = 3

    def _create_vectors(self):
        self.bias = self.add_weight(name="bias", shape=(3 * self.units,), initializer="zeros")

    def call(self, inputs, states, training=False):
        """Next state, twice: as output and as state."""
        h = states[0] if isinstance(states, list | tuple) else states
        x_z, x_r, x_c = ops.split(self._product(inputs, self.W) + self.bias, 3, axis=-1)
        h_z, h_r, h_c = ops.split(self._product(h, self.U), 3, axis=-1)
        z, r = self._sigmoid(x_z + h_z), self._sigmoid(x_r + h_r)
        h = (1.0 - z) * self._tanh(x_c + r * h_c) + z * h
        return h, [h]


def _spread(fan_in, gain=1.0):
    """Normal numbers that keep the size of standardised inputs."""
    return keras.initializers.RandomNormal(stddev=gain / math.sqrt(fan_in))
