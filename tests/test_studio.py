"""The studio's pages: data are shown, escaped and labelled; what may not pass does not; work ends when it is told."""

from __future__ import annotations

import io
import re
import socket
import time
import zipfile

import numpy as np
import pytest

from edgealgos.cli import main
from edgealgos.cli.data import Data
from edgealgos.studio import charts, jobs, pictures, uploads
from edgealgos.studio.app import create_app
from edgealgos.studio.guard import Guard
from edgealgos.studio.opened import Opened
from edgealgos.studio.session import Session
from tests.datasets.test_recordings import folder, sound, tone, write

EVIL = "<script>alert(1)</script>"
EVIL_NAME = "<img src=x onerror=alert(1)>"  # as files may be called
PORT = 8765


class Client:
    """A browser that was given the key, and its forms' token and data."""

    def __init__(self, most_bytes: int = 2**20) -> None:
        self.session, self.guard = Session(), Guard(PORT)
        self.client = create_app(self.session, self.guard, most_bytes).test_client()
        self.options = {"base_url": f"http://127.0.0.1:{PORT}"}
        assert self.client.get(f"/?key={self.guard.key}", **self.options).status_code == 303

    def get(self, path: str, status: int = 200, /):
        answer = self.client.get(path, **self.options)
        assert answer.status_code == status, answer.text
        return answer

    def post(self, page: str, status: int = 303, /, **form):
        data = {"token": self.guard.token, "data": self.session.opened.number if self.session.opened else -1, **form}
        answer = self.client.post(page, data=data, **self.options)
        assert answer.status_code == status, answer.text
        return answer

    def refused(self, page: str, status: int = 400, /, **form) -> str:
        """The sentence that the page shows."""
        text = self.post(page, status, **form).text
        return re.search(r'id="sentence">(.*?)</p>', text, re.DOTALL)[1]


@pytest.fixture
def client():
    found = Client()
    yield found
    found.session.close()


@pytest.fixture
def gestures(client, tmp_path):
    client.post("/open", path=str(folder(tmp_path)))
    return client


# ---- seeing ----------------------------------------------------------------------------------------------------------


def test_a_folder_of_gestures_is_shown_as_traces(gestures):
    page = gestures.get("/data").text
    assert page.count("<polyline") == 12 * 6
    assert "flex_00.csv" in page
    assert "12 windows of 1 s at 100 Hz" in page
    assert "How the data were read (5)" in page


def test_sounds_are_shown_as_spectrograms_and_can_be_heard(client, tmp_path):
    for label, pitch in (("low", 400), ("high", 2500)):
        for i in range(3):
            sound(tmp_path / "s" / label / f"{i}.wav", tone(pitch, 1.0, 8000), 8000)
    client.post("/open", path=str(tmp_path / "s"))
    number = client.session.opened.number
    assert f'src="/recordings/{number}/0.png"' in client.get("/data").text
    assert client.get(f"/recordings/{number}/0.png").data.startswith(b"\x89PNG")
    assert client.get(f"/recordings/{number}/0.wav").data[8:12] == b"WAVE"
    client.get(f"/recordings/{number}/99.png", 404)


def test_high_tones_stand_above_low_ones():
    image = pytest.importorskip("matplotlib.image")
    drawn = [image.imread(io.BytesIO(pictures.spectrogram(tone(p).astype(np.int16), 8000))) for p in (300, 3000)]
    low, high = (picture[..., 0].sum(axis=1).argmax() for picture in drawn)
    assert low > high


def test_a_table_is_shown_and_another_column_can_be_predicted(client, tmp_path):
    rows = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(40))
    client.post("/open", path=str(write(tmp_path / "t.csv", f"x,{EVIL},kind\n{rows}")))
    page = client.get("/data").text
    assert "40 rows of" in page
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)" in page
    client.post("/columns", target=EVIL, drop=["kind"])
    assert client.session.opened.as_read.task == "classification"
    assert sorted(dict(client.session.opened.labels())) == list("0123456")


@pytest.mark.parametrize(("name", "content", "said"), [
    ("a.csv", "", "empty"), ("a.csv", b"\x00\x01\x02" * 50, "a.csv"), ("a.csv", "one\ntwo\n", "one column"),
    ("a.npz", b"PK\x03\x04junk", "a.npz"), ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(99), "a.png"),
])  # fmt: skip
def test_what_is_no_table_gives_a_sentence_on_the_page(name, content, said, client, tmp_path):
    path = write(tmp_path / name, content)
    sent = (io.BytesIO(path.read_bytes()), name)
    for sentence in (client.refused("/open", path=str(path)), client.refused("/upload", files=sent)):
        assert said in sentence
        assert "fault" not in sentence
        assert "Traceback" not in sentence


def test_missing_values_are_refused_or_replaced_as_asked(client, tmp_path):
    rows = "".join(f"{'' if i == 3 else i},{i % 5},{'ab'[i % 2]}\n" for i in range(40))
    path = str(write(tmp_path / "t.csv", f"x,y,kind\n{rows}"))
    sentence = client.refused("/open", path=path)
    assert "a value is missing" in sentence
    assert "--" not in sentence
    client.post("/open", path=path, impute="drop")
    assert len(client.session.opened.as_read.y) == 39
    assert "missing values are refused" in client.refused("/open", path=path, impute="guess")


def test_a_path_that_is_none_gives_a_sentence(client, tmp_path):
    assert "does not exist" in client.refused("/open", path=str(tmp_path / EVIL))
    assert "no path" in client.refused("/open", path=" ")
    (tmp_path / "empty").mkdir()
    assert "no files" in client.refused("/open", path=str(tmp_path / "empty"))
    assert EVIL not in client.post("/open", 400, path=EVIL).text


# ---- uploading -------------------------------------------------------------------------------------------------------


def test_uploads_are_kept_inside_and_read_as_a_folder(client, tmp_path):
    root = folder(tmp_path)
    sent = [(io.BytesIO(path.read_bytes()), f"wand/../../{path.name}") for path in sorted(root.iterdir())]
    client.post("/upload", files=sent)
    assert client.session.opened.labels() == [("flex", 6), ("punch", 6)]
    assert client.session.opened.shown == "wand"
    assert not list(tmp_path.parent.glob("flex_*"))


@pytest.mark.parametrize(("name", "parts"), [
    ("../../etc/passwd", ["etc", "passwd"]), ("C:\\x\\a.csv", ["C_", "x", "a.csv"]), ("...", []), ("a\x00b", ["a_b"]),
    (f"{'é' * 200}.csv", None),
])  # fmt: skip
def test_names_of_uploads_lead_nowhere_else(name, parts):
    found = uploads._parts(name)
    assert found == parts if parts is not None else len(found[0].encode()) <= 120 and found[0].endswith(".csv")


def test_an_upload_that_is_too_large_gives_a_sentence(tmp_path):
    small = Client(most_bytes=5000)
    sentence = small.refused("/upload", 413, files=(io.BytesIO(bytes(6000)), "a.csv"))
    assert "its path" in sentence
    assert small.session.opened is None
    small.session.close()


def test_sentences_name_files_as_they_were_sent(client):
    assert client.refused("/upload", files=(io.BytesIO(b""), "a.csv")) == "a.csv is empty"
    twice = client.refused("/upload", files=[(io.BytesIO(b"1"), "a"), (io.BytesIO(b"2"), "a/b")])
    assert twice == "a/b cannot be kept: File exists"
    assert len(client.refused("/open", path="x" * 5000)) < 300


@pytest.mark.parametrize("name", ["const", "setup", "a__b", "n" * 90])
def test_models_of_files_with_any_name_are_shown(name, client, tmp_path, monkeypatch):
    monkeypatch.setattr("edgealgos.studio.session.Job", AtOnce)
    path = write(
        tmp_path / f"{name}.csv", "x,y,kind\n" + "".join(f"{i % 7},{i % 5},{'ab'[i % 2]}\n" for i in range(40))
    )
    client.post("/open", path=str(path))
    client.post("/train", budgets="64", seconds="1", board="uno", families="linear")
    client.get("/models/1")
    assert zipfile.ZipFile(io.BytesIO(client.get("/models/1/sketch.zip").data)).namelist()


def test_an_upload_of_nothing_gives_a_sentence(client):
    assert "no file was chosen" in client.refused("/upload")


# ---- labelling -------------------------------------------------------------------------------------------------------


def test_labels_are_given_renamed_and_escaped(gestures):
    gestures.post("/label", number=0, label="wave")
    gestures.post("/label", number=11, drop="1")
    gestures.post("/rename", old="flex", new=EVIL)
    opened = gestures.session.opened
    assert opened.labels() == [(EVIL, 5), ("punch", 5), ("wave", 1)]
    page = gestures.get("/data").text
    assert EVIL not in page
    assert "&lt;script&gt;" in page
    edited = opened.data()
    assert sorted(zip(*np.unique(edited.y, return_counts=True), strict=True)) == opened.labels()
    assert len(edited.X) == len(edited.groups) == len(edited.recordings.sources) == 11
    assert opened.as_read.y.tolist().count("flex") == 6  # what was read stays
    assert gestures.get(f"/data?label={EVIL}").text.count("<svg") == 5
    gestures.post("/label", number=11, label="punch")
    assert dict(opened.labels())["punch"] == 6


def test_rows_of_a_table_are_labelled_left_out_and_turned_over(client, tmp_path):
    rows = "".join(f"{i * 37 % 50 / 8},{i % 7},{'ab'[i % 2]}\n" for i in range(50))
    client.post("/open", path=str(write(tmp_path / "t.csv", f"x,z,kind\n{rows}")))
    page = client.get("/data").text
    assert "1 to 20 of 50" in page
    assert page.count('action="/label"') == 20
    client.post("/label", number=40, label="c")
    client.post("/label", number=41, drop="1")
    client.post("/rename", old="b", new=EVIL)
    opened = client.session.opened
    assert opened.labels() == [(EVIL, 24), ("a", 24), ("c", 1)]
    found = opened.data()
    assert list(found.X["x"]) == [i * 37 % 50 / 8 for i in range(50) if i != 41]
    assert found.y[40] == "c"
    assert sorted(zip(*np.unique(found.y, return_counts=True), strict=True)) == opened.labels()
    last = client.get("/data?first=40").text
    assert EVIL not in last
    assert "41 to 50 of 50" in last
    assert 'value="c"' in last
    assert "1 rows left out" in last
    assert client.get(f"/data?label={EVIL}").text.count('action="/label"') == 20
    client.post("/label", number=41, label="b")
    assert opened.dropped == 0
    assert "no row 50" in client.refused("/label", number=50, label="c")


@pytest.mark.parametrize(("targets", "given", "kind"), [
    ("0 1", "1", "i"), ("0 1", "two", "U"), ("1.5 2.25", "3", "f"), ("1.5 2.25", "-1e3", "f"),
])  # fmt: skip
def test_labels_of_rows_keep_their_type_where_they_can(targets, given, kind, tmp_path):
    y = np.array(list(map(float if "." in targets else int, targets.split())) * 20)
    data = Data(np.arange(80.0).reshape(40, 2), y, "regression" if "." in targets else "classification",
                X_test=np.zeros((2, 2)), y_test=y[:2])  # fmt: skip
    opened = Opened(1, "t", "t", data)
    assert opened.data() is data
    opened.label(3, given)
    found = opened.data()
    assert found.y.dtype.kind == found.y_test.dtype.kind == kind
    assert float(found.y[3]) == float(given) if kind != "U" else found.y[3] == given
    assert found.y[0] == (y[0] if kind != "U" else str(y[0]))


@pytest.mark.parametrize("number", ["", "nan", "inf", "one", "1,5"])
def test_where_a_number_is_predicted_no_row_gets_a_word(number, client):
    client.post("/open", path="diabetes")
    assert "a number is predicted" in client.refused("/label", number=0, label=number)
    client.post("/label", number=0, label="12.5")
    assert client.session.opened.data().y[0] == 12.5
    for row in range(1, 442):
        client.session.opened.drop(row)
    client.session.opened.drop(0)
    with pytest.raises(ValueError, match="all rows are left out"):
        client.session.opened.data()


@pytest.mark.parametrize("label", ["", "  ", "x" * 61, "a\x07b"])
def test_what_is_no_label_is_refused(label, gestures):
    assert "a label has" in gestures.refused("/label", number=0, label=label)


def test_of_one_label_nothing_is_learnt(gestures):
    gestures.post("/rename", old="flex", new="punch")
    assert "at least two" in gestures.refused("/train", budgets="512", seconds="5", board="uno")


# ---- who may ask -----------------------------------------------------------------------------------------------------


def test_other_hosts_and_those_without_the_key_get_nothing(client):
    other = create_app(client.session, client.guard).test_client()
    assert other.get("/", **client.options).status_code == 403
    assert other.get("/?key=guess", **client.options).status_code == 403
    for host in ("evil.example:8765", "127.0.0.1:80", "127.0.0.1.evil.example:8765"):
        assert client.client.get("/", base_url=f"http://{host}").status_code == 403
    assert other.get(f"/?key={client.guard.key}", base_url=f"http://localhost:{PORT}").status_code == 303


def test_browsers_leave_out_the_usual_port():
    assert Guard(80).hosts == {"127.0.0.1", "127.0.0.1:80", "localhost", "localhost:80"}
    assert Guard(PORT).hosts == {f"127.0.0.1:{PORT}", f"localhost:{PORT}"}


def test_forms_of_other_pages_change_nothing(gestures):
    before = gestures.session.opened
    form = {"token": gestures.guard.token, "path": "iris"}
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9999"}):
        answer = gestures.client.post("/open", data=form, headers=headers, **gestures.options)
        assert answer.status_code == 403
    gestures.post("/open", 403, token="guess", path="iris")
    gestures.post("/open", 403, token="", path="iris")
    assert gestures.session.opened is before


def test_pages_load_nothing_from_elsewhere(gestures):
    for path in ("/", "/data", "/train"):
        answer = gestures.get(path)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r'(?:src|href|action)="(?!/|#|data:)', answer.text)
        assert not re.search(r"<script(?! src=)", answer.text)


def test_a_page_of_data_that_another_tab_has_replaced_changes_nothing(gestures):
    old = gestures.session.opened.number
    gestures.post("/open", path="iris")
    assert "another tab" in gestures.refused("/train", 409, data=old, budgets="512", seconds="5", board="uno")
    assert "another tab" in gestures.refused("/label", 409, data=old, number=0, label="x")
    assert gestures.session.job is None


@pytest.mark.parametrize(("form", "said"), [
    ({"budgets": "many"}, "whole numbers"), ({"budgets": ""}, "whole numbers"), ({"budgets": "0"}, "whole numbers"),
    ({"budgets": "1 2 3 4 5 6 7 8 9"}, "at most 8"), ({"seconds": "nan"}, "1 to"), ({"seconds": "-1"}, "1 to"),
    ({"board": "toaster"}, "toaster"), ({"families": "dreams"}, "dreams"),
])  # fmt: skip
def test_what_cannot_be_trained_gives_a_sentence(form, said, gestures):
    sentence = gestures.refused("/train", **{"budgets": "512", "seconds": "5", "board": "uno", **form})
    assert said in sentence


# ---- training --------------------------------------------------------------------------------------------------------


class AtOnce(jobs.Job):
    """Work that is done in this process before anything else is: what processes cost, the tests in a browser pay."""

    def _begin(self, work, arguments):
        self._take(*jobs._ended(work, self._take, arguments))

    def cancel(self):
        assert not self.running


def test_from_gestures_to_a_sketch(gestures, monkeypatch):
    monkeypatch.setattr("edgealgos.studio.session.Job", AtOnce)
    gestures.post("/train", budgets="1 128 256", seconds="4", board="uno", families="linear")
    assert gestures.session.job.state == "done", gestures.session.job.reason
    live = gestures.get("/live").json
    assert not live["running"]
    assert "1 bytes: no family can meet these budgets" in live["html"]
    assert live["html"].count('class="model"') == 2
    page = gestures.get("/models/2").text
    assert "neither training nor the choice among models has seen" in page
    assert "Confusion" in page
    packed = zipfile.ZipFile(io.BytesIO(gestures.get("/models/2/sketch.zip?name=my wand").data))
    assert {"my_wand/my_wand.ino", "my_wand/my_wand_model.h", "my_wand/imu.h"} <= set(packed.namelist())
    assert gestures.get("/models/2/model.edgealgos").data.startswith(b"PK")
    gestures.get("/models/3", 404)


def test_any_point_is_picked_and_fitted_once(gestures, monkeypatch):
    monkeypatch.setattr("edgealgos.studio.session.Job", AtOnce)
    gestures.post("/train", budgets="128 256", seconds="4", board="uno", families="linear")
    search = gestures.session.search
    more = {"family": "boostedtrees", "params": {"max_depth": 2}, "validation_score": 0.8, "validation_spread": 0.0,
            "model_bytes": 90, "cycles": 900, "ram_bytes": 300, "seconds": 1.0}  # fmt: skip
    search.job._take("candidate", more)  # however little time there was for others
    page = gestures.get("/train").text
    points = sorted(map(int, re.findall(r'data-trial="(\d+)"', page)))
    assert points == [i for i, c in enumerate(search.job.candidates) if c["validation_score"] is not None]
    assert sorted(map(int, re.findall(r'name="trial" value="(\d+)"', page))) == points
    fitted = {gestures.session.model_of(search.number, i): i for i in points}
    assert {1, 2} < set(fitted)  # the best of each budget, and None for others
    trial = fitted[None]
    for _ in range(2):
        went = gestures.post("/pick", search=search.number, trial=trial).headers["Location"]
        assert gestures.get(went, 303).headers["Location"] == "/models/3"
    assert len(gestures.session.models) == 3
    model, tried = gestures.session.models[3], search.job.candidates[trial]
    assert model.facts["family"] == tried["family"]
    assert model.facts["score"] == tried["validation_score"]
    assert {name: model.model[-1].get_params()[name] for name in tried["params"]} == tried["params"]
    assert model.facts["bytes"] <= tried["budget"]
    assert model.data is search.parts  # the same test part
    went = gestures.post("/pick", search=search.number, trial=fitted[1]).headers["Location"]
    assert gestures.get(went, 303).headers["Location"] == "/models/1"
    assert "model 3" in gestures.get("/train").text


def test_points_of_an_earlier_training_are_not_mistaken_for_others(gestures, monkeypatch):
    monkeypatch.setattr("edgealgos.studio.session.Job", AtOnce)
    wish = {"budgets": "128", "seconds": "2", "board": "uno", "families": "linear"}
    gestures.post("/train", **wish)
    first = gestures.session.search.number
    gestures.post("/rename", old="flex", new="bend")
    gestures.post("/train", **wish)
    second = gestures.session.search.number
    assert "another training" in gestures.refused("/pick", 409, search=first, trial=0)
    gestures.get(f"/picked/{first}/0", 409)
    assert gestures.session.model_of(second, 0) in (2, None)  # labels were others
    for trial in ("-1", "99", "x"):
        assert "another training" in gestures.refused("/pick", 409, search=second, trial=trial)


def test_while_a_training_goes_on_nothing_is_picked(gestures):
    gestures.post("/train", budgets="128", seconds="60", board="uno", families=["linear", "boostedtrees"])
    job, end = gestures.session.job, time.monotonic() + 60
    while not any(c["validation_score"] for c in job.candidates) and time.monotonic() < end:
        time.sleep(0.05)
    assert "data-trial" not in gestures.get("/live").json["html"]
    tried = next(i for i, c in enumerate(job.candidates) if c["validation_score"])
    assert "a training goes on" in gestures.refused("/pick", 409, search=gestures.session.search.number, trial=tried)
    gestures.post("/cancel")
    assert "data-trial" in gestures.get("/live").json["html"]


def test_a_training_that_is_cancelled_leaves_no_process(gestures):
    gestures.post("/train", budgets="512", seconds="60", board="uno", families="bonsai")
    job = gestures.session.job
    assert "cancel" in gestures.get("/live").json["html"]
    assert "a training goes on" in gestures.refused("/open", 409, path="iris")
    gestures.post("/cancel")
    assert job.state == "cancelled"
    assert not job._process.is_alive()
    assert "Cancelled" in gestures.get("/train").text
    gestures.post("/open", path="iris")


# ---- names of others ------------------------------------------------------------------------------------------------


def test_no_page_and_no_picture_holds_a_name_as_markup(client, tmp_path, monkeypatch):
    monkeypatch.setattr("edgealgos.studio.session.Job", AtOnce)
    root = folder(tmp_path).rename(tmp_path / EVIL_NAME)
    for path in list(root.iterdir()):
        path.rename(root / path.name.replace("flex", EVIL_NAME))
    client.post("/open", path=str(root))
    client.post("/rename", old="punch", new=EVIL)
    client.post("/train", budgets="1 128", seconds="2", board="uno", families="linear")
    pages = ["/", "/data", f"/data?label={EVIL}", "/train", "/models/1", "/models/1/simulation", "/live"]
    told = {page: client.get(page).text for page in pages}
    client.post("/models/1/simulate")
    told["simulated"] = client.get("/models/1").text
    told["refused"] = client.post("/open", 400, path=str(tmp_path / EVIL_NAME / EVIL)).text
    told["label refused"] = client.post("/label", 400, number=0, label=EVIL * 9).text
    sketch = zipfile.ZipFile(io.BytesIO(client.get(f"/models/1/sketch.zip?name={EVIL}").data))
    assert all(re.fullmatch(r"[\w./-]+", name) for name in sketch.namelist())
    for page, text in told.items():
        assert EVIL not in text, page
        assert EVIL_NAME not in text, page
        assert "<script>" not in text, page
    assert sum("&lt;img" in text or "\\u003cimg" in text for text in told.values()) >= 4
    assert "&lt;script&gt;" in told["/models/1"]


# ---- the server ------------------------------------------------------------------------------------------------------


def test_a_port_in_use_gives_a_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert main(["studio", "--no-browser", "--port", str(other.getsockname()[1])]) == 1
    assert "--port" in capsys.readouterr().err


def test_without_its_framework_the_command_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("edgealgos.cli.studio.find_spec", lambda name: None)
    assert main(["studio"]) == 1
    assert "pip install 'edgealgos[studio]'" in capsys.readouterr().err


def test_charts_hold_every_number_and_escape_names():
    rows = [
        {"family": EVIL, "validation_score": s, "model_bytes": b, "params": {}} for s, b in ((0.5, 100), (0.9, 900))
    ]
    drawn = charts.over_bytes(rows, {3: {"score": 0.9, "bytes": 900, "family": "x"}}, "R²")
    assert EVIL not in drawn
    assert drawn.count('class="tried"') == 2
    assert '/models/3"' in drawn
    assert "data-trial" not in drawn
    assert charts.over_bytes(rows, {}, "R²", pick=True).count("data-trial") == 2
    assert charts.over_bytes([], {}, "R²") == ""
    assert charts.trials([{"validation_score": None}], "R²") == ""
    flat = charts.curve([{"epoch": 1, "epochs": 5, "loss": 0.25}], "loss", "loss", 0)
    assert "nan" not in flat
