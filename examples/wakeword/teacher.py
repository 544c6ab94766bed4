"""A convolutional network from which the small model learns; it stays on the computer that trains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNELS, BATCH = (48, 64, 96, 96), 64


def convolutional(features: NDArray[np.int16], y: NDArray[np.bool_], epochs: int = 20, verbose: int = 0) -> Any:
    """A Keras model fitted to log-mel energies.

    Parameters
    ----------
    features : int16 array of shape (n, n_frames, n_mels)
    y : bool array of shape (n,)
        Whether the piece ends with the word.
    epochs : int
    verbose : int
        1 shows a progress bar an epoch.

    Returns
    -------
    keras.Model
        Gives the probability of the word, (n, 1).
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    scaled = layers.Normalization(axis=-1)
    scaled.adapt(features.reshape(-1, features.shape[-1]).astype(np.float32))
    stack: list[Any] = [keras.Input(features.shape[1:]), scaled, layers.GaussianNoise(0.3)]
    for channels in CHANNELS:
        stack += [layers.Conv1D(channels, 5, padding="same", use_bias=False), layers.BatchNormalization(),
                  layers.ReLU(), layers.MaxPooling1D(2), layers.SpatialDropout1D(0.1)]  # fmt: skip
    stack += [layers.Flatten(), layers.Dropout(0.5), layers.Dense(64, activation="relu"), layers.Dropout(0.5),
              layers.Dense(1, activation="sigmoid")]  # fmt: skip
    model = keras.Sequential(stack)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * max(1, len(y) // BATCH))
    model.compile(keras.optimizers.Adam(rate), keras.losses.BinaryCrossentropy(label_smoothing=0.05))
    model.fit(features.astype(np.float32), y.astype(np.float32), batch_size=BATCH, epochs=epochs, verbose=verbose)
    return model
