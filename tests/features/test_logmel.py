"""LogMel: near its float reference, and one integer definition in transform, stream, interpreter and C++."""

import pickle

import numpy as np
import pytest
from scipy.signal import get_window
from scipy.signal import stft as scipy_stft
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from edgealgos import EdgeAlgosError, FastGRNNClassifier, ProtoNNClassifier, compile_model, export_arduino, load, save
from edgealgos.codegen.program.interpret import run_features
from edgealgos.features import LogMel
from tests.support.equivalence import host_scores

pytestmark = pytest.mark.slow


def tones(n=24, samples=2000, seed=0):
    """Two classes of short tones in noise of many levels."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    t = np.arange(samples)
    pitch = np.where(y, 900, 300)[:, None] * rng.uniform(0.9, 1.1, (n, 1))
    waves = np.sin(2 * np.pi * pitch * t / 8000) * 10.0 ** rng.uniform(2, 4, (n, 1)) + rng.normal(0, 30, (n, samples))
    return np.rint(waves).astype(np.int16), np.array(["low", "high"])[y]


def reference(X, mel):
    """The same features in floating point, by scipy's short-time Fourier transform."""
    emphasis = round(256 * mel.pre_emphasis) / 256
    x = np.diff(X.astype(float), axis=1, prepend=0) + (1 - emphasis) * np.pad(X[:, :-1].astype(float), ((0, 0), (1, 0)))
    window = get_window("hann", mel.window)
    size = 1 << (mel.window - 1).bit_length()
    _, _, spectrum = scipy_stft(x, window=window, nperseg=mel.window, noverlap=mel.window - mel.hop, nfft=size,
                                boundary=None, padded=False, scaling="spectrum")  # fmt: skip
    power = np.abs(spectrum * window.sum()) ** 2 + mel.noise_floor**2 * np.square(window).sum()
    top = mel.f_max or mel.sample_rate / 2
    ends = 2595 * np.log10(1 + np.array([mel.f_min, top]) / 700)
    corners = 700 * (10 ** (np.linspace(*ends, mel.n_mels + 2) / 2595) - 1)
    hertz = np.arange(size // 2 + 1) * mel.sample_rate / size
    bands = [np.interp(hertz, corners[i : i + 3], [0, 1, 0], 0, 0) for i in range(mel.n_mels)]
    return 256 * np.log2(np.einsum("bk,nkt->ntb", bands, power))


@pytest.fixture(scope="module", params=[0.0, 0.5], ids=["plain", "normalized"])
def pipeline(request):
    X, y = tones()
    model = FastGRNNClassifier(max_model_bytes=700, epochs=30, random_state=0)
    mel = LogMel(n_mels=8, normalization=request.param)
    return Pipeline([("logmel", mel), ("model", model)]).fit(X, y)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"window": 200, "hop": 100, "n_mels": 12},
        {"sample_rate": 16000, "window": 512, "hop": 256, "n_mels": 40},
    ],
)
@pytest.mark.parametrize("level", [16000, 3000, 300, 30])
def test_near_the_float_reference(options, level):
    """Of bands up to 40 dB below the loudest of their frame, half within 0.02 octaves and 99 of 100 within 0.25."""
    rng = np.random.default_rng(3)
    t = np.arange(8000)
    sweep = np.sin(2 * np.pi * (100 + t / 10) * t / 8000)
    speech_like = (sweep + 0.2 * rng.normal(size=(20, 8000))) * rng.uniform(0.02, 1, (20, 1)) * np.hanning(8000)
    X = np.rint(level * speech_like / np.abs(speech_like).max()).astype(np.int16)
    mel = LogMel(**options).fit(X)
    expected = reference(X, mel)
    heard = expected > expected.max(axis=2, keepdims=True) - 256 * 40 / 3.01
    error = np.abs(mel.transform(X) - expected)[heard]
    assert np.median(error) < 5
    assert np.quantile(error, 0.99) < 64
    assert error.max() < 256


@pytest.mark.parametrize("amplitude", [32000, 3000, 300])
def test_the_floor_of_the_arithmetic_is_60_dB_below_a_tone(amplitude):
    tone = amplitude * np.sin(2 * np.pi * 1000 / 8000 * np.arange(4000))
    mel = LogMel(noise_floor=0.0, pre_emphasis=0.0).fit_transform(np.rint(tone).astype(np.int16)[None])[0].astype(int)
    assert (mel.max(axis=1) - mel.min(axis=1)).min() > 256 * 60 / 3.01


def test_a_tone_lands_in_its_band():
    t = np.arange(4000)
    mel = LogMel(n_mels=20)
    loudest = [mel.fit_transform(np.rint(8000 * np.sin(2 * np.pi * f * t / 8000))[None].astype(int))[0, 20].argmax()
               for f in (200, 400, 800, 1600, 3200)]  # fmt: skip
    assert loudest == sorted(set(loudest))


def test_twice_as_loud_is_512_more():
    X, _ = tones()
    mel = LogMel(noise_floor=0.1)
    assert np.abs(mel.fit_transform(X) - mel.fit_transform(X // 2) - 512).mean() < 40


def test_silence_is_the_noise_floor():
    quiet, loud = (LogMel(noise_floor=n).fit_transform(np.zeros((1, 2000), int)) for n in (10, 40))
    assert np.ptp(quiet, axis=1).max() == 0
    assert np.abs(loud - quiet - 4 * 256).max() <= 12


def test_normalization_is_that_of_the_paper_with_a_logarithm():
    X, _ = tones(n=6, samples=6000)
    plain = LogMel(n_mels=8).fit_transform(X).astype(float)
    made = LogMel(n_mels=8, normalization=0.75, time_constant=0.25).fit_transform(X)
    level = plain[:, 0]
    for t in range(plain.shape[1]):
        level = level + (plain[:, t] - level) / 16 if t else level  # 0.25 s are 15.6 hops
        assert np.abs(made[:, t] - (plain[:, t] - 0.75 * level)).max() <= 2


def test_normalization_takes_the_distance_out():
    X, _ = tones(n=6, samples=6000)
    mel = LogMel(n_mels=8, noise_floor=0, normalization=1.0).fit(X)
    near, far = (mel.transform(wave).astype(int) for wave in (X // 4 * 4, X // 4))
    assert np.median(np.abs(near - far)) < 16  # a sixteenth of a factor of two; unnormalised they differ by 1024


def test_frames_of_a_stream_are_those_of_the_batch():
    X, _ = tones(3)
    mel = LogMel().fit(X)
    late = mel.transform(X)
    later = mel.transform(X[:, 5 * mel.hop :])
    assert late.shape == (3, 14, 20)
    assert np.array_equal(late[:, 6:], later[:, 1:])  # but for the sample before the first
    assert np.array_equal(run_features(mel.to_program(), X[:, : mel.hop * mel.n_steps_]), late)
    assert np.array_equal(mel.transform(X[:, :-79]), late)  # behind the last whole hop


@pytest.mark.filterwarnings("ignore:fewer than 8 levels")  # a handful of tones
def test_clone_pickle_and_grid(pipeline):
    X, y = tones()
    mel = pipeline["logmel"]
    assert clone(mel).get_params() == mel.get_params()
    assert np.array_equal(pickle.loads(pickle.dumps(mel)).transform(X), mel.transform(X))
    model = ProtoNNClassifier(max_model_bytes=600, epochs=2, random_state=0)
    flat = Pipeline([("logmel", LogMel()), ("flat", _Flat()), ("model", model)])
    search = GridSearchCV(flat, {"logmel__n_mels": [4, 8]}, cv=2).fit(X, y)
    assert search.best_estimator_["logmel"].transform(X).shape[2] == search.best_params_["logmel__n_mels"]


class _Flat(LogMel):
    """Frames as one row."""

    def __init__(self):
        pass

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.reshape(len(X), -1)


def test_saved_and_loaded(pipeline, tmp_path):
    X, _ = tones(seed=1)
    loaded = load(save(pipeline, tmp_path / "p.edgealgos"))
    assert np.array_equal(loaded.predict(X), pipeline.predict(X))
    assert np.array_equal(compile_model(loaded).scores(X), compile_model(pipeline).scores(X))


def test_learns_and_the_device_agrees_with_the_float_model(pipeline):
    X, y = tones(60, seed=2)
    assert pipeline.score(X, y) > 0.9
    assert np.mean(compile_model(pipeline).predict(X) == pipeline.predict(X)) > 0.95


def test_scores_of_a_stream(pipeline):
    """The last ones are those of the batch, at any moment; there is no score of a model without state."""
    X, _ = tones(3, seed=6)
    compiled = compile_model(pipeline)
    scores = compiled.stream(X)
    assert scores.shape == (3, 15, 1)
    assert np.array_equal(scores[:, -1], compiled.scores(X))
    assert np.array_equal(scores[:, 7], compiled.scores(X[:, : 8 * 128]))
    alone = ProtoNNClassifier(max_model_bytes=600, epochs=2, random_state=0).fit(np.eye(4).repeat(5, 0), [0, 1] * 10)
    with pytest.raises(EdgeAlgosError, match="takes whole samples"):
        compile_model(alone).stream(np.eye(4))


def test_report_has_every_item(pipeline):
    report = compile_model(pipeline).report
    ops = {item.split()[1] for item in report.cycle_items}
    assert {"Frame", "PowerSpectrum", "LogBands"} <= ops
    assert report.model_bytes <= 700  # the extractor's tables are none of the model's
    assert report.ram_items["history"] == 260


@pytest.mark.needs("g++")
def test_host(pipeline, tmp_path):
    compiled = compile_model(pipeline, "host")
    X, _ = tones(6, seed=3)
    assert np.array_equal(host_scores(compiled, compiled.quantize(X), tmp_path), compiled.scores(X))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_uno(pipeline):
    compiled = compile_model(pipeline)
    X, _ = tones(3, seed=4)
    result = compiled.simulate(X)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert not result.warnings
    report = compiled.report
    assert abs(report.cycles / result.cycles.mean() - 1) < 0.2
    assert abs(report.flash_bytes / result.flash_bytes - 1) < 0.05
    assert abs(report.ram_bytes / result.ram_peak - 1) < 0.05


@pytest.mark.needs("arm-linux-gnueabi-g++", "qemu-arm", "arm-none-eabi-g++", "qemu-system-arm", "gcc")
@pytest.mark.parametrize("target", ["pizero", "cortex-m0", "cortex-m4"])
def test_arm(pipeline, target):
    compiled = compile_model(pipeline, target)
    X, _ = tones(3, seed=5)
    assert np.array_equal(compiled.simulate(X).scores, compiled.scores(X))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_exported_sketch(pipeline, tmp_path):
    report = export_arduino(pipeline, tmp_path / "words")
    header = (tmp_path / "words" / "words_model.h").read_text()
    assert "kFeatureCount = 128" in header
    assert "kStepCount = 15" in header
    assert report.flash_bytes < 32256


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 255}, "must be even"),
        ({"window": 128, "hop": 200}, "no shorter than hop"),
        ({"n_mels": 120}, "too many for window"),
        ({"f_min": 3000, "f_max": 2000}, "do not fit"),
        ({"f_max": 5000.0}, "do not fit"),
        ({"pre_emphasis": 1.0}, "pre_emphasis"),
        ({"window": 1024}, "window"),
        ({"noise_floor": -1.0}, "noise_floor"),
    ],
)
def test_parameters_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        LogMel(**options).fit(np.zeros((1, 4000), int))


@pytest.mark.parametrize(
    ("waves", "message"),
    [
        (np.zeros((1, 100), int), "no frame"),
        (np.full((1, 4000), 0.25), "multiply a wave"),
        (np.full((1, 4000), 40000), "16 bits"),
        (np.zeros((2, 2000, 2), int), "one channel"),
        (np.zeros(4000, int), "raw samples are"),
    ],
)
def test_waves_that_cannot_be(waves, message):
    with pytest.raises(ValueError, match=message):
        LogMel().fit(waves)


def test_alone_it_is_no_model():
    with pytest.raises(EdgeAlgosError, match="put a model behind it"):
        compile_model(LogMel().fit(np.zeros((1, 4000), int)))
