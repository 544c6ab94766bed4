"""The wake word example: sound files, its steps, detector in Python and C++."""

import re
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from tests.support.wakeword import EXAMPLE, clips, det, sound, tone, write

pytestmark = pytest.mark.slow


# ---- files -----------------------------------------------------------------------------------------------------------


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
