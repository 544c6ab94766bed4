"""The studio as a person uses it, in a real browser; and as a process that is started and ended in a terminal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from edgealgos.codegen.build.sketch import build_sketch
from tests.datasets.test_recordings import folder
from tests.support.browser import Browser

pytestmark = pytest.mark.slow

EVIL = "<script>alert(1)</script>"
PATIENCE = 120  # seconds, of a busy machine


def hears_interrupts() -> None:
    """A shell's background command, and all that it starts, would ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def studio() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A studio in a process of its own, and its address."""
    words = [sys.executable, "-m", "edgealgos", "studio", "--port", "0", "--no-browser"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(words, preexec_fn=hears_interrupts, **pipes) as server:
        try:
            found = re.search(r"http\S+", server.stdout.readline())
            assert found is not None
            yield server, found[0]
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGINT)


def begin(page: Browser, families: str = "linear|boosted", **settings: str) -> None:
    """Train with these settings the families whose names an expression finds."""
    for name, value in settings.items():
        page.run("document.querySelector(`[name=${arguments[0]}]`).value = arguments[1]", name, value)
    wanted = f"/{families}/.test(box.value)"
    page.run(f"document.querySelectorAll('[name=families]').forEach((box) => (box.checked = {wanted}))")
    page.click("#begin")
    page.wait("document.querySelector('#job')", PATIENCE)


@pytest.mark.needs("chromedriver", "chromium", "avr-g++", "arduino-core")
def test_from_a_folder_of_gestures_to_a_sketch_that_compiles(tmp_path):
    root = folder(tmp_path)
    with studio() as (server, address), Browser(tmp_path) as page:
        page.requests()
        page.open(address)
        page.type("[webkitdirectory]", str(root))
        page.click(".upload button")
        page.wait("document.querySelectorAll('.card svg').length === 12", PATIENCE)
        page.run("document.querySelector('[name=new][value=punch]').value = arguments[0]", EVIL)
        page.click("form:has([value=punch]) button")
        page.wait("document.querySelector('.card') && !document.querySelector('[value=punch]')", PATIENCE)
        page.click(".next")
        page.wait("document.querySelector('#begin')")
        begin(page, budgets="128 256", seconds="15")
        page.open("about:blank")  # nobody looks
        page.open(urllib.parse.urljoin(address, "/train"))
        page.wait("document.querySelector('#job').dataset.state === 'done'", PATIENCE)
        page.wait("document.querySelectorAll('svg .model').length === 2")
        tried = page.run(
            "return [...document.querySelectorAll('#pick button')].findLast((b) => b.textContent === 'Fit').value"
        )
        page.point_at(f"svg [data-trial='{tried}'] circle")  # the worst point
        page.wait("document.querySelector('h1').innerText.startsWith('Model 3')", PATIENCE)
        page.wait("document.body.dataset.state === 'ready'", PATIENCE)
        page.click("#run")
        page.wait("document.querySelector('#verdict').className === 'good'", PATIENCE)
        assert page.run("return document.querySelector('#answer').innerText").startswith(("flex", EVIL))
        page.click("#download")
        packed = tmp_path / "gestures.zip"
        end = time.monotonic() + PATIENCE
        while not packed.exists() and time.monotonic() < end:
            time.sleep(0.1)
        assert page.errors() == []
        hosts = {urllib.parse.urlsplit(url).hostname for url in page.requests() if url != "about:blank"}
        assert hosts == {"127.0.0.1"}
        page.open(urllib.parse.urljoin(address, "/train"))
        begin(page, families="bonsai", budgets="512", seconds="600")
        started = children(server.pid)
        server.send_signal(signal.SIGINT)
        assert server.wait(PATIENCE) == 0
        assert server.stdout.read().splitlines()[-1] == "the studio has ended"
        check_all_end(started)
    zipfile.ZipFile(packed).extractall(tmp_path / "out")
    firmware = build_sketch(tmp_path / "out" / "gestures")
    assert 2000 < firmware.flash_bytes < 32_256


@pytest.mark.needs("chromedriver", "chromium")
def test_training_goes_on_when_the_browser_is_closed_and_two_tabs_see_the_same():
    with studio() as (_, address):
        with Browser() as page:
            page.open(address)
            page.click("section:last-of-type form button")  # iris
            page.wait("document.querySelector('.next')", PATIENCE)
            page.click(".next")
            page.wait("document.querySelector('#begin')")
            begin(page, budgets="64 128", seconds="10")
        with Browser() as page:
            page.open(address)
            page.open(urllib.parse.urljoin(address, "/train"))
            page.wait("document.querySelector('#job').dataset.state === 'done'", PATIENCE)
            first = page.tabs()[0]
            second = page.new_tab(urllib.parse.urljoin(address, "/train"))
            points = "return document.querySelectorAll('[data-trial]').length"
            shown = page.run(points)
            page.turn_to(first)
            assert page.run(points) == shown > 1
            begin(page, families="bonsai", budgets="64", seconds="600")
            page.turn_to(second)
            page.run("document.querySelector('#pick button').click()")
            page.wait("document.querySelector('#sentence')")
            assert "another training" in page.run("return document.querySelector('#sentence').innerText")
            page.wait("document.querySelector('#job').dataset.state === 'running'")
            page.run("document.querySelector('#cancel').click()")  # before the page is drawn again
            page.wait("document.querySelector('#job').dataset.state === 'cancelled'", PATIENCE)
            page.turn_to(first)
            page.wait("document.querySelector('#job').dataset.state === 'cancelled'", PATIENCE)
            assert [told for told in page.errors() if "409" not in told] == []


@pytest.mark.needs("chromedriver", "chromium")
def test_an_upload_that_is_too_large_is_not_sent(tmp_path):
    (tmp_path / "large.csv").write_bytes(bytes(5000))
    with studio() as (_, address), Browser() as page:
        page.open(address)
        page.run("document.body.dataset.most = 4000")
        page.requests()
        page.type(".upload [multiple]:not([webkitdirectory])", str(tmp_path / "large.csv"))
        page.click(".upload button")
        told = page.wait("document.querySelector('.upload p.missing:not([hidden])')?.innerText")
        assert "Give its path on this computer instead" in told
        assert page.requests() == []
        page.run("document.body.dataset.most = 10 ** 9")
        page.click(".upload button")
        page.wait("document.querySelector('#sentence')")
        assert "large.csv" in page.run("return document.querySelector('#sentence').innerText")


class Terminal:
    """Asks a studio without a browser."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )
        self.get("/" + address.rpartition("/")[2])

    def get(self, path: str, form: dict[str, str] | None = None) -> str:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        with self._opener.open(urllib.parse.urljoin(self._address, path), data, timeout=PATIENCE) as answer:
            return answer.read().decode()


def children(pid: int) -> list[int]:
    """Processes that a process has started and that live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


def check_all_end(pids: list[int]) -> None:
    """Wait until these processes are gone."""
    end = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < end:
        time.sleep(0.1)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
def test_a_studio_that_is_killed_takes_its_training_along():
    with studio() as (server, address):
        user = Terminal(address)
        token = re.search(r'name="token" value="([^"]+)"', user.get("/"))[1]
        page = user.get("/open", {"token": token, "path": "iris"})
        number = re.search(r'name="data" value="(\d+)"', page)[1]
        wish = {"budgets": "512", "seconds": "600", "board": "uno", "families": "bonsai"}
        user.get("/train", {"token": token, "data": number, **wish})
        assert json.loads(user.get("/live"))["running"]
        started = children(server.pid)
        assert started
        server.kill()
        check_all_end(started)
