"""Every estimator against scikit-learn's own checks."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import edgealgos

# Small structures and few epochs: the checks ask for manners, not for the last point of accuracy.
QUICK = {"max_model_bytes": None, "epochs": 15, "random_state": 0}
TREE = {"depth": 1, "projection_dim": 4}
PROTOTYPES = {"n_prototypes": 12, "projection_dim": 4, "epochs": 30, "learning_rate": 0.05}
CELL = {"hidden_size": 6, "epochs": 60}
REGRESSION_CELL = {"hidden_size": 16, "epochs": 60, "learning_rate": 0.03, "batch_size": 16}
ESTIMATORS = [
    edgealgos.BonsaiClassifier(**QUICK, **TREE),
    edgealgos.BonsaiRegressor(**QUICK, **TREE),
    edgealgos.ProtoNNClassifier(**QUICK | PROTOTYPES),
    edgealgos.ProtoNNRegressor(**QUICK | PROTOTYPES),
    edgealgos.BoostedTreesClassifier(**QUICK),
    edgealgos.BoostedTreesRegressor(**QUICK),
    edgealgos.FastGRNNClassifier(**QUICK | CELL),
    edgealgos.FastGRNNRegressor(**QUICK | REGRESSION_CELL),
    edgealgos.FastRNNClassifier(**QUICK | CELL),
]


def cannot_apply(estimator):
    """Checks that do not apply, with the reason."""
    reason = (
        "mini-batches are drawn by row: a row of weight 2 and the same row twice give equally good, not equal models "
        "(so do scikit-learn's own MLP and SGD estimators)"
    )
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
    }


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=cannot_apply)
def test_scikit_learn_check(estimator, check):
    check(estimator)


DEFAULTS = [type(estimator)() for estimator in ESTIMATORS]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(DEFAULTS, expected_failed_checks=cannot_apply)
def test_scikit_learn_check_of_the_defaults(estimator, check):
    check(estimator)
