"""The wake word example's programs: Linux and the Pi Zero, the Uno, a Pico and a micro:bit."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from edgealgos import FastGRNNClassifier, compile_model, load, save
from edgealgos.codegen.targets.boards import get_board
from edgealgos.features import LogMel
from tests.support.wakeword import EXAMPLE, clips, det, microphone, sound, tone, write

converter_codes, heard = microphone.converter_codes, microphone.heard
pytestmark = pytest.mark.slow


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
