"""Tables of measured costs, one a kind of processor; knows files, no programs and no boards.

The Uno's is ``targets/avr/costs.json``; ``python -m tools.measure_costs`` measures them anew on the simulated board
(Arduino core 1.8, avr-gcc, the IDE's default flags), with ``--op`` those of one op alone, with ``--board`` another's.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

COSTS = "avr/costs.json"  # below targets/


def measured_costs(file: str = COSTS) -> dict[str, dict[str, float]]:
    """Measured costs: flash bytes, cycles and stack bytes of a part."""
    return _loaded(file)


@cache
def _loaded(file: str) -> dict[str, dict[str, float]]:
    text = resources.files("edgealgos.codegen.targets").joinpath(file).read_text(encoding="utf-8")
    loaded: dict[str, dict[str, float]] = json.loads(text)
    return loaded


def forget() -> None:
    """Read the tables of costs anew when they are asked for: they have been written."""
    _loaded.cache_clear()


def table(values: dict[str, Any]) -> str:
    """Text of ``targets/avr/costs.json``."""
    return json.dumps(values, indent=2, sort_keys=True) + "\n"
