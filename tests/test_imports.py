"""TensorFlow is needed to train and for nothing else; asserted in fresh processes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edgealgos

FORBIDDEN = "assert not {'tensorflow', 'keras', 'torch'} & set(sys.modules), 'TensorFlow was imported'"


def run(code: str, *args: str) -> str:
    """Run code in a fresh interpreter; what it said on the side."""
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_page_is_quick_to_import_and_complete():
    """What it names is imported when it is asked for: the libraries behind it take seconds."""
    slow = "assert not {'numpy', 'scipy', 'sklearn'} & set(sys.modules), 'the page imported what nobody asked for'"
    run(f"import sys, edgealgos; {slow}; assert all(hasattr(edgealgos, name) for name in edgealgos.__all__)")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        edgealgos.nonsense  # noqa: B018


def test_type_checkers_see_the_names_that_there_are():
    """The page says twice where a name lives, once for them."""
    tree = ast.parse(Path(edgealgos.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {(node.module or "", alias.name) for node in block.body for alias in node.names}
    assert seen == {(home, name) for home, names in edgealgos._HOMES.items() for name in names}


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


def test_tensorflow_is_silent_and_computes_as_on_any_processor_whatever_asks_for_it_first():
    assert run("import os, edgealgos.training.bonsai; assert os.environ['TF_ENABLE_ONEDNN_OPTS'] == '0'") == ""
