"""Every estimator against scikit-learn's own checks."""

from __future__ import annotations

import os

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import edgealgos

pytestmark = pytest.mark.slow

# Small structures and few epochs: the checks ask for manners, not for the last point of accuracy.
QUICK = {"max_model_bytes": None, "epochs": 15, "random_state": 0}
TREE = {"depth": 1, "projection_dim": 4}
PROTOTYPES = {"n_prototypes": 12, "projection_dim": 4, "epochs": 30, "learning_rate": 0.05}
NET = {"layers": "full:12", "learning_rate": 0.03}
CELL = {"hidden_size": 4, "epochs": 20, "learning_rate": 0.1, "batch_size": 64}
REGRESSION_CELL = {"hidden_size": 16, "epochs": 40, "learning_rate": 0.1, "batch_size": 64}
ESTIMATORS = [
    edgealgos.BonsaiClassifier(**QUICK, **TREE),
    edgealgos.BonsaiRegressor(**QUICK, **TREE),
    edgealgos.ProtoNNClassifier(**QUICK | PROTOTYPES),
    edgealgos.ProtoNNRegressor(**QUICK | PROTOTYPES),
    edgealgos.BoostedTreesClassifier(**QUICK),
    edgealgos.BoostedTreesRegressor(**QUICK),
    edgealgos.ConvNetClassifier(**QUICK | NET),
    edgealgos.ConvNetRegressor(**QUICK | NET),
    edgealgos.FastGRNNClassifier(**QUICK | CELL),
    edgealgos.FastGRNNRegressor(**QUICK | REGRESSION_CELL),
    edgealgos.FastRNNClassifier(**QUICK | CELL),
    edgealgos.GRUClassifier(**QUICK | CELL | {"epochs": 8}),
]
# So simple a family is tried to its end in a part of a second: what comes of it does not depend on time.
SEARCHES = [
    kind(families="linear", time_limit=60, random_state=0)
    for kind in (edgealgos.AutoClassifier, edgealgos.AutoRegressor)
]
CHOOSING = (
    edgealgos.BoostedTreesClassifier,
    edgealgos.BoostedTreesRegressor,
    edgealgos.AutoClassifier,
    edgealgos.AutoRegressor,
)


def cannot_apply(estimator):
    """Checks that do not apply, with the reason."""
    drawn = "rows to choose settings by" if isinstance(estimator, CHOOSING) else "mini-batches"
    reason = (
        f"{drawn} are drawn by row: a row of weight 2 and the same row twice give equally good, not equal models "
        "(so do scikit-learn's own MLP and SGD estimators)"
    )
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
    }


def listed(decorator):
    """The same mark with a list: scikit-learn before 1.8 gives a generator, which pytest 9 refuses.

    What is expected to fail is not run: it says nothing, and takes half a minute.
    """
    (names, values), options = decorator.args, decorator.kwargs
    return pytest.mark.parametrize(names, [not_run(case) for case in values if wanted(case)], **options)


# With the defaults a training takes as long as it needs, and all the checks an hour: EDGEALGOS_ALL_CHECKS=1 runs them.
ALL_CHECKS = bool(os.environ.get("EDGEALGOS_ALL_CHECKS"))
AT_THE_EDGE = {
    "check_classifiers_one_label", "check_classifiers_one_label_sample_weights", "check_complex_data",
    "check_do_not_raise_errors_in_init_or_set_param", "check_estimators_empty_data_messages", "check_fit1d",
    "check_fit2d_1feature", "check_fit2d_1sample", "check_get_params_invariance", "check_mixin_order",
    "check_no_attributes_set_in_init", "check_parameters_default_constructible", "check_regressors_int",
    "check_set_params", "check_supervised_y_no_nan",
}  # fmt: skip
# They differ by a cell or a target alone from one that passes every check: what is at the edge, and what that decides.
ALIKE = (
    edgealgos.FastRNNClassifier, edgealgos.GRUClassifier, edgealgos.BonsaiRegressor, edgealgos.ConvNetRegressor,
    edgealgos.FastGRNNRegressor,
)  # fmt: skip
OF_WHAT_DIFFERS = AT_THE_EDGE | {
    "check_classifiers_train", "check_regressors_train", "check_fit_idempotent", "check_estimators_pickle",
    "check_methods_subset_invariance", "check_estimators_overwrite_params", "check_dict_unchanged",
    "check_decision_proba_consistency", "check_sample_weights_list",
}  # fmt: skip


def check_name(check):
    return getattr(check, "func", check).__name__


def wanted(case):
    """Whether to run what nothing else runs, or everything is asked for."""
    estimator, check = getattr(case, "values", case)
    return ALL_CHECKS or not isinstance(estimator, ALIKE) or check_name(check) in OF_WHAT_DIFFERS


def not_run(case):
    """A case that is expected to fail, not to be run; others as they are."""
    if not getattr(case, "marks", ()):
        return case
    return pytest.param(*case.values, marks=pytest.mark.xfail(run=False, reason=case.marks[0].kwargs["reason"]))


@pytest.mark.filterwarnings("ignore")
@listed(parametrize_with_checks([*ESTIMATORS, *SEARCHES], expected_failed_checks=cannot_apply))
def test_scikit_learn_check(estimator, check):
    check(estimator)


DEFAULTS = [type(estimator)() for estimator in ESTIMATORS]


def checks_of_the_defaults():
    """Estimator and check, those at the edge or all."""
    for estimator in DEFAULTS:
        for made, check in estimator_checks_generator(estimator):
            name = check_name(check)
            if name in AT_THE_EDGE or (ALL_CHECKS and name not in cannot_apply(made)):
                yield pytest.param(made, check, id=f"{type(made).__name__}-{name}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), list(checks_of_the_defaults()))
def test_scikit_learn_check_of_the_defaults(estimator, check):
    check(estimator)
