"""GesturePod's published archive of recordings, read where it lies; knows nothing of models."""

from __future__ import annotations

import csv
import io
import tarfile
import zlib
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from ..errors import DatasetError

ARCHIVE = "dataTR_v1.tar.gz"
_AXES = ("ax", "ay", "az", "gx", "gy", "gz")
_LABEL_NAMES = {
    0: "silence", 1: "noise", 3: "double tap", 4: "right twist", 5: "left twist", 7: "twirl", 9: "double swipe",
}  # fmt: skip
_LABELLED = "_labelled"


def read_gesturepod(path: Path) -> Bunch:
    """Every table of the archive with the six axes and labels; of raw ones those that nobody labelled, as noise.

    Nothing is unpacked: members are read where they are.

    Examples
    --------
    >>> import tarfile
    >>> from pathlib import Path
    >>> from edgealgos.datasets import read_gesturepod
    >>> _ = Path("ann.csv").write_text("ax,ay,az,gx,gy,gz,mlabel\\n0,0,8192,1,2,3,0\\n9,9,8000,1,2,3,3\\n")
    >>> with tarfile.open("taps.tar.gz", "w:gz") as archive:
    ...     archive.add("ann.csv")
    >>> read_gesturepod("taps.tar.gz").recordings[0].label.tolist()  # silence, double tap
    [0, 3]
    """
    try:
        with tarfile.open(path) as archive:
            tables = {}
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and member.name.endswith(".csv") else None
                if file is not None and "_extracted" not in member.name:
                    tables[member.name] = _motion_table(member.name, file.read())
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DatasetError(
            f"{path} cannot be read ({error}); download {ARCHIVE} from GesturePod's page and pass its path, "
            "or name its folder in the variable EDGEALGOS_DATA"
        ) from error
    stems = {Path(name).stem for name in tables}
    kept = [t for name, t in sorted(tables.items()) if t is not None and f"{Path(name).stem}{_LABELLED}" not in stems]
    if not kept:
        found = ", ".join(tables) or "no tables"
        raise DatasetError(f"{path} holds no tables with the columns {', '.join(_AXES)}, but {found}")
    return Bunch(recordings=kept, label_names=dict(_LABEL_NAMES))


def _motion_table(name: str, content: bytes) -> Bunch | None:
    """One recording, or None for a table of something else."""
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8", errors="replace"))))
    if not rows or not set(_AXES) <= set(rows[0]):
        return None
    has_labels = "mlabel" in rows[0]
    try:
        X = np.array([[float(row[axis]) for axis in _AXES] for row in rows])
        label = np.array([int(float(row["mlabel"])) if has_labels else 1 for row in rows])
        millis = np.array([float(row.get("millis") or 0) for row in rows])
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{name} in the archive has a row that is no reading ({error}); remove it") from error
    if np.abs(X).max() > 32768 or not set(label.tolist()) <= set(_LABEL_NAMES):
        raise DatasetError(f"{name} in the archive holds readings beyond 16 bits or unknown labels; remove that table")
    samples = np.clip(np.rint(X), -32768, 32767).astype(np.int16)
    return Bunch(name=Path(name).stem.removesuffix(_LABELLED), X=samples, label=label, millis=millis)
