"""Step 2: a model of a kilobyte for one word, and the threshold for a rate of false alarms, on unseen speakers.

python examples/wakeword/2_train.py --word computer
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from detector import HOP, RATE, Detector, judge, pick, trade_off, word_scores
from matplotlib.figure import Figure
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline
from sound import BACKGROUND, Clips, in_context, stream
from teacher import convolutional

from edgealgos import FastGRNNClassifier, compile_model, save
from edgealgos.features import LogMel


def streams(clips: Clips, word: str, minutes: int, seed: int):
    """Minutes of the clips of one part in noise, and where the word ends in each."""
    rng = np.random.default_rng(seed)
    rows = clips.words == BACKGROUND
    recorded = clips.waves[rows] if rows.any() else None
    made = [stream(clips, 60.0, rng, word=word, recorded=recorded) for _ in range(minutes)]
    return np.stack([s.wave for s in made]), [s.ends[s.words == word] for s in made]


def heard(compiled, waves, word: bool = True):
    """Scores of the word, hop by hop, of the program that the device runs."""
    return word_scores(compiled.stream(waves), int(word))


LEAST_ALARMS = 0.5  # an hour: fewer are drawn there, as a logarithmic axis has no zero


def curve(results: dict[str, list], threshold: int, path: Path) -> None:
    """Missed words against false alarms, for every threshold; the point of the one taken is marked."""
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    ax = figure.subplots()
    for (name, points), style, mark in zip(results.items(), ("-", "--"), ("o", "s"), strict=True):
        alarms = [max(c.alarms_per_hour, LEAST_ALARMS) for _, c in points]
        missed = [100 * (1 - c.recall) for _, c in points]
        (line,) = ax.plot(alarms, missed, style, lw=3 if style == "-" else 1.5, alpha=0.8, label=name)
        taken = min(range(len(points)), key=lambda i: abs(points[i][0] - threshold))
        ax.plot(alarms[taken], missed[taken], mark, ms=9, mfc="none", mew=2, color=line.get_color(),
                label=f"{name}: {alarms[taken]:.1f} alarms an hour, {missed[taken]:.0f} % missed")  # fmt: skip
    ax.set(xscale="log", xlabel="false alarms an hour", ylabel="words missed (%)")
    ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])  # a scale brings ticks of its own
    ax.set_title("detection error trade-off (marked: the threshold taken)")
    ax.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2)
    figure.savefig(path)


def over_time(scores, ends, detector: Detector, path: Path) -> None:
    """Level, threshold, words and detections of the first minute."""
    times = (np.arange(scores.shape[1]) + 1) * HOP / RATE
    figure = Figure(figsize=(9, 3), layout="constrained")
    ax = figure.subplots()
    ax.plot(times, detector.levels(scores[:1])[0], lw=0.8)
    ax.axhline(detector.threshold, color="gray", ls="--", label="threshold")
    for end in ends[0]:
        ax.axvspan(end / RATE - 1, end / RATE, alpha=0.2, color="tab:green")
    found = times[detector.detections(scores[:1])[0]]
    ax.plot(found, np.full(len(found), detector.threshold), "rv", label="detection")
    ax.set(xlabel="s", ylabel="level", title="score over time (green: the word)")
    ax.legend(loc="lower right")
    figure.savefig(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--word", required=True)
    parser.add_argument("--out", type=Path, default=Path("out/wakeword"))
    parser.add_argument("--bytes", type=int, default=1024, help="flash for the model")
    parser.add_argument("--rows", type=int, default=6000, help="two-second pieces of sound to train on")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--alarms", type=float, default=2.0, help="false alarms an hour that are accepted")
    parser.add_argument(
        "--minutes", type=int, default=30, help="of speech and noise to pick the threshold on, and to test"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not (options.out / "clips.npz").exists():
        sys.exit(f"{options.out / 'clips.npz'} is missing: run 1_prepare.py first")
    clips = Clips.load(options.out / "clips.npz")
    if options.word not in clips.words or len(np.unique(clips.words)) < 2:
        sys.exit(f"there are no clips of {options.word!r} beside others, but {', '.join(np.unique(clips.words))}")
    train, val, test = (clips.part(p) for p in ("train", "val", "test"))
    background = train.waves[train.words == BACKGROUND]
    rng = np.random.default_rng(options.seed)
    print(f"mixing {options.rows} pieces of two seconds, noise 0 to 30 dB below the words")
    X, y = in_context(train, options.word, options.rows, rng, background if len(background) else None)
    print("training a network of another size, from which the model learns")
    teacher = convolutional(LogMel().fit_transform(X), y, verbose=1)
    model = FastGRNNClassifier(
        max_model_bytes=options.bytes, bits=4, teacher=teacher, epochs=options.epochs, random_state=options.seed,
        verbose=1,
    )  # fmt: skip
    pipeline = Pipeline([("logmel", LogMel()), ("model", model)]).fit(X, y)
    compiled = compile_model(pipeline)

    waves, ends = streams(val, options.word, options.minutes, 1)
    scores = heard(compiled, waves)
    detector, chosen = pick(scores, ends, options.alarms)
    waves, stops = streams(test, options.word, options.minutes, 2)
    unseen = heard(compiled, waves)
    final = judge(detector.detections(unseen), stops)
    f1 = f1_score(test.words == options.word, compiled.predict(test.waves))
    fixed = detector.smoothing, detector.pause
    points = {"validation": trade_off(scores, ends, *fixed), "test": trade_off(unseen, stops, *fixed)}
    curve(points, detector.threshold, options.out / "trade_off.png")
    over_time(unseen, stops, detector, options.out / "score.png")
    save(pipeline, options.out / "model.edgealgos")
    facts = {"word": options.word} | detector.settings()
    (options.out / "detector.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(f"model {model.model_bytes_} bytes; clips of the test part: F1 {f1:.3f}")
    for name, counts in (("validation", chosen), ("test", final)):
        print(
            f"{name:10} {options.minutes} minutes of speech and noise: {counts.hits} of {counts.words} words "
            f"({100 * counts.recall:.0f} %), {counts.alarms} false alarms"
        )
    print(f"wrote model.edgealgos, detector.json, trade_off.png and score.png to {options.out}; next: 3_export.py")


if __name__ == "__main__":
    main()
