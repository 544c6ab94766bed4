"""scikit-learn's own models: the device answers as the twin bit for bit, and both as scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn import linear_model as lm
from sklearn.cluster import AffinityPropagation, FeatureAgglomeration, KMeans, MeanShift, MiniBatchKMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.covariance import EllipticEnvelope
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, IncrementalPCA, SparsePCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestCentroid,
    NeighborhoodComponentsAnalysis,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, OneClassSVM

import edgealgos as ea
from edgealgos.codegen.lowering.sklearn import models, transformers_known

pytestmark = pytest.mark.slow

CLASSIFIERS = {
    "logistic": lm.LogisticRegression(max_iter=2000),
    "ridge": lm.RidgeClassifier(),
    "sgd": make_pipeline(StandardScaler(), lm.SGDClassifier(random_state=0)),
    "perceptron": make_pipeline(MinMaxScaler(), lm.Perceptron(random_state=0)),
    "svc": make_pipeline(StandardScaler(), LinearSVC(random_state=0)),
    "discriminant": LinearDiscriminantAnalysis(),
    "one against the rest": OneVsRestClassifier(lm.LogisticRegression(max_iter=2000)),
    "multinomial": MultinomialNB(),
    "complement": ComplementNB(),
    "centroid": NearestCentroid(),
    "centroid, standardised": make_pipeline(StandardScaler(), NearestCentroid()),
    "clusters": KMeans(6, n_init=2, random_state=0),
    "clusters of batches": MiniBatchKMeans(6, n_init=2, random_state=0),
    "principal components": make_pipeline(StandardScaler(), PCA(5), lm.LogisticRegression()),
    "whitened components": make_pipeline(PCA(5, whiten=True), lm.LogisticRegression()),
    "singular vectors": make_pipeline(TruncatedSVD(5, random_state=0), lm.LogisticRegression(max_iter=2000)),
    "selection": make_pipeline(VarianceThreshold(), SelectKBest(k=6), RobustScaler(), lm.LogisticRegression()),
    "projection on classes": make_pipeline(LinearDiscriminantAnalysis(), lm.LogisticRegression()),
    "imputer": make_pipeline(SimpleImputer(), FunctionTransformer(None), MaxAbsScaler(), lm.LogisticRegression()),
    "machine": SVC(),
    "machine of powers": make_pipeline(StandardScaler(), SVC(kernel="poly", coef0=1.0)),
    "machine behind components": make_pipeline(StandardScaler(), PCA(5), SVC()),
    "linear machine": make_pipeline(StandardScaler(), NuSVC(nu=0.05, kernel="linear")),
    "neighbours": KNeighborsClassifier(3),
    "near neighbours": KNeighborsClassifier(weights="distance"),
    "normal": GaussianNB(),
    "normal components": make_pipeline(StandardScaler(), PCA(5), GaussianNB()),
    "quadratic": make_pipeline(StandardScaler(), QuadraticDiscriminantAnalysis(reg_param=0.1)),
    "columns": make_pipeline(
        ColumnTransformer(
            [("a", StandardScaler(), [0, 1, 2]), ("b", make_pipeline(MinMaxScaler(), PCA(1)), slice(3, 4))],
            remainder="passthrough",
        ),
        lm.LogisticRegression(max_iter=3000),
    ),
    "nested": make_pipeline(make_pipeline(StandardScaler(), PCA(6)), make_pipeline("passthrough", LinearSVC())),
    "search": GridSearchCV(make_pipeline(StandardScaler(), LinearSVC()), {"linearsvc__C": [0.1, 1.0]}, cv=2),
}
DATA = {name: getattr(datasets, f"load_{name}") for name in ("digits", "breast_cancer", "wine", "iris")}


def split(name):
    X, y = DATA[name](return_X_y=True)
    return train_test_split(X, y, random_state=0, stratify=y)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", ["digits", "breast_cancer", "wine"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_model_answers_as_in_scikit_learn(kind, data):
    X, X_test, y, _ = split(data)
    model = CLASSIFIERS[kind]
    model.fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X)
    differing = np.count_nonzero(compiled.predict(X_test) != model.predict(X_test))
    assert differing <= max(1, 0.005 * len(X_test))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("logistic", "digits"),
        ("discriminant", "breast_cancer"),
        ("search", "wine"),
        ("machine", "wine"),
        ("machine behind components", "wine"),
        ("neighbours", "iris"),
        ("near neighbours", "iris"),
        ("normal", "digits"),
        ("quadratic", "wine"),
    ],
)
def test_a_model_runs_on_the_board_as_in_the_twin(kind, data):
    X, X_test, y, _ = split(data)
    compiled = ea.compile_model(CLASSIFIERS[kind].fit(X, y), X_calibration=X)
    ran = compiled.simulate(X_test[:20])
    assert np.array_equal(ran.scores, compiled.scores(X_test[:20]))
    assert np.array_equal(ran.labels, compiled.predict(X_test[:20]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "model",
    [lm.LinearRegression(), lm.Ridge(), lm.Lasso(0.1), lm.ElasticNet(0.01), lm.BayesianRidge(), lm.HuberRegressor(),
     make_pipeline(StandardScaler(), LinearSVR(max_iter=5000, random_state=0)), PLSRegression(3),
     make_pipeline(StandardScaler(), lm.SGDRegressor(random_state=0)),
     make_pipeline(StandardScaler(), SVR(C=50)), KNeighborsRegressor(), KNeighborsRegressor(weights="distance"),
     TransformedTargetRegressor(lm.Ridge(), transformer=StandardScaler()), FrozenEstimator(lm.Ridge())],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_a_linear_regressor_answers_as_in_scikit_learn(model):
    X, y = datasets.load_diabetes(return_X_y=True)
    if isinstance(model, FrozenEstimator):
        model.estimator.fit(X, y)
    model.fit(X, y)
    device = ea.compile_model(model, X_calibration=X).predict(X)
    expected = np.ravel(model.predict(X))
    assert np.abs(device - expected).max() < 0.02 * np.ptp(expected)


OTHERS = {
    "factors": make_pipeline(StandardScaler(), FactorAnalysis(4), lm.LogisticRegression()),
    "independent components": make_pipeline(StandardScaler(), FastICA(4, random_state=0), lm.LogisticRegression()),
    "components of batches": make_pipeline(StandardScaler(), IncrementalPCA(4), lm.LogisticRegression()),
    "sparse components": make_pipeline(StandardScaler(), SparsePCA(2, tol=0.1), lm.LogisticRegression()),
    "random directions": make_pipeline(
        StandardScaler(), GaussianRandomProjection(6, random_state=0), lm.LogisticRegression()
    ),
    "few random directions": make_pipeline(
        StandardScaler(), SparseRandomProjection(6, random_state=0), lm.LogisticRegression()
    ),
    "means of features": make_pipeline(StandardScaler(), FeatureAgglomeration(5), lm.LogisticRegression()),
    "neighbourhoods": make_pipeline(
        StandardScaler(), NeighborhoodComponentsAnalysis(3, max_iter=10, random_state=0), KNeighborsClassifier()
    ),
    "union": make_pipeline(
        FeatureUnion([("a", StandardScaler()), ("b", PCA(2)), ("c", "passthrough")], transformer_weights={"b": 0.1}),
        StandardScaler(), lm.LogisticRegression(),
    ),
    "shifted means": make_pipeline(StandardScaler(), MeanShift(bandwidth=3.0, bin_seeding=True)),
    "exemplars": make_pipeline(StandardScaler(), AffinityPropagation(preference=-80, random_state=0)),
    "novelties": make_pipeline(StandardScaler(), lm.SGDOneClassSVM(nu=0.1, random_state=0)),
    "own labels": SelfTrainingClassifier(make_pipeline(StandardScaler(), lm.LogisticRegression())),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:y contains no unlabeled samples")
@pytest.mark.parametrize("kind", OTHERS)
def test_rarer_kinds_answer_as_in_scikit_learn(kind):
    X, X_test, y, _ = split("wine")
    model = OTHERS[kind].fit(X, y)
    compiled = ea.compile_model(model, "host", X_calibration=X)
    assert np.count_nonzero(compiled.predict(X_test) != model.predict(X_test)) <= 1


def test_a_regressor_of_inliers_is_the_one_inside():
    X, y = datasets.load_diabetes(return_X_y=True)
    model = lm.RANSACRegressor(random_state=0).fit(X, y)
    assert np.abs(ea.compile_model(model, "host", X_calibration=X).predict(X) - model.predict(X)).max() < 4


@pytest.mark.parametrize("model", [OneClassSVM(nu=0.1), EllipticEnvelope(random_state=0)], ids=["machine", "envelope"])
def test_novelties_are_those_of_scikit_learn(model):
    X, X_test, _, _ = split("digits")
    model = make_pipeline(StandardScaler(), PCA(6), model).fit(X)
    compiled = ea.compile_model(model, X_calibration=X)
    assert (compiled.predict(X_test) == model.predict(X_test)).mean() >= 0.99


@pytest.mark.parametrize(
    ("model", "said"),
    [(SVC(kernel="sigmoid"), "'rbf'"), (SVC(kernel=lambda a, b: a @ b.T), "'rbf'"), (SVC(break_ties=True), "leave it"),
     (KNeighborsClassifier(weights=lambda d: 1 / (1 + d)), "no board has"),
     (KNeighborsClassifier(metric="manhattan"), "'euclidean'")],
    ids=["kernel", "callable", "ties", "weights", "metric"],
)  # fmt: skip
def test_what_no_op_computes_is_refused_by_name(model, said):
    X, y = datasets.load_iris(return_X_y=True)
    with pytest.raises(ea.UnsupportedModelError, match=said):
        ea.compile_model(model.fit(X, y), X_calibration=X)


@pytest.mark.parametrize("model", [lm.RidgeClassifier(), KNeighborsClassifier()], ids=["ridge", "neighbours"])
def test_several_labels_a_sample_are_refused(model):
    X, y = datasets.load_iris(return_X_y=True)
    with pytest.raises(ea.UnsupportedModelError, match="several labels a sample"):
        ea.compile_model(model.fit(X, np.c_[y > 0, y > 1]), X_calibration=X)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "model", [MLPClassifier((3,), max_iter=5), GaussianNB(), lm.RidgeClassifier(), KNeighborsClassifier(1)],
    ids=["network", "densities", "linear", "neighbours"],
)  # fmt: skip
def test_models_of_one_class_are_refused(model):
    X = np.random.default_rng(0).normal(size=(30, 3))
    with pytest.raises(ea.UnsupportedModelError, match=r"answers every row alike, 'it': .*two classes"):
        ea.compile_model(model.fit(X, ["it"] * 30), X_calibration=X)


@pytest.mark.filterwarnings("ignore")
def test_densities_of_what_does_not_vary_are_refused_by_name():
    X = np.full((30, 3), 3.5)
    with pytest.raises(ea.UnsupportedModelError, match="feature 0 does not vary"):
        ea.compile_model(GaussianNB().fit(X, np.arange(30) % 2), X_calibration=X)


def test_bits_are_told_by_a_naive_bayes_model():
    X, y = datasets.load_digits(return_X_y=True)
    model = BernoulliNB().fit(X > 7, y)
    rows = (X > 7).astype(float)
    assert (ea.compile_model(model, X_calibration=rows).predict(rows) == model.predict(rows)).mean() > 0.995


def test_text_labels_stay_text():
    X, y = datasets.load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = lm.LogisticRegression(max_iter=500).fit(X, names)
    assert (ea.compile_model(model, X_calibration=X).predict(X) == model.predict(X)).mean() > 0.98


def test_ranges_are_asked_for_where_a_model_holds_none():
    X, y = datasets.load_iris(return_X_y=True)
    with pytest.raises(ea.UnsupportedModelError, match="X_calibration=X_train"):
        ea.compile_model(lm.LogisticRegression(max_iter=500).fit(X, y))


@pytest.mark.needs("g++")
@pytest.mark.parametrize(("count", "told"), [(1, True), (9, True), (10, False), (200, False)])
def test_few_calibration_rows_are_told(count, told):
    X, y = datasets.load_wine(return_X_y=True)
    X = X[np.random.default_rng(0).permutation(len(X))]
    model = lm.Ridge().fit(X, y)
    report = ea.compile_model(model, board="uno", X_calibration=X[:count]).report
    assert any(f"{count} calibration rows" in warning for warning in report.warnings) == told


@pytest.mark.parametrize("largest", [1e9, 1e15])
def test_layers_whose_sums_nothing_holds_are_refused_by_name(largest):
    X, y = datasets.load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = MLPClassifier((4,), solver="lbfgs", max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    model.intercepts_[0] += largest
    with pytest.raises(ValueError, match="MLPClassifier: the products of its coefficients need more than 32 bits"):
        ea.compile_model(model, board="uno", X_calibration=X)


def test_our_own_models_compile_behind_selections_and_projections(tmp_path):
    X, y = datasets.load_wine(return_X_y=True)
    X, y = X[::2], y[::2]  # few rows: nothing is tried
    ours = ea.ProtoNNClassifier(projection_dim=4, n_prototypes=6, bits=8, epochs=5, random_state=0)
    selected = make_pipeline(SelectKBest(k=5), StandardScaler(), ours).fit(X, y)
    projected = make_pipeline(StandardScaler(), PCA(5), ours).fit(X, y)
    for model, rows in ((selected, None), (projected, X)):
        compiled = ea.compile_model(model, "host", X_calibration=rows)
        assert (compiled.predict(X) == model.predict(X)).mean() >= 0.95
        assert np.array_equal(compiled.simulate(X[:20]).scores, compiled.scores(X[:20]))
    with pytest.raises(ea.UnsupportedModelError, match="X_calibration"):
        ea.compile_model(projected)


def test_an_unfitted_model_is_refused():
    with pytest.raises(ValueError, match="not fitted"):
        ea.compile_model(lm.LogisticRegression(), X_calibration=[[0.0], [1.0]])


def test_a_model_of_another_kind_is_refused_with_the_way_that_works():
    X, y = datasets.load_iris(return_X_y=True)
    with pytest.raises(ea.UnsupportedModelError, match=r"GaussianProcess.*LogisticRegression.*teacher=model"):
        ea.compile_model(GaussianProcessClassifier().fit(X, y), X_calibration=X)


def test_a_step_of_another_kind_is_refused_by_name():
    X, y = datasets.load_iris(return_X_y=True)
    model = make_pipeline(PowerTransformer(), lm.LogisticRegression(max_iter=1000)).fit(X, y)
    with pytest.raises(ea.UnsupportedModelError, match=r"powertransformer.*StandardScaler"):
        ea.compile_model(model, X_calibration=X)


def test_the_kinds_that_compile_are_listed():
    assert {"LogisticRegression", "KMeans", "PLSRegression"} < set(models())
    assert {"PCA", "SelectKBest", "StandardScaler"} < set(transformers_known())


@pytest.mark.filterwarnings("ignore:.*PassiveAggressive")
@pytest.mark.skipif(not hasattr(lm, "PassiveAggressiveClassifier"), reason="this version of scikit-learn has none")
def test_passive_aggressive_models_are_linear_ones():
    X, y = datasets.load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), lm.PassiveAggressiveClassifier(random_state=0)).fit(X[:1200], y[:1200])
    compiled = ea.compile_model(model, X_calibration=X[:1200])
    assert np.mean(compiled.predict(X[1200:]) == model.predict(X[1200:])) >= 0.995
