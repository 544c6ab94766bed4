"""What people look at: fragments are escaped and complete; the page runs the sketch as the board would."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import edgealgos as ea
from edgealgos.codegen.simulate import avr8js
from edgealgos.codegen.targets.boards import get_board
from edgealgos.features import LogMel
from edgealgos.pages import html, quality
from edgealgos.pages.facts import simulation_html
from tests.support import browser
from tests.support import sample_programs as programs

ASSETS = Path(html.__file__).parent / "assets"
RUNNER = Path(browser.__file__).with_name("random_instructions.cjs")
EVIL = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    labels = np.array(["setosa", EVIL, "virginica é"], dtype=object)[y]
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, labels)
    return ea.compile_model(model, X_calibration=X), X, labels


def test_progress_bars_are_those_that_notebooks_draw_too():
    sources = [path.read_text(encoding="utf-8") for path in Path(ea.__file__).parent.rglob("*.py")]
    imported = {line for text in sources for line in re.findall(r"^ *from tqdm.*$", text, re.MULTILINE)}
    assert imported == {"from tqdm.auto import tqdm"}


def test_plain_representations_are_one_short_line(iris):
    compiled, _, _ = iris
    simulation = ea.Simulation(np.array(["a"]), np.zeros((1, 2), int), np.array([7]), 30, 20, 10, 400, ["w"])
    for shown in (compiled, compiled.report, simulation):
        assert "\n" not in repr(shown)
        assert len(repr(shown)) < 300
        assert " at 0x" not in repr(shown)
    assert f"{compiled.report.flash_bytes:,}" in repr(compiled.report)


def test_fragments_show_every_item_that_takes_something_and_escape_every_name(iris):
    compiled, _, _ = iris
    drawn = compiled._repr_html_()
    assert EVIL not in drawn
    assert "&lt;script&gt;" in drawn
    items = [item for item in compiled.report.cycle_items.records if item.amount]
    assert items
    for item in items:  # what takes nothing has no bar
        assert html.text(item.label) in drawn
    shown = simulation_html(
        ea.Simulation(np.array([EVIL]), np.zeros((1, 1), int), np.zeros(0, int), 3, 2, 1, 4, [EVIL])
    )
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 2


def test_maps_of_memory_add_up():
    drawn = html.memory("Flash", [(f"item {i}", i) for i in range(1, 21)], 1000)
    assert "210 of 1,000 bytes, 790 free" in drawn
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", drawn)]
    assert sum(widths) == pytest.approx(21.0, abs=0.1)
    assert "everything else: 91 bytes" in drawn
    assert "(10 too many)" in html.memory("RAM", [("a", 30)], 20)


def test_data_in_a_page_cannot_end_its_element():
    told = html.data("x", {"label": "</script><b>\u2028"})
    assert told.count("<") == 2
    assert json.loads(told.partition(">")[2].partition("<")[0]) == {"label": "</script><b>\u2028"}


def test_confusion_counts_rejected_answers_apart():
    found = quality.confusion(np.array([0, 0, 1, 7]), np.array([0, None, 0, 0], dtype=object), [0, 1])
    assert found.tolist() == [[1, 0, 1], [1, 0, 0]]


def test_what_rounding_did_is_what_the_two_programs_compute():
    real = programs.bonsai(1)
    compiled = programs.compiled(real)
    assert quality.rounding(compiled, np.zeros((3, 4))) == []  # the float program is not at hand
    twin = ea.CompiledModel(compiled.program, get_board("uno"), real)
    X = np.random.default_rng(0).normal(size=(40, real.input.size))
    found = {each.name: each for each in quality.rounding(twin, X)}
    scores = found[real.output.name]
    exact = quality.run_float(real, X)
    error = twin.program.output.type.dequantize(twin.scores(X)) - exact
    assert scores.error == pytest.approx(np.sqrt(np.square(error).mean() / np.square(exact).mean()))
    assert scores.error > 0


def test_a_report_page_needs_a_model_and_equally_many_targets(iris, tmp_path):
    compiled, X, y = iris
    with pytest.raises(ValueError, match="150 samples and y 3"):
        compiled.report.save(tmp_path / "a.html", X, y[:3])
    with pytest.raises(ea.ExportError, match="no name"):
        compiled.report.save(tmp_path / "a.html", name="no name")
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_the_page_says_what_to_install(iris, tmp_path, monkeypatch):
    compiled, X, y = iris
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    page = compiled.report.save(tmp_path / "report.html", X, y).read_text(encoding="utf-8")
    assert "was not built" in page
    assert "apt-get install" in page
    assert 'id="board"' not in page


@pytest.mark.parametrize("board", ["pizero", "leonardo"])
def test_of_other_boards_the_page_says_that_it_runs_none(board, tmp_path):
    compiled = ea.CompiledModel(programs.compiled(programs.bonsai(1)).program, get_board(board))
    page = compiled.report.save(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "not of the" in page
    assert "model_model.h" in page


@pytest.mark.slow
@pytest.mark.needs("chromedriver", "chromium")
def test_the_page_runs_the_sketch_as_the_simulated_board_does(iris, tmp_path):
    compiled, X, y = iris
    path = compiled.report.save(tmp_path / "report.html", X, y, name="iris")
    assert path.stat().st_size < 2_000_000
    with browser.Browser() as page:
        page.requests()
        page.open(path.as_uri())
        page.wait("document.body.dataset.state === 'ready'")
        assert page.run("return performance.getEntriesByType('navigation')[0].loadEventEnd") < 2000
        page.click("#all")
        page.wait("document.body.dataset.state === 'ready'")
        shown = page.run(
            "return [...document.querySelectorAll('#results tr')].map(r => [...r.cells].map(c => c.innerText))"
        )
        rows = [int(cells[0]) for cells in shown[1:]]
        assert len(rows) == 20
        simulated = compiled.simulate(X[rows])
        assert [cells[2] for cells in shown[1:]] == [str(label) for label in simulated.labels]
        assert [re.sub(r" \d+%$", "", cells[3]) for cells in shown[1:]] == [str(label) for label in simulated.labels]
        assert {cells[5] for cells in shown[1:]} == {"✓ the same"}
        assert [int(cells[4].replace(",", "")) for cells in shown[1:]] == simulated.cycles.tolist()
        page.run("const t = document.querySelector('#typed'); t.value = '6,3'; t.oninput()")
        page.click("#run")
        page.wait("document.body.dataset.state.startsWith('refused')")
        assert page.errors() == []
        assert page.requests() == [path.as_uri()]


def ran(page, path):
    """What each sample of a page got: shown twin, answer, verdict."""
    page.open(path.as_uri())
    page.wait("document.body.dataset.state === 'ready'")
    page.click("#all")
    page.wait("document.body.dataset.state === 'ready'")
    cells = "return [...document.querySelectorAll('#results tr')].slice(1).map(r => [...r.cells].map(c => c.innerText))"
    return [(row[2], row[3], row[5]) for row in page.run(cells)]


@pytest.mark.slow
@pytest.mark.needs("chromedriver", "chromium")
@pytest.mark.filterwarnings("ignore:fewer than 8 levels")  # of sounds so plain
def test_pages_of_numbers_and_of_sequences_are_run_drawn_on_and_copied_from(tmp_path):
    X, y = load_iris(return_X_y=True)
    numbers = ea.compile_model(DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, y * 10.5), X_calibration=X)
    sound = np.rint(8000 * np.sin(np.arange(1100) * (0.3 + 0.2 * y[::5, None])))  # the last step is not whole
    cell = ea.FastGRNNClassifier(hidden_size=3, epochs=2, random_state=0)
    sequences = ea.compile_model(make_pipeline(LogMel(), cell).fit(sound, y[::5]))
    pictures, digits = load_digits(return_X_y=True)
    net = ea.compile_model(RidgeClassifier().fit(pictures, digits), X_calibration=pictures)
    with browser.Browser() as page:
        found = ran(page, numbers.report.save(tmp_path / "numbers.html", X, y * 10.5))
        assert [float(twin) for twin, *_ in found] == pytest.approx([float(answer) for _, answer, _ in found], abs=0.01)
        assert {verdict for *_, verdict in found} == {"✓ the same"}
        page.click("details summary")
        page.click("button.copy")
        assert page.run("return document.querySelector('button.copy').textContent") == "copied"
        assert page.run("return getSelection().toString()").strip()
        found = ran(page, sequences.report.save(tmp_path / "sequences.html", sound, y[::5]))
        assert {verdict for *_, verdict in found} == {"✓ the same"}
        path = net.report.save(tmp_path / "pictures.html", pictures, digits, image_shape=(8, 8))
        assert {verdict for *_, verdict in ran(page, path)} == {"✓ the same"}
        page.click("#clear")
        page.click("#picture")  # in its middle
        page.click("#run")
        page.wait("document.body.dataset.state === 'ready'")
        drawn = np.array(page.run("return document.querySelector('#typed').value").split(","), dtype=float)
        assert drawn.max() == pictures.max()
        assert np.count_nonzero(drawn) == 5
        assert page.run("return document.querySelector('#answer').innerText").split()[0] == str(net.predict([drawn])[0])
        assert page.errors() == []


@pytest.mark.needs("avr8js")
def test_instructions_do_what_another_simulator_does():
    done = subprocess.run(["node", RUNNER, avr8js.find(), ASSETS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tried, kinds = map(int, done.stdout.split())
    assert tried > 40_000
    assert kinds > 200
