"""Arrays of .npz files under every usual name, and files that hold none."""

from __future__ import annotations

import numpy as np
import pytest

from edgealgos.datasets import read_table
from edgealgos.errors import DatasetError

from .test_tables import IRIS, X, Y


@pytest.mark.parametrize("names", [("X", "y"), ("x", "y"), ("X_train", "y_train"), ("data", "target")])
def test_arrays_by_their_usual_names(names, tmp_path):
    np.savez(tmp_path / "a.npz", **dict(zip(names, (X, Y), strict=True)), more=np.zeros(3))
    table = read_table(tmp_path / "a.npz")
    np.testing.assert_array_equal(table.X, X)
    assert table.y.tolist() == Y.tolist()


def test_arrays_with_a_test_part(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X[:99], y_train=Y[:99], x_test=X[99:], y_test=Y[99:])
    assert read_table(tmp_path / "a.npz").X_test.shape == (51, 4)


@pytest.mark.parametrize("y", [np.eye(3)[IRIS.target], IRIS.target[:, None], IRIS.target.astype(np.uint8)])
def test_labels_in_other_shapes(y, tmp_path):
    np.savez(tmp_path / "a.npz", X=IRIS.data, y=y)
    assert read_table(tmp_path / "a.npz").y.tolist() == IRIS.target.tolist()


@pytest.mark.parametrize(("arrays", "says"), [
    ({"a": X}, "has the arrays a; needed are X, y"),
    ({"X": X}, "has the arrays X"),
    ({"X": np.array(1.0), "y": Y}, "X has the shape ()"),
    ({"X": X[:, 0], "y": Y}, "X has the shape (150,)"),
    ({"X": X, "y": np.array(1)}, "y has the shape ()"),
    ({"X": X, "y": np.zeros((150, 2))}, "y has the shape (150, 2)"),
    ({"X": X, "y": Y[:9]}, "150 samples and 9 values in y"),
    ({"X": X.astype(str), "y": Y}, "X holds <U"),
    ({"X": X.astype(complex), "y": Y}, "X holds complex128"),
    ({"X": X[:0], "y": Y[:0]}, "there are no values"),
    ({"X": np.where(X == 5.1, np.nan, X), "y": Y}, "is nan, one of"),
    ({"X": np.where(X == 5.1, np.inf, X), "y": Y}, "is inf, one of"),
    ({"X": X, "y": np.full(150, np.nan)}, "y[0] is nan"),
    ({"X": X, "y": np.zeros(150, "M8[s]")}, "y holds datetime64"),
    ({"X": np.array([[1], [1, 2]], dtype=object), "y": Y}, "Python objects"),
    ({"X": X, "y": Y.astype(object)}, "Python objects"),
    ({"X_train": X, "y_train": Y, "X_test": X[:, :2], "y_test": Y}, "a sample of X_test has the shape (2,)"),
    ({"X_train": X, "y_train": Y, "X_test": X, "y_test": Y[:3]}, "3 values in y_test"),
])  # fmt: skip
def test_arrays_that_are_no_samples(arrays, says, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DatasetError) as caught:
        read_table(tmp_path / "a.npz")
    assert says in str(caught.value)


def test_archives_that_are_damaged(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=X, y=Y)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no archive", whole[:200] + bytes(50) + whole[250:]):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=r"no intact \.npz file"):
            read_table(path)
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(DatasetError, match="single NumPy array"):
        read_table(tmp_path / "a.npy")
