"""TensorFlow is needed to train and for nothing else; asserted in fresh processes."""

from __future__ import annotations

import subprocess
import sys

import edgealgos

FORBIDDEN = "assert not {'tensorflow', 'keras', 'torch'} & set(sys.modules), 'TensorFlow was imported'"


def run(code: str, *args: str) -> None:
    """Run code in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_import_does_not_import_tensorflow():
    run(f"import sys, edgealgos, edgealgos.cli; {FORBIDDEN}")


def test_a_loaded_model_predicts_compiles_and_exports_without_tensorflow(fitted_bonsai, digits, tmp_path):
    model = edgealgos.save(fitted_bonsai, tmp_path / "m.edgealgos")
    expected = edgealgos.compile_model(fitted_bonsai).predict(digits[0][:20]).tolist()
    code = f"""
import copy, pickle, sys
import edgealgos
from sklearn.base import clone
from sklearn.datasets import load_digits
model = edgealgos.load(sys.argv[1])
X = load_digits().data[::4][:20]
model.predict(X), model.predict_proba(X), model.decision_function(X)
clone(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model)).predict(X)
assert edgealgos.compile_model(model).predict(X).tolist() == {expected!r}
model.export_arduino(sys.argv[2])
model.export_cpp(sys.argv[3])
{FORBIDDEN}
"""
    run(code, str(model), str(tmp_path / "sketch"), str(tmp_path / "plain"))


def test_pickle_and_joblib(fitted_bonsai, digits, tmp_path):
    import pickle

    import joblib
    import numpy as np

    X = digits[0][:20]
    joblib.dump(fitted_bonsai, tmp_path / "m.joblib")
    for again in (pickle.loads(pickle.dumps(fitted_bonsai)), joblib.load(tmp_path / "m.joblib")):
        np.testing.assert_array_equal(again.predict_proba(X), fitted_bonsai.predict_proba(X))
