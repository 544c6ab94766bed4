"""What all tests share: skipping (locally) or failing (in CI) where a tool is missing, and small fitted models."""

from __future__ import annotations

import gc
import os
import random
import shutil
from collections.abc import Generator
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

import edgealgos
from edgealgos.codegen.build import tools
from edgealgos.codegen.simulate import avr8js, simavr

# Each worker computes on one thread: models so small wait longer for a second one than it saves.
for _library in ("TF_NUM_INTRAOP", "TF_NUM_INTEROP", "OMP_NUM", "OPENBLAS_NUM"):
    os.environ.setdefault(f"{_library}_THREADS", "1")
threadpool_limits(1)  # of the libraries that are loaded

# A busy machine makes no test wrong.
settings.register_profile("edgealgos", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgealgos")

QUICK = {"epochs": 8, "random_state": 0, "depth": 1, "projection_dim": 6}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", type=int, help="random programs of each fuzz test (host, Uno, ARM boards)")
    parser.addoption("--fuzz-seed", type=int, help="seed of the first; a failure names its own")


def pytest_configure(config: pytest.Config) -> None:
    for option, variable in (("fuzz", "EDGEALGOS_FUZZ"), ("fuzz_seed", "EDGEALGOS_FUZZ_SEED")):
        if config.getoption(option) is not None:
            os.environ[variable] = str(config.getoption(option))
    os.environ.setdefault("EDGEALGOS_FUZZ_SEED", str(random.SystemRandom().randrange(10**6)))  # workers inherit it
    config.addinivalue_line("markers", "needs(*tools): skip where one of these tools is missing; fail under CI=true")
    config.addinivalue_line("markers", "slow: takes seconds; `make quick` leaves it out")
    config.addinivalue_line("markers", "fuzz(count): run with so many a `fuzz_seed`, or with as many as --fuzz says")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if (mark := metafunc.definition.get_closest_marker("fuzz")) is not None:
        start, count = int(os.environ["EDGEALGOS_FUZZ_SEED"]), int(os.environ.get("EDGEALGOS_FUZZ", mark.args[0]))
        metafunc.parametrize("fuzz_seed", range(start, start + count))


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector, busy while graphs are made, passes it over."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Whatever fails of a random program, its report says how to see it again."""
    report = yield
    if report.failed and item.get_closest_marker("fuzz") is not None:
        seed, name = item.callspec.params["fuzz_seed"], item.nodeid.partition("[")[0]
        report.sections.append(("to repeat", f"python -m pytest {name} --fuzz 1 --fuzz-seed {seed}"))
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        needs(*mark.args)


def needs(*names: str) -> None:
    """Skip the test if one of these tools is missing, or fail it if the environment says CI=true.

    Names are executables, modules, ``"simavr"``, ``"avr8js"`` or ``"arduino-core"``. Usually written as a mark:
    ``@pytest.mark.needs("avr-g++")``.
    """
    missing = [name for name in names if not _is_here(name)]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (and CI must have it)")
    pytest.skip(reason)


def _is_here(name: str) -> bool:
    if name == "simavr":
        return simavr.find() is not None
    if name == "avr8js":
        return avr8js.describe() is not None
    if name == "arduino-core":
        return tools.find_arduino_core() is not None
    known = {tool.name: tool for tool in tools.TOOLS}
    if name in known:
        return known[name].find() is not None
    return shutil.which(name) is not None or find_spec(name) is not None


@pytest.fixture(scope="session")
def digits():
    """Every fourth row of scikit-learn's digits: X, y."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X[::4], y[::4]


@pytest.fixture(scope="session")
def fitted_bonsai(digits):
    """A quickly trained classifier with string labels."""
    X, y = digits
    return edgealgos.BonsaiClassifier(**QUICK, class_weight="balanced").fit(X, np.array([f"digit {d}" for d in y]))


@pytest.fixture(scope="session")
def fitted_regressor(digits):
    """A quickly trained regressor."""
    X, y = digits
    return edgealgos.BonsaiRegressor(**QUICK).fit(X, y.astype(float))
