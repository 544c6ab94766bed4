"""Convolutional estimators: what they take and refuse, budgets, the device's rounding in training, files, the Uno."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import edgealgos as ea
from edgealgos import ConvNetClassifier, ConvNetRegressor, compile_model
from edgealgos.augment import ImageShift
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import Space
from edgealgos.codegen.program.geometry import parse
from edgealgos.codegen.program.interpret import run_integer
from edgealgos.codegen.program.memory import plan_memory
from edgealgos.estimators.model import Choice
from edgealgos.estimators.pictures import picture_of
from edgealgos.features import LogMel
from edgealgos.training.convnet import ConvNet
from edgealgos.training.convnet_structures import ram_of
from edgealgos.training.rounding import Rounding

from .support.equivalence import host_scores

QUICK = {"epochs": 4, "batch_size": 32, "random_state": 0}
LAYERS = "conv3x3/2:5 sep3x3:7 pool2x2"


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300], y[:300]


@pytest.fixture(scope="module")
def model(digits):
    return ConvNetClassifier(image_shape=(8, 8), layers=LAYERS, **QUICK | {"epochs": 40, "learning_rate": 0.02}).fit(
        *digits
    )


def training_scores(model, x_q):
    """What training's own maths makes of device inputs with the stored numbers, rounding as it does."""
    problem = "multiclass" if len(model.classes_) > 2 else "binary"
    outputs = len(model.classes_) if problem == "multiclass" else 1
    family = ConvNet(model.image_shape_, outputs, problem, layers=model.structure_["layers"])
    scales = {name: tf.constant(2.0 ** model.qtypes_[name].frac) for name in model.weights_}
    bits = {name: model.qtypes_[name].bits for name in model.weights_}
    rounding = Rounding(tf.constant(True), scales, bits, tf.constant(1.0))
    weights = {name: tf.constant(value, tf.float32) for name, value in model.weights_.items()}
    x = x_q.reshape(len(x_q), -1) * 2.0**-model.encoding_.qtype.frac
    return family.forward(weights, tf.constant(x, tf.float32), rounding).numpy()


@pytest.mark.parametrize("bits", [4, 8])
def test_training_rounds_as_the_device_does(digits, bits):
    X, y = digits
    model = ConvNetClassifier(image_shape=(8, 8), layers=LAYERS, bits=bits, **QUICK | {"epochs": 1}).fit(X, y)
    program = to_integer(model.to_program())
    x_q = model.encoding_.encode(X.reshape(-1, 8, 8))
    raw = run_integer(program, x_q)
    assert np.array_equal(training_scores(model, x_q), program.output.type.dequantize(raw))


@pytest.mark.parametrize("shape", [(3, 5, 4), (7, 2, 4), (1, 30, 4), (4, 4, 3)])
def test_small_pictures_have_nets_that_lie_in_them(shape):
    from edgealgos.training.convnet_structures import least_bytes_of, nets_for

    assert least_bytes_of(nets_for(shape), shape, 2, "binary", bits=4) < 200


def test_nets_whose_ram_is_full_before_their_bytes_go_on_behind():
    from edgealgos.training.budget import dense_bytes
    from edgealgos.training.convnet_structures import nets_for, stack_of, structure_for_budget, with_channels

    picture = (28, 28, 1)
    for net in nets_for(picture)[:2]:
        made = structure_for_budget(net, picture, 10, "multiclass", bits=8, budget=4608, ram=1200)
        family = ConvNet(picture, 10, "multiclass", layers=made, bits=8)
        assert dense_bytes(family.specs) <= 4608
        assert ram_of(family.shapes, 10) + stack_of(family.shapes) <= 1200
        proportional = [ConvNet(picture, 10, "multiclass", layers=with_channels(net, w), bits=8) for w in range(1, 99)]
        those = [f for f in proportional if ram_of(f.shapes, 10) + stack_of(f.shapes) <= 1200]
        assert dense_bytes(family.specs) > 1.1 * max(dense_bytes(f.specs) for f in those)
    few = structure_for_budget(net, picture, 10, "multiclass", bits=8, budget=1500, ram=None)
    before, _, last = few.rpartition(":")  # bytes alone: in proportion, and what is left in the last layer
    widest = max(
        (made for w in range(1, 99) if (made := with_channels(net, w)).rpartition(":")[0] == before),
        key=lambda made: int(made.rpartition(":")[2]),
    )
    assert int(last) >= int(widest.rpartition(":")[2])
    more = ConvNet(picture, 10, "multiclass", layers=f"{before}:{int(last) + 1}", bits=8)
    assert dense_bytes(more.specs) > 1500


def test_it_learns(digits, model):
    X, y = digits
    assert model.score(X, y) > 0.8
    compiled = ea.compile_model(model)
    assert np.mean(compiled.predict(X) == model.predict(X)) > 0.97
    assert compiled.report.model_bytes == model.model_bytes_ <= 2048


def test_what_normalisation_did_is_folded_into_the_weights():
    family, rng = ConvNet((8, 8, 2), 3, "multiclass", layers="conv3x3:4 pool2x2 sep3x3:5"), np.random.default_rng(0)
    x = rng.random((200, 128)).astype(np.float32)
    params = family.initial(x, np.arange(200) % 3, rng)
    params = {name: values + 0.3 * rng.normal(size=values.shape) for name, values in params.items()}
    scales = dict.fromkeys(params, tf.constant(1.0))

    def scores(values, key):
        rounding = Rounding(tf.constant(False), scales, dict.fromkeys(params, 8), tf.constant(1.0), key)
        return family.forward({name: tf.constant(v, tf.float32) for name, v in values.items()}, x, rounding).numpy()

    in_training = scores(params, tf.constant([0, 0]))
    assert np.allclose(scores(family.settled(params, lambda: x), None), in_training, atol=0.01)
    assert np.abs(scores(params, None) - in_training).max() > 0.1
    scaled, folded = (family.settled(params, lambda: x, fold=fold) for fold in (False, True))
    again = scores(scaled, tf.constant([0, 0]))  # normalised once more, which changes little
    assert np.abs(again - in_training).max() < 0.05 * np.abs(in_training).max()
    assert all(np.array_equal(scaled[name], folded[name]) for name in params if name.endswith("_weights"))
    assert np.array_equal(scaled["layer1_bias"], params["layer1_bias"])


def test_channels_that_say_nothing_do_not_drown_the_others():
    """Brought to the usual deviation after every epoch, they would within a few."""
    family, rng = ConvNet((8, 8, 1), 3, "multiclass", layers="conv3x3:4 sep3x3:5"), np.random.default_rng(0)
    x = rng.random((200, 64)).astype(np.float32)
    params = dict(family.initial(x, np.arange(200) % 3, rng))
    params["layer1_bias"] = np.array([-50.0, 0, 0, 0])  # the first is silent, then, and what listens to it
    for _ in range(10):
        params = dict(family.settled(params, lambda: x, fold=False))
    assert max(np.abs(values).max() for values in params.values()) == 50


def test_a_channel_that_seldom_speaks_does_not_take_the_grid_of_the_others():
    """Scaled to deviation 1 after every epoch its weights grew to 80, and the step of their grid to 4."""
    rng = np.random.default_rng(0)
    net = ConvNet((8, 8, 1), 3, "multiclass", layers="conv3x3:6 dw3x3 pw:6", bits=4)
    rows = rng.normal(size=(300, 64)).astype(np.float32)
    params = net.initial(rows, np.zeros((300, 3)), rng)
    params["layer1_bias"][0] = -3.5
    for _ in range(6):
        params = net.settled(params, lambda: rows, fold=False)
    largest = np.abs(params["layer2_weights"]).max(1)
    assert largest[0] < 4 * np.median(largest)


def test_normalisation_outlasts_the_first_rounding():
    recipe = ConvNet((8, 8, 1), 3, "multiclass", layers="conv3x3:4").recipe.for_rows(1000)
    rounded, folded = ([stage(epoch) for epoch in range(recipe.epochs)] for stage in (recipe.quantized, recipe.folded))
    assert 0.5 * recipe.epochs < sum(rounded) < recipe.epochs
    assert 0 < sum(folded) < 0.2 * recipe.epochs
    assert folded[-1]
    short = recipe.shortened(1 / recipe.epochs)
    assert short.quantized(0)
    assert short.folded(0)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_the_uno_answers_as_python(digits, model):
    compiled = ea.compile_model(model)
    found = compiled.simulate(digits[0][:5])
    assert np.array_equal(found.scores, compiled.scores(digits[0][:5]))
    assert found.ram_peak <= compiled.report.ram_bytes


def test_pictures_of_every_form_are_the_same_rows(digits, model):
    X, _ = digits
    pictures = X.reshape(-1, 8, 8)
    for form in (X, pictures, pictures[..., None]):
        assert np.array_equal(model.decision_function(form), model.decision_function(X))
        assert np.array_equal(ea.compile_model(model).scores(form), ea.compile_model(model).scores(X))


@pytest.mark.parametrize(
    ("shape", "wanted", "picture"),
    [
        ((9, 8), None, (9, 8, 1)),
        ((9, 8, 2), None, (9, 8, 2)),
        ((20, 3), None, (20, 1, 3)),
        ((9, 8), (9, 1, 8), (9, 1, 8)),
        ((12,), (3, 4), (3, 4, 1)),
        ((60,), (-1, 1, 5), (12, 1, 5)),
        ((12,), None, (12, 1, 1)),
    ],
)
def test_the_shape_of_a_picture(shape, wanted, picture):
    assert picture_of((40, *shape), wanted) == picture


@pytest.mark.parametrize(
    ("low", "high", "hot"), [(293, 310, 310), (1000, 1006, 1006), (0, 10, 60_000), (0.5, 9, 60_000)]
)
def test_pictures_far_from_black_and_with_a_hot_pixel_keep_their_levels(low, high, hot):
    X = np.random.default_rng(0).uniform(low, high, size=(120, 8, 8))
    X[3, 4, 5] = hot
    model = ConvNetClassifier(layers="conv3x3/2:2", epochs=1, random_state=0).fit(X, np.arange(120) % 2)
    assert len(np.unique(compile_model(model).quantize(X))) > 60


def test_the_same_numbers_come_back_from_a_file(digits, model, tmp_path):
    loaded = ea.load(ea.save(model, tmp_path / "net.edgealgos"))
    assert loaded.image_shape_ == model.image_shape_
    assert np.array_equal(ea.compile_model(loaded).scores(digits[0]), ea.compile_model(model).scores(digits[0]))


def test_a_regressor_of_sequences_in_a_pipeline_of_scalers():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 12)) * 3 + 5
    y = 100 + X[:, :6].sum(axis=1) - X[:, 6:].sum(axis=1)
    net = ConvNetRegressor(layers="full:8", **QUICK | {"epochs": 40, "learning_rate": 0.02})
    pipeline = make_pipeline(StandardScaler(), net).fit(X, y)
    assert pipeline.score(X, y) > 0.8
    compiled = ea.compile_model(pipeline)
    assert np.abs(compiled.predict(X) - pipeline.predict(X)).max() < 0.2 * np.ptp(y)


@pytest.mark.parametrize("budget", [4096, 6144, 16384])
def test_nets_of_spectrograms_leave_an_uno_what_their_features_take(budget):
    """A net that took all RAM met the features' in the linker."""
    rng = np.random.default_rng(0)
    level = np.repeat(rng.uniform(100, 3000, size=(40, 16)), 500, axis=1)  # of a noise that swells and fades
    waves = (rng.normal(size=level.shape) * level).astype(np.int16)
    net = ConvNetClassifier(max_model_bytes=budget, search_time=0, epochs=1, random_state=0)
    pipeline = make_pipeline(LogMel(), net).fit(waves, np.arange(40) % 10)
    assert net.image_shape_[1] == 1
    assert 1600 < ea.compile_model(pipeline).report.ram_bytes <= 2048


@pytest.mark.needs("g++", "avr-g++", "simavr", "arduino-core")
def test_sound_streams_through_frames_and_layers(tmp_path):
    """On an Uno no RAM was known for features of a row that layers follow: an error."""
    rng = np.random.default_rng(0)
    waves = (rng.normal(size=(40, 1600)) * 3000).astype(np.int16)
    waves[1::2] = (waves[1::2].cumsum(axis=1) % 4000 - 2000).astype(np.int16)
    net = ConvNetClassifier(image_shape=(-1, 1, 8), layers="conv3x1/2:4 sep3x1:5", **QUICK)
    pipeline = make_pipeline(LogMel(window=256, hop=128, n_mels=8), net).fit(waves, np.arange(40) % 2)
    assert net.image_shape_[1:] == (1, 8)
    compiled = ea.compile_model(pipeline, board="host")
    q = compiled.quantize(waves[:4]).reshape(4, -1, compiled.program.input.size)
    assert np.array_equal(host_scores(compiled, q, tmp_path), compiled.scores(waves[:4]))
    uno = ea.compile_model(pipeline)
    found = uno.simulate(waves[:2])
    assert np.array_equal(found.scores, uno.scores(waves[:2]))
    assert found.ram_peak <= uno.report.ram_bytes < 1.08 * found.ram_peak


@pytest.mark.parametrize(
    ("layers", "picture"),
    [("conv5x5/2:4 dw3x3 pw:9 pw:3 full:6", (14, 14, 3)), ("pw:3", (17, 17, 2))],
)
def test_the_ram_that_is_planned_is_that_of_the_program(layers, picture):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, *picture)), np.arange(20) % 3
    fitted = ConvNetClassifier(layers=layers, **QUICK | {"epochs": 1}).fit(X, y)
    program = to_integer(fitted.to_program())
    kept = sum(t.ram_bytes for t in program.tensors if t.space in (Space.STATE, Space.INPUT, Space.OUTPUT))
    assert ram_of(parse(layers, picture), 3) == kept + plan_memory(program).arena_bytes


# ---- budgets and refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [300, 1000])
def test_the_structure_fills_the_budget(digits, budget):
    fitted = ConvNetClassifier(image_shape=(8, 8), max_model_bytes=budget, **QUICK | {"epochs": 1}).fit(*digits)
    assert 0.6 * budget < fitted.model_bytes_ <= budget


def test_the_least_budget_that_is_named_works(digits):
    net = ConvNetClassifier(image_shape=(8, 8), max_model_bytes=20, **QUICK | {"epochs": 1})
    with pytest.raises(ValueError, match=r"least that works is max_model_bytes=\d+") as refused:
        net.fit(*digits)
    least = int(str(refused.value).rpartition("=")[2])
    assert net.set_params(max_model_bytes=least).fit(*digits).model_bytes_ == least


def test_less_ram_makes_narrower_nets(digits):
    net = ConvNetClassifier(image_shape=(8, 8), max_ram_bytes=200, **QUICK | {"epochs": 1}).fit(*digits)
    assert ram_of(parse(net.structure_["layers"], (8, 8, 1)), 10) <= 200


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"layers": "conv3x3"}, "'conv3x3' is no layer; write conv3x3:8"),
        ({"layers": "sep3x3:4 lstm:4"}, "'lstm:4' is no layer"),
        ({"layers": ""}, "layers: there is none"),
        ({"layers": "conv3x3:400"}, "400 channels, 255 are the most"),
        ({"layers": "pool9x9"}, "a kernel of 9 rows does not lie in a picture of 8 rows"),
        ({"layers": LAYERS, "max_model_bytes": 100}, "the least that works is max_model_bytes="),
        (
            {"layers": LAYERS, "max_ram_bytes": 60},
            r"max_ram_bytes=60 is too small for .*allow more, or a larger stride",
        ),
        ({"max_ram_bytes": 20}, "take more than 20 bytes of RAM; allow more with max_ram_bytes"),
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) makes 72 values, but a row of X has 64"),
        ({"image_shape": (8,)}, r"image_shape is \(height, width\)"),
        ({"bits": "mixed"}, "bits"),
    ],
)
def test_what_cannot_be_is_refused(digits, parameters, what):
    with pytest.raises(ValueError, match=what):
        ConvNetClassifier(**QUICK | {"image_shape": (8, 8)} | parameters).fit(*digits)


def test_flat_rows_that_look_like_pictures_are_pictures(digits, recwarn):
    X, y = digits
    model = ConvNetClassifier(**QUICK | {"epochs": 1}).fit(X[:100].reshape(100, -1), y[:100])
    assert model.image_shape_ == (8, 8, 1)
    assert not recwarn.list


@pytest.mark.parametrize("shape", [(6, 6), (8, 8), (6, 6, 3), (8, 8, 3)])
def test_flat_rows_that_may_be_pictures_grey_or_coloured_are_named(shape):
    X, y = np.random.default_rng(0).normal(size=(40, math.prod(shape))), np.arange(40) % 2
    with pytest.warns(UserWarning, match=re.escape(f"if they are pictures, pass image_shape={shape}")):
        ConvNetClassifier(**QUICK | {"epochs": 1}).fit(X, y)


@pytest.mark.parametrize(("columns", "wanted"), [(35, None), (25, None), (75, None), (36, (-1, 1)), (36, (6, 6))])
def test_other_flat_rows_are_not(columns, wanted):
    X, y = np.random.default_rng(0).normal(size=(40, columns)), np.arange(40) % 2
    ConvNetClassifier(image_shape=wanted, **QUICK | {"epochs": 1}).fit(X, y)  # warnings are errors here


def test_rows_wider_than_kernels_count_are_refused():
    with pytest.raises(ValueError, match=r"300 positions .* at most 255"):
        ConvNetClassifier(image_shape=(2, 300), **QUICK).fit(np.zeros((9, 600)), np.arange(9) % 2)


def test_cycles_are_kept(digits):
    net = ConvNetClassifier(image_shape=(8, 8), max_cycles=60_000, **QUICK | {"epochs": 1})
    predicted = ea.compile_model(net.fit(*digits)).report.cycles
    assert 30_000 < predicted <= 60_000
    with pytest.raises(ValueError, match=r"max_cycles=9000 .*the least that works is max_cycles=\d+") as refused:
        clone(net).set_params(max_cycles=9000).fit(*digits)
    least = int(str(refused.value).rpartition("=")[2])
    found = ea.compile_model(clone(net).set_params(max_cycles=least).fit(*digits))
    assert found.report.cycles <= least
    with pytest.raises(ValueError, match="max_cycles=10000 is too small for ConvNet"):
        clone(net).set_params(max_cycles=10_000, layers=LAYERS).fit(*digits)


def test_pictures_of_another_shape_are_refused(model):
    with pytest.raises(ValueError, match=r"shape \(4, 16\), but ConvNetClassifier was fitted on pictures of 8 rows"):
        model.predict(np.zeros((3, 4, 16)))


def test_without_time_the_rule_chooses(digits):
    X, y = digits
    ruled = ConvNetClassifier(image_shape=(8, 8), search_time=0, **QUICK | {"epochs": 1}).fit(X[:90], y[:90])
    assert "choices" not in ruled.history_
    assert ruled.structure_["layers"].startswith("conv3x3")


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [
        ((8, 8), {}, [["moved"], ["spread"], ["moved"], ["mirrored"], ["moved"]]),
        ((40, 2), {}, [["moved", "spread"], ["moved"], ["moved"], ["moved"], ["moved"]]),
        ((40, 8), {}, [["moved"], ["spread"], ["moved"], ["moved"], ["moved"], ["moved"]]),
        ((8, 8), {"bits": 4, "augment": ImageShift((8, 8))}, [["spread"], ["spread"], []]),
    ],
)
def test_ways_to_vary_rows_are_tried_before_structures(shape, given, expected, monkeypatch):
    class Raced(Exception):
        pass

    def race(rounds, *_):
        best = rounds[0](None)[0]
        raise Raced([[choice.variation for choice in choices(best)] for choices in rounds])

    monkeypatch.setattr("edgealgos.estimators.convnet.race", race)
    X, y = np.random.default_rng(0).random((200, *shape)), np.arange(200) % 2
    if shape == (40, 8):  # as smooth as spectrograms
        X = X.cumsum(1).cumsum(2)
    with pytest.raises(Raced) as raced:
        ConvNetClassifier(**given).fit(X, y)
    assert raced.value.args[0] == expected


@pytest.mark.parametrize(("variation", "width"), [("moved", 8), ("mirrored", 8), ("moved", 1)])
def test_rows_vary_as_was_chosen(variation, width):
    frame = SimpleNamespace(shape=(8, 2 * width), structure={"width": width})
    rows = np.random.default_rng(0).random((30, 8, 2 * width))
    given = {"frame": frame, "examples": SimpleNamespace(rows=rows), "picture": None}
    usual, chosen = (SimpleNamespace(choice=Choice(4, {}, each), **given) for each in ("spread", variation))
    assert ConvNetClassifier()._augmenter(usual) is None
    made = ConvNetClassifier()._augmenter(chosen)(rows, np.random.default_rng(0))
    assert made.shape == rows.shape
    assert not np.allclose(made, rows)


@pytest.mark.slow
def test_short_trainings_choose_among_structures(digits, monkeypatch):
    for steps in ("JUDGED_STEPS", "LEAST_STEPS"):
        monkeypatch.setattr(f"edgealgos.estimators.choice.{steps}", 60)
    given = {"bits": 4, "augment": ImageShift((8, 8)), "epochs": 50}  # else these are tried as well
    found = ConvNetClassifier(image_shape=(8, 8), search_time=300, random_state=0, **given).fit(*digits)
    tried = {choice["layers"] for choice in found.history_["choices"]}
    assert len(tried) > 1
    assert found.structure_["layers"] in tried
