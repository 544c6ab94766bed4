"""What bad input gets: a clear error or the documented behaviour, never a traceback from inside a library."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import edgealgos as ea
from edgealgos.features import LogMel

pytestmark = pytest.mark.slow

QUICK = {"epochs": 3, "random_state": 0}
FLAT = [ea.BonsaiClassifier, ea.ProtoNNClassifier, ea.BoostedTreesClassifier]
SEQUENCES = [ea.FastGRNNClassifier, ea.FastRNNClassifier]
REGRESSORS = [ea.BonsaiRegressor, ea.ProtoNNRegressor, ea.BoostedTreesRegressor, ea.FastGRNNRegressor]
ALL = [*FLAT, *SEQUENCES, *REGRESSORS]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    return X, (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(kind, bad, data):
    X, y = data
    X[3, 2] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        kind(**QUICK).fit(X, y)


@pytest.mark.parametrize("kind", ALL)
def test_values_beyond_what_a_float_holds(kind, data):
    X, y = data
    X[3, 2] = 1e35
    with pytest.raises(ValueError, match=r"feature 2 reaches 1e\+35"):
        kind(**QUICK).fit(X, y)


@pytest.mark.parametrize("kind", [ea.FastGRNNClassifier, ea.GRUClassifier, ea.ConvNetClassifier])
def test_no_sequence_at_all(kind, data):
    X = np.tile(data[0][:, None], (1, 5, 1))
    model = kind(epochs=1, random_state=0).fit(X, data[1])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        model.predict(X[:0])


@pytest.mark.parametrize("kind", ALL)
def test_unfitted(kind, data):
    model = kind()
    for act in (lambda: model.predict(data[0]), model.to_program, lambda: ea.compile_model(model),
                lambda: model.export_arduino("never"), lambda: ea.save(model, "never")):  # fmt: skip
        with pytest.raises(NotFittedError):
            act()


def test_wrong_feature_count(fitted_bonsai, digits):
    with pytest.raises(ValueError, match="63 features, but BonsaiClassifier is expecting 64"):
        fitted_bonsai.predict(digits[0][:, :63])


@pytest.mark.parametrize("kind", [*FLAT, *SEQUENCES])
def test_one_class_only(kind, data):
    with pytest.raises(ValueError, match="one class only: 1"):
        kind(**QUICK).fit(data[0], np.ones(60, int))


@pytest.mark.parametrize("kind", ALL)
def test_a_budget_that_nothing_meets_names_the_least_that_works(kind, data):
    X, y = data
    with pytest.raises(ValueError, match=r"2.* too small") as info:
        kind(max_model_bytes=2, **QUICK).fit(X, y)
    least = int(re.search(r"the least that works is max_model_bytes=(\d+)", str(info.value))[1])
    assert kind(max_model_bytes=least, **QUICK).fit(X, y).model_bytes_ <= least
    with pytest.raises(ValueError, match=f"the least that works is max_model_bytes={least}$"):
        kind(max_model_bytes=least - 1, **QUICK).fit(X, y)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("budget", [150, 2048])
def test_the_budget_is_kept(kind, budget):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 40)), rng.integers(3, size=200)
    try:
        model = kind(max_model_bytes=budget, **QUICK).fit(X, y)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = None
        assert model.model_bytes_ <= budget
        assert model.model_bytes_ == ea.compile_model(model).report.model_bytes
    assert refusal is None or "the least that works" in refusal


@pytest.mark.parametrize("kind", ALL)
def test_constant_and_missing_variation(kind, data):
    X, y = data
    X[:, 1] = 7.0
    assert np.isfinite(kind(**QUICK).fit(X, y).predict(X).astype(float)).all()
    X[:] = 7.0
    assert np.isfinite(kind(**QUICK).fit(X, y).predict(X).astype(float)).all()


@pytest.mark.parametrize("kind", REGRESSORS)
def test_a_constant_target_is_learned(kind, data):
    prediction = kind(**QUICK).fit(data[0], np.full(60, 41.5)).predict(data[0])
    np.testing.assert_allclose(prediction, 41.5, atol=1.0)


@pytest.mark.parametrize("kind", ALL)
def test_fewer_rows_than_anything_else(kind):
    X, y = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1])
    assert kind(**QUICK).fit(X, y).predict(X).shape == (3,)


def test_fewer_rows_than_prototypes(data):
    X, y = data[0][:10], data[1][:10]
    assert ea.ProtoNNClassifier(n_prototypes=30, **QUICK).fit(X, y).weights_["B"].shape[0] == 30


def test_inputs_outside_the_calibrated_range_saturate(fitted_bonsai, digits):
    X = digits[0][:4] * 1e6
    compiled = ea.compile_model(fitted_bonsai)
    assert compiled.saturated(X) > 0
    assert compiled.predict(X).shape == (4,)
    assert np.abs(compiled.quantize(X)).max() <= 8


def test_predict_saturates_inputs_as_the_device_does():
    """A linear part would go on: a number for missing values 300 deviations below gave R2 = -176, the device's .87."""
    X = np.random.default_rng(0).normal(size=(300, 3))
    y = X @ [1.0, -2.0, 0.5]
    X[np.random.default_rng(1).uniform(size=X.shape) < 0.05] = -999
    with pytest.warns(UserWarning, match="saturate on the device"):
        model = ea.BoostedTreesRegressor(random_state=0).fit(X, y)
    far = np.vstack([X, -1e5 * X])
    assert model.predict(far) == pytest.approx(ea.compile_model(model).predict(far), abs=1)  # cuts, rounded


@pytest.mark.parametrize(("name", "value", "message"), [
    ("epochs", 0, "of at least 1 or None. Got 0"),
    ("epochs", 2.5, "an integer"),
    ("epochs", True, "an integer"),
    ("batch_size", -1, "an integer of at least 1 or None"),
    ("learning_rate", 0.0, "a number greater than 0"),
    ("learning_rate", float("nan"), "a number"),
    ("bits", 7, "one of 'auto', 3, 4, 5, 6, 8, 16, 'mixed', 'kmeans16'"),
    ("max_model_bytes", "2048", "an integer"),
    ("random_state", -1, "an integer from 0"),
    ("class_weight", "even", "one of 'balanced'"),
    ("depth", 7, "an integer from 0 to 6"),
    ("sigma", 0, "greater than 0"),
])  # fmt: skip
def test_parameters(name, value, message, data):
    with pytest.raises(ValueError, match=re.escape(message)) as info:
        ea.BonsaiClassifier(**{name: value}).fit(*data)
    assert str(info.value).startswith(f"The {name!r} parameter of BonsaiClassifier must be")


@pytest.mark.parametrize("value", [np.int64(9), np.float32(4.5), np.str_("even"), np.float64("nan"), np.bool_(True)])
@pytest.mark.parametrize("name", ["bits", "epochs", "depth", "max_model_bytes", "max_cycles"])
def test_parameters_that_are_scalars_of_numpy_are_named_as_people_write_them(name, value, data):
    if name == "bits" or value != 9:
        with pytest.raises(ValueError, match=re.escape(f"Got {value.item()!r} instead.")):
            ea.BonsaiClassifier(**{name: value}).fit(*data)


@pytest.mark.parametrize("kind", [*REGRESSORS, ea.AutoRegressor, ea.AutoClassifier, ea.BonsaiClassifier])
def test_words_where_numbers_belong_are_named_as_people_write_them(kind, data):
    X, words = data[0], np.array(["apple", "banana"])[data[1]]
    calls = [lambda: kind().fit(np.c_[X.astype(str), words], data[1])]
    if "Regressor" in kind.__name__:
        calls += [lambda: kind().fit(X, words), lambda: kind().fit(X, words.astype(object))]
    for call in calls:
        with pytest.raises(ValueError, match=r"'(apple|banana)'") as error:
            call()
        assert "np." not in str(error.value)


def test_words_that_are_asked_about_are_named_as_people_write_them(fitted_bonsai, digits):
    X = np.where(digits[0] == digits[0][0, 3], "banana", digits[0].astype(str))
    for ask in (fitted_bonsai.predict, ea.compile_model(fitted_bonsai).predict, LogMel().fit_transform):
        with pytest.raises(ValueError, match=r"'banana'|numeric") as error:
            ask(X)
        assert "np." not in str(error.value)


@pytest.mark.parametrize(("weights", "says"), [
    ({0: -1, 1: 1}, "class_weight of 0 must be a number of at least 0, got -1"),
    ({0: np.nan, 1: 1}, "class_weight of 0 must be"),
    ({0: 1, 1: np.inf}, "class_weight of 1 must be"),
    ({0: "heavy", 1: 1}, "class_weight of 0 must be"),
    ({0: None, 1: 1}, "class_weight of 0 must be"),
    ({0: 0, 1: 0}, "class_weight leaves no row a weight"),
])  # fmt: skip
@pytest.mark.parametrize("kind", [*FLAT, *SEQUENCES])
def test_weights_that_no_class_can_have_are_refused_by_class(kind, weights, says, data):
    with pytest.raises(ValueError, match=re.escape(says)):
        kind(class_weight=weights, **QUICK).fit(*data)


def test_sample_weights(data):
    X, y = data
    model = ea.BonsaiClassifier(**QUICK)
    with pytest.raises(ValueError, match="negative; row 1"):
        model.fit(X, y, sample_weight=[1, -1] + [1] * 58)
    with pytest.raises(ValueError, match="all are zero"):
        model.fit(X, y, sample_weight=np.zeros(60))
    with pytest.raises(ValueError, match="expected"):
        model.fit(X, y, sample_weight=np.ones(3))


def test_rows_of_weight_zero_are_as_if_absent(data):
    X, y = data
    spoiled = np.vstack([X, np.full((1, 4), 500.0)])
    model = ea.BonsaiClassifier(**QUICK)
    first = model.fit(X, y).decision_function(X)
    second = model.fit(spoiled, np.append(y, 1), sample_weight=[1] * 60 + [0]).decision_function(X)
    np.testing.assert_array_equal(first, second)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_more_classes_than_a_byte_counts():
    with pytest.raises(ValueError, match="at most 255 classes, got 300"):
        ea.BonsaiClassifier(**QUICK).fit(np.arange(300.0).reshape(-1, 1), np.arange(300))


@pytest.mark.parametrize("kind", FLAT)
def test_a_table_of_one_row_a_class_is_learned(kind):
    model = kind(**QUICK).fit(np.eye(6), list("abcdef"))
    assert set(model.predict(np.eye(6))) <= set("abcdef")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_a_thousand_features_and_a_hundred_classes_keep_the_budget():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 1000)), np.arange(200) % 100
    model = ea.BoostedTreesClassifier(max_model_bytes=4096, n_estimators=1, max_depth=1, random_state=0).fit(X, y)
    assert model.model_bytes_ <= 4096
    assert len(model.classes_) == 100


MIXED = {
    "numbers and text": ([1, "a"], "1 (row 0, a number), 'a' (row 1, text)"),
    "text and nothing": (["a", None], "'a' (row 0, text), None (row 1, NoneType)"),
    "truth and text": ([True, "yes"], "True (row 0, a number), 'yes' (row 1, text)"),
    "numbers and lists": ([1, [2]], "1 (row 0, a number), [2] (row 1, list)"),
    "text and numbers of NumPy": (["a", np.float32(0.5)], "'a' (row 0, text), np.float32(0.5) (row 1, a number)"),
}


@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize("what", MIXED)
def test_labels_of_several_kinds_are_named_with_their_rows(kind, what, data):
    X, _ = data
    labels, told = MIXED[what]
    y = np.empty(len(X), dtype=object)
    y[:] = [*labels] * (len(X) // 2)
    with pytest.raises(ValueError, match=r"several kinds: .* make one of them") as error:
        kind(**QUICK).fit(X, y)
    assert told in str(error.value)


def test_labels_that_are_bytes_are_to_be_decoded(data):
    X, y = data
    with pytest.raises(ValueError, match=r"labels are bytes, such as b'[ab]': make text"):
        ea.BonsaiClassifier(**QUICK).fit(X, np.array([b"a", b"b"])[y])


def test_rows_that_come_again_with_another_label_are_learned_as_a_coin(data):
    X = np.concatenate([data[0], data[0]])
    model = ea.BoostedTreesClassifier(**QUICK).fit(X, np.repeat([0, 1], 60))
    assert np.isfinite(model.predict_proba(X)).all()
    assert 0.3 < model.predict_proba(X).mean(axis=0)[0] < 0.7


# ---- sequences -------------------------------------------------------------------------------------------------------


def test_columns_that_make_no_whole_steps(data):
    with pytest.raises(ValueError, match="step_size could be 1, 2, 4"):
        ea.FastGRNNClassifier(step_size=3, **QUICK).fit(*data)


def test_sequences_in_both_shapes_are_one(data):
    X, y = data
    flat = ea.FastGRNNClassifier(step_size=2, **QUICK).fit(X, y)
    cube = ea.FastGRNNClassifier(**QUICK).fit(X.reshape(60, 2, 2), y)
    assert (flat.n_features_in_, flat.n_steps_, flat.n_step_features_) == (4, 2, 2)
    assert cube.n_features_in_ == 4
    np.testing.assert_array_equal(flat.decision_function(X), cube.decision_function(X.reshape(60, 2, 2)))


def test_sequences_with_an_axis_of_channels_are_refused_with_the_three_axes_that_they_have():
    pictures, y = np.random.default_rng(0).normal(size=(40, 6, 5, 2)), np.arange(40) % 2
    with pytest.raises(ValueError, match=r"4 axes, \(40, 6, 5, 2\).*three.*X.reshape\(40, 6, -1\)"):
        ea.FastGRNNClassifier(epochs=1).fit(pictures, y)
    model = ea.FastGRNNClassifier(epochs=1).fit(pictures.reshape(40, 6, -1), y)
    with pytest.raises(ValueError, match="4 axes"):
        model.predict(pictures)


def test_sequences_of_another_shape(data):
    X, y = data
    model = ea.FastGRNNClassifier(step_size=2, **QUICK).fit(X, y)
    with pytest.raises(ValueError, match=r"4 time steps of 1 features, but .* fitted on 2 time steps of 2 features"):
        model.predict(X.reshape(60, 4, 1))
    with pytest.raises(ValueError, match="3 features"):
        model.predict(X[:, :3])
