"""A headless Chromium driven through chromedriver with what Python brings along; knows no page of ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

DRIVER, BROWSER = "chromedriver", shutil.which("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1100,1400",
)  # fmt: skip
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of WebDriver's standard


class Browser:
    """A browser that begins with one page; closes with its `with` block.

    Parameters
    ----------
    downloads : Path, optional
        Folder for files that pages give.
    """

    def __init__(self, downloads: Path | None = None) -> None:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._driver = subprocess.Popen(
            [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._driver.stdout is not None
        found = None
        while found is None:
            line = self._driver.stdout.readline()
            assert line, "chromedriver ended at once"
            found = re.search(r"started successfully on port (\d+)", line)
        self._home = f"http://127.0.0.1:{found[1]}"
        options: dict[str, Any] = {"args": [*FLAGS, f"--user-data-dir={self._profile.name}"], "binary": BROWSER}
        if downloads is not None:
            options["prefs"] = {"download.default_directory": str(downloads)}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self._home += f"/session/{self._ask('POST', '/session', capabilities={'alwaysMatch': wanted})['sessionId']}"

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait()
            assert self._driver.stdout is not None
            self._driver.stdout.close()
            self._profile.cleanup()

    def _ask(self, method: str, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(self._home + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=300) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        self._ask("POST", "/url", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self._ask("POST", "/execute/sync", script=script, args=list(arguments))

    def wait(self, condition: str, seconds: float = 30) -> Any:
        """The value of a JavaScript expression once it is true."""
        end = time.monotonic() + seconds
        while not (found := self.run(f"return {condition}")):
            assert time.monotonic() < end, (
                f"{condition} stayed false; the page: {self.run('return document.body.innerText')[:3000]}"
            )
            time.sleep(0.05)
        return found

    def element(self, selector: str) -> str:
        """Identity of the first element of a CSS selector."""
        return str(self._ask("POST", "/element", using="css selector", value=selector)[ELEMENT])

    def click(self, selector: str) -> None:
        """Click on an element."""
        self._ask("POST", f"/element/{self.element(selector)}/click")

    def point_at(self, selector: str) -> None:
        """Click where the middle of an element is, whatever lies above it."""
        place = {"type": "pointerMove", "x": 0, "y": 0, "origin": {ELEMENT: self.element(selector)}}
        press = [{"type": f"pointer{way}", "button": 0} for way in ("Down", "Up")]
        self.run("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", selector)
        self._ask("POST", "/actions", actions=[{"type": "pointer", "id": "mouse", "actions": [place, *press]}])

    def type(self, selector: str, text: str) -> None:
        """Type into an element; into one that chooses files, their paths, a line each."""
        self._ask("POST", f"/element/{self.element(selector)}/value", text=text)

    def tabs(self) -> list[str]:
        """Identities of the pages that are open."""
        return list(self._ask("GET", "/window/handles"))

    def turn_to(self, tab: str) -> None:
        """Show another page."""
        self._ask("POST", "/window", handle=tab)

    def new_tab(self, url: str) -> str:
        """Open a page beside the others, and show it."""
        tab = str(self._ask("POST", "/window/new", type="tab")["handle"])
        self.turn_to(tab)
        self.open(url)
        return tab

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, in pixels."""
        self._ask("POST", "/window/rect", width=width, height=height)

    def picture(self) -> str:
        """What the window shows: a PNG file, in base64."""
        return str(self._ask("GET", "/screenshot"))

    def errors(self) -> list[str]:
        """What the console has said since it was asked last, remarks left out."""
        found = self._ask("POST", "/se/log", type="browser")
        return [entry["message"] for entry in found if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses that pages have asked for since it was asked last; the browser's own pages are left out."""
        events = [json.loads(entry["message"])["message"] for entry in self._ask("POST", "/se/log", type="performance")]
        sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("chrome:", "data:"))]
