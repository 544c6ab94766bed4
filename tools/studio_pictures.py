"""Draws the pictures of docs/studio.md: a studio in a headless Chromium, with simulated gestures.

python -m tools.studio_pictures

They are kept, since not every computer that builds the site has a browser; each says what it was drawn from, so that a
test sees when the studio looks otherwise by now.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from werkzeug.serving import make_server

from edgealgos.files import Scratch
from edgealgos.studio.app import create_app
from edgealgos.studio.guard import Guard
from edgealgos.studio.server import HOST
from edgealgos.studio.session import Session
from tests.support.browser import Browser

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
NAMES = ("studio_data", "studio_train", "studio_model")
SEEN = ("edgealgos/studio/templates/*", "edgealgos/studio/assets/*", "edgealgos/studio/charts.py",
        "edgealgos/pages/assets/style.css", "edgealgos/pages/html.py", "tools/studio_pictures.py")  # fmt: skip
DRAWN_FROM = "drawn from"  # in the file, with a digest of these
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


def digest() -> str:
    """Of all that decides how the studio looks."""
    text = "".join(path.read_text(encoding="utf-8") for pattern in SEEN for path in sorted(ROOT.glob(pattern)))
    return hashlib.sha256(text.encode()).hexdigest()


def drawn_from(name: str) -> str:
    """The digest of what a picture shows."""
    with Image.open(PICTURES / f"{name}.png") as picture:
        return str(picture.info.get(DRAWN_FROM))


def photograph(page: Browser, name: str) -> None:
    """Write what the window shows, in 256 colours."""
    picture = Image.open(io.BytesIO(base64.b64decode(page.picture()))).convert("RGB").quantize(256)
    told = PngInfo()
    told.add_text(DRAWN_FROM, digest())
    picture.save(PICTURES / f"{name}.png", pnginfo=told, optimize=True)


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
    page.run("document.querySelector('[name=seconds]').value = 20")
    page.click("#begin")
    page.wait("document.querySelector('#job') && document.querySelector('#job').dataset.state === 'done'", WAIT)
    page.run("document.querySelector('.open').textContent = 'gestures'")
    photograph(page, "studio_train")
    page.point_at("svg a:last-of-type circle")  # the largest model
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
