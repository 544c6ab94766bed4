"""The sketch that speaks: values as people type them, rows of hosts, and lines that are neither."""

import os
import re
import select
import socket
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.datasets import load_iris

import edgealgos as ea
from edgealgos.codegen.build import sketch as toolchain
from edgealgos.codegen.emit.cpp import files
from edgealgos.codegen.program import InputEncoding, Link
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.decimals import decimal_scales
from edgealgos.codegen.program.qtype import QType
from edgealgos.codegen.program.scores import probabilities
from edgealgos.codegen.simulate.devices import SerialInput
from edgealgos.codegen.simulate.sketch import run_sketch
from tests.support import sample_programs as programs

from .test_equivalence import raw

pytestmark = pytest.mark.slow

AVR = pytest.mark.needs("avr-g++", "simavr", "arduino-core")
EXPECTED = "!expected {} numbers; an empty line prints help"


def spoken(firmware, text):
    """What a sketch prints after its greeting when this is sent to it, a line every hundredth of a second."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)", text)
    messages = [(0.02 + 0.01 * index, line) for index, line in enumerate(lines)]
    run = run_sketch(firmware, 0.04 + 0.01 * len(lines), [SerialInput(messages)])
    assert re.fullmatch(r"# \w+ ready: \d+ values a row", run.text[0])
    return run.text[1:]


@pytest.fixture(scope="module")
def iris():
    bunch = load_iris(as_frame=True)
    X, y = bunch.data, bunch.target_names[bunch.target]
    return ea.BonsaiClassifier(max_model_bytes=300, epochs=40, random_state=0).fit(X, y), X, y


@pytest.fixture(scope="module")
def iris_firmware(iris, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sketch") / "iris"
    iris[0].export_arduino(folder)
    return toolchain.build_sketch(folder)


def firmware_of(compiled, tmp_path):
    files.write_sketch(compiled, tmp_path / "m", "m")
    firmware = toolchain.build_sketch(tmp_path / "m")
    assert firmware.warnings == ()
    return firmware


# ---- people ----------------------------------------------------------------------------------------------------------


@AVR
def test_typed_values_are_answered_with_label_and_confidence(iris, iris_firmware):
    model, X, _ = iris
    compiled = ea.compile_model(model)
    rows = X.to_numpy()[::3]
    lines = spoken(iris_firmware, "".join(",".join(f"{v:g}" for v in row) + "\n" for row in rows))
    frame = pd.DataFrame(rows, columns=X.columns)
    labels, shares = compiled.predict(frame), compiled.predict_proba(frame).max(axis=1)
    assert lines == [
        f"{label} {(share * 25600 + 128) // 256:.0f}%" for label, share in zip(labels, shares, strict=True)
    ]
    assert spoken(iris_firmware, "5.1,3.5,1.4,0.2\n")[0].startswith("setosa ")


SAME = [
    "5.1,3.5,1.4,0.2", "5.1 3.5 1.4 0.2", "5.1\t3.5\t1.4\t0.2", "  5.1 ,3.5,\t1.4 , 0.2  ", "+5.10,3.500,01.4,.2",
    "5.1000000000001,3.5,1.4,0.2", "5.1, 3.5, 1.4, 0.2\t", "5.1,3.5 1.4,0.2",
]  # fmt: skip


@AVR
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_are_taken_as_people_send_them(end, iris_firmware):
    answers = spoken(iris_firmware, "".join(line + end for line in SAME))
    assert len(answers) == len(SAME)
    assert len(set(answers)) == 1


@AVR
@pytest.mark.parametrize("empty", ["\n", "\r\n", "\r", "  \t\n"])
def test_an_empty_line_prints_help(empty, iris_firmware):
    answers = spoken(iris_firmware, empty + "5.1,3.5,1.4,0.2\n")
    assert "Type 4 numbers" in answers[0]
    assert "sepal length (cm), sepal width (cm), petal length (cm), petal width (cm)" in answers[1]
    assert answers[2] == "# iris ready: 4 values a row"
    assert answers[3].startswith("setosa")
    assert len(answers) == 4


BROKEN = [
    "1,2,3", "1,2,3,4,5", "--5,3,1,1", "5-3,1,1,1", "1 2,,0", "1,2,3,", ",1,2,3", "1,2,3,a", "a", "1e3,2,3,4", "-",
    "5.1.2,3,4,1", "-,1,2,3", ".,1,2,3", "1;2;3;4", "nan,1,2,3", "1,2,3,4 x", "= 1,2,3,4.0", "=1,2,3,999", "5..1,2,3,4",
    "=1,2,3", "=--5,3,1,1", "=a", "==1,2,3,4", "1=2,3,4,5", "1,2,3,4,5,6,7,8,9,10,11,12", "+-1,2,3,4", "1,2,3,-",
    "=1,2,3,-999",
]  # fmt: skip


@AVR
def test_a_broken_line_is_named_and_does_not_disturb_the_next(iris_firmware):
    good = "5.1,3.5,1.4,0.2"
    answers = spoken(iris_firmware, "".join(f"{line}\n{good}\n" for line in BROKEN))
    expected = spoken(iris_firmware, good + "\n") * len(BROKEN)
    assert answers[0::2] == [EXPECTED.format(4)] * len(BROKEN)
    assert answers[1::2] == expected


@AVR
def test_numbers_beyond_all_ranges_saturate(iris, iris_firmware):
    compiled = ea.compile_model(iris[0])
    far = [[1e9, -1e9, 99999999999, -99999999999], [0, 0, 0, 0], [1e5, 1e-7, 0, 3000000000]]
    text = "1000000000,-1000000000,99999999999,-99999999999\n0,-0,0.0,-.0\n100000,0.0000001,0,3000000000\n"
    labels = [line.split()[0] for line in spoken(iris_firmware, text)]
    assert labels == compiled.predict(pd.DataFrame(far, columns=iris[1].columns)).tolist()


@AVR
@pytest.mark.parametrize("kind", ["bonsai regressor", "protonn regressor", "fastgrnn regressor"])
def test_regressors_answer_decimals(kind, tmp_path):
    compiled = programs.compiled(programs.EVERY_KIND[kind](1))
    q = programs.any_inputs(np.random.default_rng(3), compiled.program, 4)
    X = raw(compiled, q).reshape(-1, compiled.program.input.size)
    lines = spoken(firmware_of(compiled, tmp_path), "".join(",".join(f"{v:g}" for v in row) + "\n" for row in X))
    steps = len(X) // len(q)
    told = np.array([float(line) for line in lines])[steps - 1 :: steps]
    real = compiled.predict(raw(compiled, q))
    assert np.abs(told - real).max() <= 2.0 ** -min(compiled.program.output.type.frac, 19)
    assert np.array_equal(np.sign(told), np.sign(np.trunc(real * 1e6) / 1e6))


# ---- hosts -----------------------------------------------------------------------------------------------------------


@AVR
def test_rows_of_hosts_are_answered_with_index_and_scores(iris, iris_firmware):
    compiled = ea.compile_model(iris[0])
    q, scores = compiled.quantize(iris[1])[::10], compiled.scores(iris[1])[::10]
    lines = spoken(iris_firmware, "".join("=" + ",".join(map(str, row)) + "\n" for row in q))
    assert lines == [",".join(map(str, [np.argmax(s), *s])) for s in scores]


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    compiled = programs.compiled(programs.EVERY_KIND["fastgrnn"](1))
    q = programs.any_inputs(np.random.default_rng(1), compiled.program, 3)
    steps = q[0].size // compiled.program.input.size
    rows = [["=" + ",".join(map(str, step)) for step in sample.reshape(steps, -1)] for sample in q]
    last = [",".join(map(str, [np.argmax(s), *s])) for s in compiled.scores(raw(compiled, q))]
    return firmware_of(compiled, tmp_path_factory.mktemp("sequence")), rows, last


def ask(firmware, lines):
    return spoken(firmware, "".join(line + "\n" for line in lines))


@AVR
def test_sequences_follow_each_other(sequence):
    firmware, rows, last = sequence
    steps = len(rows[0])
    assert ask(firmware, [line for sample in rows for line in sample])[steps - 1 :: steps] == last


@AVR
@pytest.mark.parametrize("broken", ["=1,2", "garbage", "=1,a,2", "1,2,", "=999999"])
def test_a_broken_row_of_a_host_spoils_its_own_sequence_and_no_other(broken, sequence):
    firmware, rows, last = sequence
    steps = len(rows[0])
    for place in (0, 1, steps - 1):
        spoiled = [*rows[1][:place], broken, *rows[1][place + 1 :]]
        answers = ask(firmware, [*rows[0], *spoiled, *rows[2]])
        assert len(answers) == 3 * steps
        assert [answers[steps - 1], answers[-1]] == [last[0], last[2]]
        assert all(line.startswith("!") for line in answers[steps + place : 2 * steps])


@AVR
@pytest.mark.parametrize("lost", ["row", "line end", "nothing"])
@pytest.mark.parametrize("marker", ["=", ""])
def test_a_marker_begins_a_sequence_whatever_was_before(marker, lost, sequence):
    firmware, rows, last = sequence
    first = {"row": rows[0][:-1], "line end": [rows[0][0] + rows[0][1], *rows[0][2:]], "nothing": rows[0]}[lost]
    answers = [line for line in ask(firmware, [*first, marker, *rows[1]]) if line[0] not in "#!"]
    assert answers[-1] == last[1]


@AVR
def test_a_person_types_a_broken_step_again(sequence):
    firmware, rows, _ = sequence
    typed = [[line[1:] for line in sample] for sample in rows]
    once = ask(firmware, [*typed[0], *typed[1]])
    again = ask(firmware, [*typed[0][:2], "1,oh", *typed[0][2:], *typed[1]])
    assert [line for line in again if line[0] != "!"] == once


# ---- programs of plain C++ -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(iris, tmp_path_factory):
    """Programs for this computer: of single rows, of sequences, of numbers."""
    found = {}
    compiled = {"rows": ea.compile_model(iris[0], "host")}
    compiled["steps"] = programs.compiled(programs.EVERY_KIND["fastgrnn"](1), "host")
    compiled["numbers"] = programs.compiled(programs.EVERY_KIND["bonsai regressor"](1), "host")
    compiled["steps of numbers"] = programs.compiled(programs.EVERY_KIND["fastgrnn regressor"](1), "host")
    for kind, model in compiled.items():
        folder = tmp_path_factory.mktemp(kind)
        files.write_cpp(model, folder / "m", "m")
        found[kind] = toolchain.build_host([folder / "m" / "main.cpp", folder / "m" / "m_model.cpp"], folder / "run")
        assert found[kind].warnings == ()
    return found


@pytest.fixture(scope="module")
def plain(built):
    """How these programs answer lines: status and what was printed."""
    return {kind: _run(program.path) for kind, program in built.items()}


def _run(program):
    def answers(text):
        done = subprocess.run([program], input=text, capture_output=True, text=True, check=False)
        assert done.stderr.startswith("!not a row of" if done.returncode else "")
        return done.returncode, done.stdout.splitlines()

    return answers


@pytest.mark.needs("g++")
@pytest.mark.parametrize("row", [
    "1,2,3,-4", "=1,2,3,-4", "1 2 3 -4", "1\t2,3 ,  -4  ", "= +1, 02,3,-4", "1,2,3,-4\r", "\n\n1,2,3,-4",
])  # fmt: skip
def test_a_program_takes_separators_and_line_ends_as_the_sketch_does(row, plain):
    _, (answer,) = plain["rows"]("1,2,3,-4\n")
    assert plain["rows"](f"{row}\n{row}") == (0, [answer, answer])


@pytest.mark.needs("g++")
@pytest.mark.parametrize("line", [
    *BROKEN, "1,2\n,3,4", "1,2\n3,4", "1,2,3,4 5,6,7,8", "1,2,3,4.5", "1,2,3,4abc", "5-3,1,1",
    "99999999999999999999,1,1,1", "1 2 3 -", "1,2,3,4,",
])  # fmt: skip
def test_a_program_answers_no_line_that_is_not_whole_a_row(line, plain):
    assert plain["rows"](f"{line}\n1,2,3,4\n") == (1, [])


@pytest.mark.needs("g++")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_marker_begins_a_sequence_of_a_program(end, sequence, plain):
    _, rows, last = sequence
    for lost in (0, 1, len(rows[0]) - 1):
        lines = [*rows[0][:lost], "=", *rows[1], *rows[2]]
        status, answers = plain["steps"]("".join(line + end for line in lines))
        assert (status, answers[lost]) == (0, f"# m ready: {rows[0][0].count(',') + 1} values a row")
        assert answers[lost + 1 :][len(rows[1]) - 1 :: len(rows[1])] == last[1:]


# ---- numbers ---------------------------------------------------------------------------------------------------------


MAIN = """#include <stdio.h>
#include "model_model.h"
int main() {
  long feature, digits, decimals;
  while (scanf("%ld %ld %ld", &feature, &digits, &decimals) == 3)
    printf("%d\\n", model::quantize_decimal(feature, digits, decimals));
}
"""
RNG = np.random.default_rng(0)
COLUMNS = {
    "flowers": load_iris().data,
    "mixed units": RNG.normal(size=(300, 3)) * [1, 50, 0.01] + [0, 900, 5],
    "pressure": RNG.normal(size=(300, 2)) * [300, 3] + [101_325, 20],
    "pixels": RNG.integers(0, 17, (300, 3)).astype(float),
    "converter": RNG.integers(0, 1024, (300, 2)).astype(float),
    "tiny": RNG.normal(size=(300, 2)) * 1e-6,
    "times": RNG.normal(size=(300, 1)) * 1e6 + 1.7e9,
}


@pytest.mark.needs("g++")
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", COLUMNS)
def test_decimals_on_the_device_are_decimals_in_python(name, bits, tmp_path):
    encoding = choose_encoding(COLUMNS[name], bits)
    scales = decimal_scales(encoding)
    width, rng = COLUMNS[name].shape[1], np.random.default_rng(bits)
    program = programs.with_encoding(programs.protonn(0, features=width), encoding)
    files.write_cpp(programs.compiled(program, "host"), tmp_path / "m", "model")
    (tmp_path / "m" / "main.cpp").write_text(MAIN)
    run = toolchain.build_host(sorted((tmp_path / "m").glob("*.cpp")), tmp_path / "run")
    feature, decimals = rng.integers(0, width, 3000), rng.integers(0, 10, 3000)
    digits = (rng.normal(size=3000) * 10.0 ** rng.integers(0, 10, 3000)).clip(-2e9, 2e9).astype(int)
    near = COLUMNS[name][rng.integers(0, len(COLUMNS[name]), 3000), feature] * 10.0**decimals
    digits = np.where((np.abs(near) < 2e9) & (rng.random(3000) < 0.7), np.rint(near), digits).astype(int)
    cases = list(zip(feature.tolist(), digits.tolist(), decimals.tolist(), strict=True))
    out = run.run(stdin="\n".join(f"{f} {d} {k}" for f, d, k in cases))
    expected = [scales[f if len(scales) > 1 else 0].input_of(d, k) for f, d, k in cases]
    assert out.split() == [str(v) for v in np.clip(expected, encoding.low, encoding.high)]


@pytest.mark.parametrize("name", ["flowers", "mixed units", "pressure", "pixels", "converter"])
def test_typed_decimals_become_the_inputs_of_quantize(name):
    X = np.round(COLUMNS[name], 2)
    encoding = choose_encoding(X, 8)
    scales = decimal_scales(encoding)
    digits = np.rint(X * 100).astype(int)
    typed = [[scales[j if len(scales) > 1 else 0].input_of(int(v), 2) for j, v in enumerate(row)] for row in digits]
    differ = np.clip(typed, encoding.low, encoding.high) != encoding.encode(X)
    assert differ.mean() <= 0.005  # where a float is halfway between two inputs


@settings(deadline=None)
@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-5, 1e5),
    st.integers(-(10**9), 10**9),
    st.integers(0, 9),
)
def test_a_decimal_is_scaled_to_the_nearest_input(offset, scale, digits, decimals):
    encoding = InputEncoding(np.array([offset]), np.array([scale]), -127, 127, QType(8, 5))
    scales = decimal_scales(encoding)
    if scales is not None:
        exact = (digits / 10**decimals - float(encoding.offset[0])) * float(encoding.scale[0])
        step = max(float(encoding.scale[0]) * 10.0 ** -scales[0].decimals, 1e-6)
        found = max(-127, min(127, scales[0].input_of(digits, decimals)))
        assert abs(found - max(-127, min(127, exact))) <= 0.5 + 0.51 * step + 1e-4


def test_features_far_beyond_32_bits_take_device_inputs_alone(tmp_path):
    encoding = InputEncoding(np.array([5e12]), np.array([1e-9]), -127, 127, QType(8, 5))
    assert decimal_scales(encoding) is None
    compiled = programs.compiled(programs.with_encoding(programs.protonn(0, features=3), encoding))
    files.write_sketch(compiled, tmp_path / "m", "m")
    text = (tmp_path / "m" / "m.ino").read_text()
    assert "quantize_decimal" not in text + (tmp_path / "m" / "m_model.h").read_text()
    assert "expected '=' and 3 device inputs" in text


# ---- confidence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frac", [-6, -3, 0, 4, 11, 12, 13, 20, 27, 28, 30])
@pytest.mark.parametrize("columns", [1, 2, 5, 40])
def test_probabilities_are_near_softmax_and_logistic_function(columns, frac):
    rng = np.random.default_rng(frac + 50)
    real = rng.normal(size=(500, columns)) * rng.choice([0.1, 1, 5, 100], (500, 1))
    scores = np.ldexp(real, frac).round().clip(-(2**31), 2**31 - 1).astype(np.int64)
    real = np.ldexp(scores.astype(float), -frac)
    exact = softmax(real, axis=1) if columns > 1 else np.stack([1 - expit(real[:, 0]), expit(real[:, 0])], axis=1)
    found = probabilities(scores, Link(), frac) / 256
    assert np.abs(found - exact).max() < 0.012
    best = found.max(axis=1)
    assert (found[np.arange(500), np.argmax(exact, axis=1)] == best).all()


SHARES = """#include <stdio.h>
#include "model_model.h"
static model::input_t x[model::kFeatureCount * 64];
int main() {
  long v;
  for (unsigned i = 0; scanf("%ld", &v) == 1;) {
    x[i++] = static_cast<model::input_t>(v);
    if (i < COUNT) continue;
    i = 0;
    model::predict(x);
    for (unsigned c = 0; c <= model::kClassCount; ++c) printf("%d ", model::probability(c));
    printf("\\n");
  }
}
"""
CLASSIFIERS = [k for k in programs.EVERY_KIND if "regressor" not in k]


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_probabilities_on_the_device_are_those_of_python(kind, tmp_path):
    compiled = programs.compiled(programs.EVERY_KIND[kind](1), "host")
    q = programs.any_inputs(np.random.default_rng(1), compiled.program, 40)
    files.write_cpp(compiled, tmp_path / "m", "model")
    (tmp_path / "m" / "main.cpp").write_text(SHARES.replace("COUNT", str(q[0].size)))
    run = toolchain.build_host(sorted((tmp_path / "m").glob("*.cpp")), tmp_path / "run")
    out = run.run(stdin=" ".join(map(str, q.ravel().tolist())))
    found = np.array([[int(v) for v in line.split()] for line in out.splitlines()])
    shares = compiled.predict_proba(raw(compiled, q))
    assert np.array_equal(found[:, :-1] / 256, shares)
    assert (found[:, -1] == 0).all()
    sure = shares.max(axis=1) > 0.51
    assert np.array_equal(compiled.classes[np.argmax(shares, axis=1)][sure], compiled.predict(raw(compiled, q))[sure])


def test_regressors_have_no_probabilities():
    compiled = programs.compiled(programs.EVERY_KIND["bonsai regressor"](1))
    with pytest.raises(ea.EdgeAlgosError, match="classifiers"):
        compiled.predict_proba(np.zeros((1, compiled.program.input.size)))


@pytest.mark.needs("g++")
@pytest.mark.parametrize("channel", [os.pipe, lambda: [end.detach() for end in reversed(socket.socketpair())]])
@pytest.mark.parametrize("kind", ["rows", "steps", "numbers", "steps of numbers"])
def test_a_program_answers_each_row_before_it_is_sent_the_next(kind, channel, built, plain):
    width = int(plain[kind]("=\n")[1][0].split()[3])
    rows = [",".join([value] * width) + "\n" for value in ("1", "-2", "3")]
    read, write = channel()
    with subprocess.Popen([built[kind].path], stdin=read, stdout=subprocess.PIPE, text=True) as program:
        os.close(read)
        for row, answer in zip(rows, plain[kind]("".join(rows))[1], strict=True):
            os.write(write, row.encode())
            if not select.select([program.stdout], [], [], 20)[0]:
                program.kill()
            assert program.stdout.readline() == answer + "\n"
        os.close(write)
    assert program.returncode == 0
