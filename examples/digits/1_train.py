"""Step 1: train a small convolutional net on scikit-learn's digits and write the sketch.

python examples/digits/1_train.py                  # sketch in examples/digits/out/digits
python examples/digits/1_train.py --bytes 1024     # a smaller one
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import edgealgos as ea

OUT = Path(__file__).parent / "out"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=2048, help="flash for everything the model stores")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the digits")
    asked = parser.parse_args()
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
    model = ea.ConvNetClassifier(
        image_shape=(8, 8), max_model_bytes=asked.bytes, epochs=asked.epochs, random_state=0, verbose=1
    )
    model.fit(X_train, y_train)
    compiled = ea.compile_model(model)
    right = (compiled.predict(X_test) == y_test).mean()
    print(f"{model.structure_['layers']}: {model.model_bytes_} bytes, {right:.1%} of {len(y_test)} digits right")
    OUT.mkdir(exist_ok=True)
    ea.save(model, OUT / "digits.edgealgos")
    report = model.export_arduino(OUT / "digits", overwrite=True)
    print(f"sketch in {OUT / 'digits'}: {report.flash_bytes:,} bytes of flash, {report.ram_bytes:,} of RAM")


if __name__ == "__main__":
    main()
