"""The wake word example: sound files, detector in Python and C++, the programs for Linux, the Pi Zero and the Uno."""

import re
import subprocess
import sys
import wave
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from edgealgos import FastGRNNClassifier, compile_model, load, save
from edgealgos.codegen.targets.boards import get_board
from edgealgos.features import LogMel

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[1] / "examples" / "wakeword"
sys.path.insert(0, str(EXAMPLE))
import detector as det  # noqa: E402
import sound  # noqa: E402
from microphone import converter_codes, heard  # noqa: E402

sys.path.remove(str(EXAMPLE))


def clips(n=60, seed=0):
    """Two words: a rising and a falling tone, by ten speakers, and hum."""
    rng = np.random.default_rng(seed)
    t = np.arange(sound.CLIP) / sound.RATE
    kinds = np.arange(n) % 3
    sweep = np.where(kinds == 0, 400, -400)[:, None] * t * (kinds < 2)[:, None]
    envelope = np.exp(-(((t - 0.5) / 0.15) ** 2))
    waves = 8000 * np.sin(2 * np.pi * (900 + sweep) * t) * envelope + rng.normal(0, 20, (n, sound.CLIP))
    words = np.array(["up", "down", "hum"])[kinds]
    return sound.divided(sound.rounded(waves), words, np.array([f"s{i % 10}" for i in range(n)]))


# ---- files -----------------------------------------------------------------------------------------------------------


def write(path, samples, rate=8000, channels=1, width=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def tone(rate, seconds=1.0):
    return 8000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_other_rates_are_resampled(rate, tmp_path):
    read = sound.read_wav(write(tmp_path / "a.wav", tone(rate).astype("<i2").tobytes(), rate))
    assert abs(len(read) - 8000) <= 1
    middle = slice(1000, 7000)
    assert np.abs(read[middle] - tone(8000)[middle]).max() < 400


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_other_widths_are_converted(width, tmp_path):
    x = tone(8000)
    if width == 1:
        data = (np.rint(x / 256) + 128).astype(np.uint8).tobytes()
    else:
        raw = (np.rint(x * 65536)).astype("<i4").view(np.uint8).reshape(-1, 4)
        data = raw[:, 4 - width :].tobytes()
    assert np.abs(sound.read_wav(write(tmp_path / "a.wav", data, width=width)) - x).max() <= 160


def test_channels_are_averaged(tmp_path):
    pair = np.stack([tone(8000), -tone(8000)], axis=1).astype("<i2")
    assert np.abs(sound.read_wav(write(tmp_path / "a.wav", pair.tobytes(), channels=2))).max() <= 1


def test_files_that_cannot_be_used_are_named(tmp_path):
    empty = write(tmp_path / "empty.wav", b"")
    short = write(tmp_path / "short.wav", tone(8000).astype("<i2").tobytes())
    short.write_bytes(short.read_bytes()[:-900])
    none = tmp_path / "none.wav"
    none.write_bytes(b"not sound")
    for file, message in ((empty, "no samples"), (short, "cut off"), (none, "no WAV file")):
        with pytest.raises(ValueError, match=f"{file.name}.*{message}"):
            sound.read_wav(file)


def test_a_folder_of_recordings(tmp_path):
    rng = np.random.default_rng(0)
    for word in ("yes", "no"):
        for person in range(12):
            write(tmp_path / word / f"p{person}_nohash_0.wav", rng.normal(0, 900, 6000).astype("<i2").tobytes())
    write(tmp_path / "_background_noise_" / "hum.wav", rng.normal(0, 900, 30000).astype("<i2").tobytes())
    write(tmp_path / "yes" / "quiet_1.wav", np.zeros(6000, "<i2").tobytes())
    write(tmp_path / "no" / "loud_1.wav", np.full(6000, 32767, "<i2").tobytes())
    (tmp_path / "no" / "broken_1.wav").write_bytes(b"not sound")
    with pytest.warns(UserWarning, match="left out|clips|speakers") as told:
        found = sound.read_folder(tmp_path)
    said = "\n".join(str(warning.message) for warning in told)
    assert re.search(r"left out: .*broken_1\.wav is no WAV file", said)
    assert "26 clips are not of one second" in said
    assert "1 silent clips" in said
    assert np.sum(found.words == "yes") == 12
    assert np.sum(found.words == sound.BACKGROUND) == 3
    assert found.waves.shape[1] == sound.CLIP
    for word in ("yes", "no"):
        by_part = [set(found.speakers[(found.words == word) & (found.parts == part)]) for part in sound.PARTS]
        assert all(by_part)
    with pytest.raises(ValueError, match="folders named after"):
        sound.read_folder(tmp_path / "yes")


def test_a_word_of_one_speaker_is_said():
    one = np.repeat(np.array(["ann"]), 10)
    with pytest.warns(UserWarning, match="1 speakers: it is not tested"):
        parted = sound.divided(np.zeros((10, 8000), np.int16), np.repeat("yes", 10), one)
    assert set(parted.parts) == set(sound.PARTS)
    with pytest.raises(ValueError, match="needs 3"):
        sound.divided(np.zeros((2, 8000), np.int16), np.repeat("yes", 2), one[:2])


def test_noise_has_the_level_that_is_said():
    rng = np.random.default_rng(0)
    x = tone(8000)
    for snr in (0, 10, 20):
        added = sound.with_noise(x, sound.noise(rng, len(x)), snr) - x
        assert 20 * np.log10(sound.level(x) / sound.level(added)) == pytest.approx(snr, abs=0.1)


def test_words_of_a_stream_are_where_it_says():
    some = clips()
    made = sound.stream(some, 40, np.random.default_rng(0), word="up", every=5, snr=40)
    ends = made.ends[made.words == "up"]
    assert len(ends) >= 3
    for end in ends:
        inside, gap = made.wave[end - 6000 : end - 2000], made.wave[end + 100 : end + 3000]
        assert sound.level(inside) > 5 * sound.level(gap)


def test_the_steps_from_recordings_to_a_program(tmp_path):
    """Steps 1 to 3 as the README has them, on a folder of recordings, with little training."""
    some = clips(90)
    for i, (samples, word, speaker) in enumerate(zip(some.waves, some.words, some.speakers, strict=True)):
        file = tmp_path / "recordings" / word / f"{speaker}_nohash_{i}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        sound.write_wav(file, samples)
    out = tmp_path / "out"
    steps = [
        ["1_prepare.py", "--folder", tmp_path / "recordings"],
        ["2_train.py", "--word", "up", "--rows", "90", "--epochs", "3", "--minutes", "2"],
        ["3_export.py"],
    ]
    for script, *options in steps:
        command = [sys.executable, EXAMPLE / script, *options, "--out", out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "next:" in done.stdout
    for made in ("spectrogram.png", "trade_off.png", "score.png", "uno/wakeword/settings.h", "pi/wakeword.cpp"):
        assert (out / made).stat().st_size > 0
    done = subprocess.run([sys.executable, EXAMPLE / "2_train.py", "--word", "left", "--out", out],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert "no clips of 'left'" in done.stderr


def test_the_trade_off_marks_the_threshold_taken_and_hides_no_curve(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    step = import_module("2_train")
    drawn = []
    monkeypatch.setattr(step.Figure, "savefig", lambda figure, path: drawn.append(figure))
    fewer = [(t, det.Counts(100, 100 - t, 900 // (t + 1), 0.5)) for t in range(100)]
    more = [(t, det.Counts(100, 90 - t // 2, 1200 // (t + 1), 0.5)) for t in range(100)]
    step.curve({"validation": fewer, "test": more}, 20, tmp_path / "trade_off.png")
    figure = drawn[0]
    figure.canvas.draw()
    axes = figure.axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) == 100]
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert len({(line.get_linestyle(), line.get_linewidth(), line.get_color()) for line in curves}) == 2
    assert [mark.get_ydata()[0] for mark in marks] == pytest.approx([20, 20])
    assert [mark.get_xdata()[0] for mark in marks] == pytest.approx([84, 114])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "10", "100", "1,000"]
    legend = figure.legends[0].get_window_extent()
    assert not legend.overlaps(axes.get_window_extent())
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.width


# ---- detector --------------------------------------------------------------------------------------------------------


def test_one_detection_a_word_and_a_pause():
    scores = np.full((1, 400), -1000)
    scores[0, 100:110] = scores[0, 130:140] = scores[0, 300:310] = 4000
    found = np.flatnonzero(det.Detector(500, smoothing=1, pause=62).detections(scores)[0])
    assert len(found) == 2
    assert 100 <= found[0] <= 103
    assert 300 <= found[1] <= 303


def test_judged_by_where_words_end():
    detected = np.zeros((1, 1000), bool)
    detected[0, [100, 400, 700]] = True  # 1.6 s, 6.4 s, 11.2 s
    counts = det.judge(detected, [np.array([13000, 90000, 100000])])
    assert (counts.words, counts.hits, counts.alarms) == (3, 2, 1)


def test_the_threshold_keeps_the_rate_of_false_alarms():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 1000, (10, 3000)).astype(np.int64)
    ends = [np.array([i * 128 for i in (500, 1500, 2500)])] * 10
    for row in scores:
        for hop in (480, 1480, 2480):
            row[hop : hop + 12] += 2500
    chosen, counts = det.pick(scores, ends, 20.0)
    assert det.judge(chosen.detections(scores), ends) == counts
    assert counts.alarms_per_hour <= 20
    assert counts.recall > 0.5


@pytest.mark.needs("g++")
def test_the_twin_in_cpp(tmp_path):
    source = tmp_path / "main.cpp"
    source.write_text("""
    #include <stdio.h>
    #include "detector.h"
    int main() {
      wakeword::Detector detector(300, 3, 20);
      int32_t s[3]; int k; long a, b, c;
      while (scanf("%d %ld %ld %ld", &k, &a, &b, &c) == 4) {
        if (k < 0) { detector.reset(); continue; }
        s[0] = a; s[1] = b; s[2] = c;
        bool heard = detector.push(k == 1 ? wakeword::word_score(s, 1, 1) : wakeword::word_score(s, 3, 2));
        printf("%ld %d\\n", (long)detector.level(), heard);
      }
    }""")
    program = tmp_path / "program"
    subprocess.run(["g++", "-std=c++11", "-I", EXAMPLE, source, "-o", program], check=True)
    rng = np.random.default_rng(0)
    scores = (rng.normal(0, 2.0 ** rng.uniform(5, 28), (1, 500, 3))).astype(np.int64)
    for count, word in ((1, 1), (3, 2)):
        lines = "\n".join(f"{count} {a} {b} {c}" for a, b, c in scores[0])
        said = subprocess.run(
            [program], input=f"{lines}\n-1 0 0 0\n{lines}\n", text=True, capture_output=True, check=True
        )
        own = det.word_scores(scores[:, :, :count], word)
        twin = det.Detector(300, 3, 20)
        rows = list(zip(twin.levels(own)[0].tolist(), twin.detections(own)[0].astype(int).tolist(), strict=True))
        assert [tuple(map(int, line.split())) for line in said.stdout.splitlines()] == rows * 2


# ---- programs --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small model, exported by step 3, and its recording."""
    out = tmp_path_factory.mktemp("wakeword")
    X, y = sound.in_context(clips().part("train"), "up", 90, np.random.default_rng(0))
    model = FastGRNNClassifier(max_model_bytes=800, epochs=12, random_state=0)
    pipeline = Pipeline([("logmel", LogMel()), ("model", model)]).fit(X, y)
    save(pipeline, out / "model.edgealgos")
    made = sound.stream(clips(seed=1), 12, np.random.default_rng(1), word="up", every=4)
    compiled = compile_model(pipeline)
    scores = det.word_scores(compiled.stream(made.wave[None]), 1)
    twin = det.Detector(int(np.quantile(scores, 0.9)), 2, 62)
    text = f'{{"word": "up", "threshold": {twin.threshold}, "smoothing": 2, "pause": 62}}'
    (out / "detector.json").write_text(text)
    subprocess.run([sys.executable, EXAMPLE / "3_export.py", "--out", out], check=True, capture_output=True)
    sound.write_wav(out / "input.wav", made.wave)
    return out, compiled, twin, made.wave


def traced(twin, compiled, samples):
    scores = det.word_scores(compiled.stream(samples[None]), 1)
    return list(zip(twin.levels(scores)[0].tolist(), twin.detections(scores)[0].astype(int).tolist(), strict=True))


def built(folder, *flags):
    program = folder / ("wakeword" + "_arm" * bool(flags))
    compiler = "arm-linux-gnueabi-g++" if flags else "g++"
    files = [folder / "wakeword.cpp", folder / "wakeword_model.cpp"]
    done = subprocess.run([compiler, "-std=c++11", "-O2", "-Wall", "-Wextra", *flags, *files, "-o", program],
                          check=True, capture_output=True, text=True)  # fmt: skip
    assert done.stderr == ""
    return program


def hops(text):
    return [(int(level), int(found)) for _, level, found in (line.split() for line in text.splitlines())]


@pytest.mark.needs("g++")
def test_hop_by_hop_as_in_python(exported):
    out, compiled, twin, samples = exported
    program = built(out / "pi")
    expected = traced(twin, compiled, samples)
    assert 1 <= sum(found for _, found in expected) < len(expected) / 20
    said = subprocess.run([program, "--trace", out / "input.wav"], capture_output=True, text=True, check=True)
    assert hops(said.stdout) == expected
    raw = samples.astype("<i2").tobytes() + b"\x01\x02\x03"  # ends in the middle of a sample
    said = subprocess.run([program, "--trace"], input=raw, capture_output=True, check=True)
    assert hops(said.stdout.decode()) == expected
    plain = subprocess.run([program, out / "input.wav"], capture_output=True, text=True, check=True)
    assert len(plain.stdout.splitlines()) == sum(found for _, found in expected)


@pytest.mark.needs("g++")
def test_files_that_the_program_refuses(exported, tmp_path):
    program = built(exported[0] / "pi")
    data = tone(8000).astype("<i2").tobytes()
    bad = {
        "not at 8000 Hz": write(tmp_path / "rate.wav", data, rate=16000),
        "not 16-bit": write(tmp_path / "width.wav", data, width=1),
        "more than one channel": write(tmp_path / "stereo.wav", data, channels=2),
        "no samples": write(tmp_path / "empty.wav", b""),
        "cannot be opened": tmp_path / "missing.wav",
    }
    for message, file in bad.items():
        said = subprocess.run([program, file], capture_output=True, text=True, check=False)
        assert said.returncode == 2
        assert message in said.stderr
    cut = write(tmp_path / "cut.wav", data)
    cut.write_bytes(cut.read_bytes()[:-4000])
    said = subprocess.run([program, cut], capture_output=True, text=True, check=True)
    assert "cut off after" in said.stderr


@pytest.mark.needs("g++")
def test_a_pipe_that_stalls_is_waited_for(exported):
    out, compiled, twin, samples = exported
    data = samples[: 128 * 60].astype("<i2").tobytes()
    with subprocess.Popen([built(out / "pi"), "--trace"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(data[:1001])
        process.stdin.flush()
        process.stdin.write(data[1001:])
        said, _ = process.communicate()
    assert hops(said.decode()) == traced(twin, compiled, samples[: 128 * 60])


@pytest.mark.needs("arm-linux-gnueabi-g++", "qemu-arm")
def test_pi_zero(exported):
    out, compiled, twin, samples = exported
    program = built(out / "pi", "-march=armv6", "-mfpu=vfp", "-mfloat-abi=softfp", "-static")
    attributes = subprocess.run(["readelf", "-A", program], capture_output=True, text=True, check=True).stdout
    assert "Tag_CPU_arch: v6\n" in attributes
    command = ["qemu-arm", "-cpu", "arm1176", program, "--trace", out / "input.wav"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert hops(said.stdout) == traced(twin, compiled, samples)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_uno_hears_at_its_pin(exported):
    from edgealgos.codegen.build.sketch import build_sketch
    from edgealgos.codegen.simulate import AnalogAudio, run_sketch

    out, compiled, twin, samples = exported
    sketch = out / "uno" / "wakeword"
    text = (sketch / "wakeword.ino").read_text()
    (sketch / "wakeword.ino").write_text(text.replace("#define TRACE 0", "#define TRACE 1"))
    firmware = build_sketch(sketch)
    assert firmware.warnings == ()
    run = run_sketch(firmware, 6.0, [AnalogAudio(samples, 8000)], ["wakeword::push"])
    got = [tuple(map(int, line.split())) for line in run.text if not line.startswith("#")]
    expected = traced(twin, compiled, heard(converter_codes(samples)))
    assert len(got) >= 370
    assert got == expected[: len(got)]
    assert run.ram_peak <= 2048
    assert run.calls["wakeword::push"].worst < 0.8 * 256_000


def test_the_time_of_a_detection_goes_round_with_millis_and_not_before(exported):
    folder = exported[0] / "uno" / "wakeword"
    sketch, header = (folder / "wakeword.ino").read_text(), (folder / "microphone.h").read_text()
    sizes = {name: int(value) for name, value in re.findall(r"constexpr \w+ (k\w+) = (\d+);", header)}
    formula = re.search(r"kHopMillis = (.*);", sketch)[1].replace("UL", "").replace("microphone::", "")
    hop = eval(formula.replace("/", "//"), sizes)
    assert hop * sizes["kRate"] == 1000 * sizes["kHop"]
    assert "print(hops * kHopMillis)" in sketch
    for days in (1, 6.3, 30, 49.7):
        hops = int(days * 86_400_000 / hop)
        assert hops * hop == hops * hop % 2**32


# ---- boards without an AVR -------------------------------------------------------------------------------------------

STUBS = Path(__file__).parent / "support" / "arduino"
MICROPHONE = """
#include <stdio.h>
#include "microphone.h"
#include "hardware/adc.h"
#include "pico/time.h"
static uint16_t code;
static repeating_timer_callback_t tick;
static long period;
void adc_init() {}
void adc_gpio_init(unsigned) {}
void adc_select_input(unsigned) {}
uint16_t adc_read() { return static_cast<uint16_t>(code << 2 | 3); }
bool add_repeating_timer_us(int64_t us, repeating_timer_callback_t callback, void *, repeating_timer_t *) {
  period = static_cast<long>(us);
  tick = callback;
  return true;
}
int main() {
  static int16_t hop[microphone::kHop];
  microphone::begin();
  printf("%ld\\n", period);
  int value, asleep;
  while (scanf("%d %d", &value, &asleep) == 2) {
    code = static_cast<uint16_t>(value);
    tick(nullptr);
    while (!asleep && microphone::read_hop(hop))
      for (int i = 0; i < microphone::kHop; ++i) printf("%d\\n", hop[i]);
  }
  printf("%d\\n", microphone::lost());
}
"""


@pytest.fixture(scope="module", params=["pico", "microbit"])
def without_avr(exported, request):
    """The sketch's folder for such a board."""
    command = [sys.executable, EXAMPLE / "3_export.py", "--out", exported[0], "--board", request.param]
    subprocess.run(command, check=True, capture_output=True)
    return request.param, exported[0] / request.param / "wakeword"


@pytest.mark.needs("arm-none-eabi-g++")
def test_the_same_folder_is_a_sketch_for_boards_without_an_avr(without_avr, tmp_path):
    """Compiled with the core's compiler against stubs of what it brings along: the core itself is not here."""
    name, folder = without_avr
    board = get_board(name)
    core = {"pico": "-DARDUINO_ARCH_RP2040", "microbit": "-DNRF51"}[name]
    flags = [*board.flags, "-std=gnu++11", "-Wall", "-Wextra", "-Werror", f"-I{STUBS}", "-DARDUINO=10819", core]
    for source in ("wakeword.ino", "microphone.cpp", "wakeword_model.cpp"):
        how = ("-x", "c++", "-include", "Arduino.h") if source.endswith(".ino") else ()
        command = [board.compiler, *flags, *how, "-c", folder / source, "-o", tmp_path / "object.o"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.needs("arm-none-eabi-g++", "qemu-system-arm", "gcc")
@pytest.mark.parametrize("board", ["pico", "microbit"])
def test_such_boards_hear_what_python_hears(exported, board):
    """The model on the simulated processor, hop by hop."""
    compiled = compile_model(load(exported[0] / "model.edgealgos"), board)
    steps = compiled.program.steps
    hops = heard(converter_codes(exported[3]))[: 3 * steps * 128].reshape(3, steps, 128)
    result = compiled.simulate(hops)
    assert np.array_equal(result.scores, compiled.scores(hops))


@pytest.mark.needs("g++")
def test_their_microphone_hands_over_all_samples_in_order_and_counts_what_is_lost(exported, without_avr, tmp_path):
    folder = without_avr[1]
    (tmp_path / "main.cpp").write_text(MICROPHONE)
    command = ["g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-DARDUINO_ARCH_RP2040", f"-I{STUBS}", f"-I{folder}"]
    subprocess.run([*command, tmp_path / "main.cpp", folder / "microphone.cpp", "-o", tmp_path / "m"], check=True)
    codes = converter_codes(exported[3])[: 128 * 12]
    asleep = np.zeros(len(codes), int)
    said = _microphone(tmp_path / "m", codes, asleep)
    assert said[0] == -125
    assert said[-1] == 0
    assert said[1:-1] == heard(codes).tolist()
    asleep[100:900] = 1  # longer than the ring lasts
    said = _microphone(tmp_path / "m", codes, asleep)
    kept = 4 * 128 - 1
    assert said[-1] == 901 - kept  # the one before it wakes up included
    assert said[1:-1] == heard(np.delete(codes, range(kept, 901)))[: len(said) - 2].tolist()


def _microphone(program, codes, asleep):
    lines = "\n".join(f"{code} {sleeps}" for code, sleeps in zip(codes, asleep, strict=True))
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]
