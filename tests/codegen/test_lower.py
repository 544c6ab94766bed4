"""Lowering: Pipelines compose their scalers into the input encoding."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

from edgealgos.codegen.lowering.pipeline import lower
from edgealgos.codegen.lowering.scalers import supported_scalers
from edgealgos.codegen.passes.calibrate import calibrate
from edgealgos.codegen.program import same_program
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.interpret import encode, run_float
from edgealgos.errors import UnsupportedModelError
from tests.support import sample_programs as programs

from .test_export import Fitted

SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-1, 3)),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, with_scaling=False),
]


def fitted_pipeline(*steps, X):
    pipeline = make_pipeline(*steps)
    for _, step in pipeline.steps[:-1]:
        X = step.fit(X).transform(X)
    return pipeline, X


@pytest.mark.parametrize("scaler", SCALERS, ids=repr)
def test_a_scaler_costs_nothing_and_changes_nothing(scaler):
    X = np.random.default_rng(0).normal(size=(80, 20)) * np.geomspace(0.1, 100, 20) + 7
    pipeline, scaled = fitted_pipeline(scaler, Fitted(None), X=X)
    from dataclasses import replace

    encoding = choose_encoding(scaled)
    program = programs.protonn(0)
    program = replace(program.replacing(replace(program["x"], qtype=encoding.qtype)), encoding=encoding)
    pipeline.steps[-1][1].program = program
    lowered = lower(pipeline)
    assert np.allclose(run_float(lowered, X), run_float(program, scaled), rtol=1e-4, atol=1e-6)
    close = np.abs(encode(lowered, X).astype(int) - encode(program, scaled))
    assert close.max() <= 1  # float32 rounding of the composed map
    assert close.mean() < 0.01
    assert lowered.tensors == program.tensors


def test_scalers_compose_in_order():
    X = np.random.default_rng(0).normal(size=(80, 20)) * 5 + 2
    pipeline, scaled = fitted_pipeline(StandardScaler(), MinMaxScaler(), Fitted(programs.protonn(0)), X=X)
    assert np.allclose(run_float(lower(pipeline), X), run_float(programs.protonn(0), scaled), rtol=1e-4, atol=1e-6)


def test_a_scaler_of_whole_rows_before_a_sequence_model():
    X = np.random.default_rng(0).normal(size=(40, 30)) * np.geomspace(1, 9, 30)
    program = programs.fastgrnn(0, features=5, steps=6)
    pipeline, scaled = fitted_pipeline(StandardScaler(), Fitted(program), X=X)
    assert np.allclose(run_float(lower(pipeline), X), run_float(program, scaled), rtol=1e-3, atol=1e-5)


def test_other_steps_are_refused_with_the_list_of_what_works():
    pipeline, _ = fitted_pipeline(PolynomialFeatures(), Fitted(programs.protonn(0)), X=np.ones((3, 20)))
    with pytest.raises(UnsupportedModelError, match=r"PolynomialFeatures.*MinMaxScaler"):
        lower(pipeline)
    assert supported_scalers() == ["StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"]


def test_an_unfitted_scaler_is_said():
    with pytest.raises(NotFittedError):
        lower(make_pipeline(StandardScaler(), Fitted(programs.protonn(0))))


def test_passthrough_steps_are_ignored():
    assert same_program(lower(make_pipeline("passthrough", Fitted(programs.protonn(0)))), programs.protonn(0))


def test_calibration_widens_the_range_by_a_power_of_two_and_keeps_the_model():
    program = programs.protonn(0)
    X = np.random.default_rng(0).normal(size=(50, 20)) * 300
    wide = calibrate(program, X)
    assert np.allclose(run_float(wide, X), run_float(program, X))
    assert np.array_equal(np.log2(wide.encoding.scale) % 1, [0.0])
    assert wide.encoding.saturated(X) == 0
    assert program.encoding.saturated(X) > 0
