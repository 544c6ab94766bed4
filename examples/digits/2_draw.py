"""Step 2: draw a digit; its rows go to the Uno one by one, and the answer comes back with its confidence.

python examples/digits/2_draw.py                   # a window to draw in, the Uno simulated
python examples/digits/2_draw.py --port /dev/ttyACM0
python examples/digits/2_draw.py --picture "..##..../.#..#.../....#.../...##.../....#.../....#.../.#..#.../..##...."
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import edgealgos as ea

OUT = Path(__file__).parent / "out"
SIDE, INK, SCALE = 8, 16.0, 40  # pixels of a picture, its darkest value, screen pixels of one
Answer = tuple[str, float]


def typed(picture: str) -> np.ndarray:
    """A picture of rows between slashes, of which everything but dots is ink."""
    rows = picture.split("/")
    if len(rows) != SIDE or any(len(row) != SIDE for row in rows):
        sys.exit(f"a picture is {SIDE} rows of {SIDE} characters between slashes, such as {'.' * SIDE}/...")
    return np.array([[0.0 if pixel == "." else INK for pixel in row] for row in rows])


def on_simulated_uno(picture: np.ndarray) -> Answer:
    """The sketch on the simulated board; where there is no simulator, its Python twin."""
    compiled = ea.compile_model(ea.load(OUT / "digits.edgealgos"))
    rows = picture.reshape(1, -1)
    try:
        found = compiled.simulate(rows)
        print(f"{int(found.cycles[0]):,} cycles on the Uno, {found.ram_peak:,} bytes of RAM")
    except ea.MissingToolError as missing:
        print(f"not simulated: {missing}")
    return str(compiled.predict(rows)[0]), float(compiled.predict_proba(rows).max())


def over(port: str) -> Callable[[np.ndarray], Answer]:
    """A board at a serial port: row by row, and the line that it prints after the last one."""
    try:
        import serial
    except ImportError:
        sys.exit("pyserial is not installed: pip install pyserial")
    line = serial.Serial(port, 115200, timeout=3)

    def ask(picture: np.ndarray) -> Answer:
        for row in picture:
            line.write((",".join(f"{pixel:g}" for pixel in row) + "\n").encode())
            said = line.readline().decode(errors="replace").strip()
        label, _, confidence = said.partition(" ")
        return label, float(confidence.strip(" %()") or 0) / 100

    return ask


def draw(ask: Callable[[np.ndarray], Answer]) -> None:
    """A window: the left button draws, releasing it asks, the right button clears."""
    import tkinter as tk

    picture = np.zeros((SIDE, SIDE))
    window = tk.Tk()
    window.title("Draw a digit; right button: clear")
    paper = tk.Canvas(window, width=SIDE * SCALE, height=SIDE * SCALE, background="white")
    told = tk.Label(window, font=("TkDefaultFont", 20), text="draw")
    paper.pack()
    told.pack()

    def ink(event: tk.Event) -> None:
        for x, y, share in ((0, 0, 1.0), (1, 0, 0.3), (-1, 0, 0.3), (0, 1, 0.3), (0, -1, 0.3)):
            column, row = event.x // SCALE + x, event.y // SCALE + y
            if 0 <= column < SIDE and 0 <= row < SIDE:
                picture[row, column] = min(INK, picture[row, column] + share * INK / 2)
                grey = f"{int(255 * (1 - picture[row, column] / INK)):02x}"
                corner = column * SCALE, row * SCALE, (column + 1) * SCALE, (row + 1) * SCALE
                paper.create_rectangle(*corner, fill=f"#{grey * 3}", width=0)

    def answer(_: tk.Event) -> None:
        label, confidence = ask(picture)
        told.configure(text=f"{label} ({confidence:.0%})")

    def clear(_: tk.Event) -> None:
        picture[:] = 0.0
        paper.delete("all")

    paper.bind("<B1-Motion>", ink)
    paper.bind("<ButtonRelease-1>", answer)
    paper.bind("<Button-3>", clear)
    window.mainloop()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", help="serial port of a board with the sketch; otherwise it is simulated")
    parser.add_argument("--picture", help="a picture instead of the window: eight rows of eight characters")
    asked = parser.parse_args()
    if not (OUT / "digits.edgealgos").exists():
        sys.exit("there is no model yet: python examples/digits/1_train.py")
    ask = over(asked.port) if asked.port else on_simulated_uno
    if asked.picture is None:
        draw(ask)
        return
    label, confidence = ask(typed(asked.picture))
    print(f"{label} ({confidence:.0%})")


if __name__ == "__main__":
    main()
