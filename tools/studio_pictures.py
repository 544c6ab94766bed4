"""Draws the pictures of docs/studio.md: a studio in a headless Chromium, with simulated gestures.

python -m tools.studio_pictures
"""

from __future__ import annotations

import base64
import logging
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from werkzeug.serving import make_server

from edgealgos.files import Scratch
from edgealgos.studio.app import create_app
from edgealgos.studio.guard import Guard
from edgealgos.studio.server import HOST
from edgealgos.studio.session import Session
from tests.support.browser import Browser

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
TAKES, ROWS, SIZE = 16, 119, (1100, 1150)
WAIT = 500  # seconds


def gesture(label: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Acceleration in g and rotation in degrees a second of one take; gravity along z."""
    t = np.linspace(0, 1, ROWS)[:, None]
    size, speed, middle = rng.uniform(0.3, 1.2), rng.uniform(0.7, 1.3), rng.uniform(0.4, 0.6)
    around, phase = np.exp(-(((t - middle) / 0.22) ** 2)), 2 * np.pi * speed * t
    motion = {
        "circle": [np.sin(2 * phase), np.cos(2 * phase), 0, 0, 0, 180],
        "wave": [0, 1.3 * np.sin(3 * phase), 0, 0, 0, 200 * np.cos(3 * phase)],
        "lift": [0, 0.3, np.sin(phase), 120 * np.cos(phase), 0, 0],
        "other": [0.5 * np.sin(phase), 0.3 * np.cos(0.5 * phase), 0.2, 40, 40 * np.sin(phase), 0],
    }[label]
    moved = np.hstack([np.broadcast_to(size * around * axis, t.shape) for axis in motion])
    noise = rng.normal(0, [0.25] * 3 + [45.0] * 3, moved.shape)
    return moved + noise + [*rng.normal(0, 0.15, 2), 1, 0, 0, 0]


def write(folder: Path) -> Path:
    """A folder of takes."""
    rng = np.random.default_rng(0)
    for label in ("circle", "wave", "lift", "other"):
        (folder / "gestures" / label).mkdir(parents=True)
        for take in range(TAKES):
            np.savetxt(folder / "gestures" / label / f"{take:02}.csv", gesture(label, rng), "%.3f", ",",
                       header="aX,aY,aZ,gX,gY,gZ", comments="")  # fmt: skip
    return folder / "gestures"


def photograph(page: Browser, name: str) -> None:
    """Write what the window shows."""
    (PICTURES / f"{name}.png").write_bytes(base64.b64decode(page.picture()))


def walk(page: Browser, folder: Path, address: str) -> None:
    """From data to a model, as docs/studio.md tells."""
    page.open(address)
    page.run("document.querySelector('[name=path]').value = arguments[0]", str(folder))
    page.click("section form button")
    page.wait("document.querySelector('.card')", WAIT)
    page.run("document.querySelector('.open').textContent = 'gestures'")
    photograph(page, "studio_data")
    page.click(".next")
    page.wait("document.querySelector('#begin')")
    page.run("document.querySelector('[name=budgets]').value = '64 128 256 1024'")
    page.run("document.querySelector('[name=seconds]').value = 25")
    page.click("#begin")
    page.wait("document.querySelector('#job') && document.querySelector('#job').dataset.state === 'done'", WAIT)
    page.run("document.querySelector('.open').textContent = 'gestures'")
    photograph(page, "studio_train")
    page.click("#front tbody a")
    page.wait("document.body.dataset.state === 'ready'", WAIT)
    page.click("#all")
    page.wait("document.body.dataset.state === 'ready'", WAIT)
    page.run("document.querySelector('.open').textContent = 'gestures'")
    photograph(page, "studio_model")


def main() -> None:
    """All pictures."""
    PICTURES.mkdir(exist_ok=True)
    session = Session()
    server = make_server(HOST, 0, lambda *request: app(*request), threaded=True)
    guard = Guard(server.port)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app(session, guard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Scratch() as folder, Browser() as page:
            page.resize(*SIZE)
            walk(page, write(folder), guard.address)
    finally:
        server.shutdown()
        session.close()


if __name__ == "__main__":
    main()
