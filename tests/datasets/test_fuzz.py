"""Whatever a file holds, it is read or refused in words: mutated tables and recordings never end in a raw error."""

from __future__ import annotations

import contextlib
import random

import pytest

from edgealgos.datasets import is_one_recording, read_recordings, read_table
from edgealgos.errors import DatasetError

from .test_tables import REFUSED, UNDERSTOOD

TABLES = [case.content if isinstance(case.content, bytes) else case.content.encode()
          for case in (*UNDERSTOOD.values(), *REFUSED.values())]  # fmt: skip
WORDS = ("\r\n", "nan", "inf", "1e999", "01", "1,5", "1.5", "9" * 30, "true", "2024-01-01", "kind", "\ufeff", "\u2028")
PIECES = [piece.encode() for piece in (*",;\t\"'\n\r#%|\\ -?", *WORDS)] + [b"\0", b"\xff", b"\xe9"]
OPTIONS = (
    {}, {"target": "0"}, {"impute": "median"}, {"impute": "drop"}, {"task": "regression"}, {"task": "classification"},
    {"header": True}, {"header": False}, {"sep": ";"}, {"decimal": ","}, {"keep": "0"}, {"drop": "1"},
    {"features": ["sl", "pw"]},
)  # fmt: skip


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Some bytes more, less or other."""
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(content) + 1)
        content = rng.choice([
            content[:at] + rng.choice(PIECES) + content[at:],
            content[:at] + content[at + rng.randint(1, 30) :],
            content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :],
            content[:at] + content[at : at + 200] + content[at:],
        ])  # fmt: skip
    return content


@pytest.mark.fuzz(20)
def test_mutated_files_are_read_or_refused(fuzz_seed, tmp_path):
    rng = random.Random(fuzz_seed)
    path = tmp_path / "t.csv"
    for _ in range(10):
        path.write_bytes(mutated(rng.choice(TABLES)[:1500], rng))
        with contextlib.suppress(DatasetError):
            assert len(read_table(path, **rng.choice(OPTIONS)).X) > 0
        with contextlib.suppress(DatasetError):
            assert read_recordings(path).X.ndim == 3
        assert is_one_recording(path) in (True, False)
