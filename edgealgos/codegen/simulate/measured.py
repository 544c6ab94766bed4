"""What is known of a running firmware: its functions, stack, why it stopped, places that a simulator gets wrong."""

from __future__ import annotations

from collections.abc import Sequence

from edgealgos.errors import SimulationError

from ..build.firmware import Firmware
from . import avr8js, simavr
from .runner import Ending, Target
from .skip_fault import SkipPlace, find_skip_places

SIMULATORS = {"simavr": simavr, "avr8js": avr8js}
_CONSOLE = ("consolePut", "consoleGet")  # what firmware/avr.h has in place of a serial port

_REASONS = {
    "crashed": "crashed (an instruction that does not exist, or code run outside the program)",
    "restarted": "started again from address 0: a jump through a bad pointer, or a stack that met the variables",
    "silent": "gave no answer within the cycle limit",
    "out-of-step": "answered before the whole row was sent",
    "line-too-long": "printed a line without an end",
}


def function_addresses(firmware: Firmware, name: str) -> list[int]:
    """Byte addresses of a function and of the compiler's copies of it.

    Raises
    ------
    SimulationError
        If the firmware has no such function.
    """
    functions = [symbol for symbol in firmware.symbols if symbol.kind in "tTwW"]
    found = [symbol.address for symbol in functions if is_named(symbol.demangled, name)]
    if not found:
        known = ", ".join(symbol.demangled for symbol in functions if symbol.size > 0)
        raise SimulationError(
            f"{firmware.elf.name} has no function {name!r}: it was left out, or inlined (mark it noinline). "
            f"Functions: {known}"
        )
    return found


def is_named(demangled: str, name: str) -> bool:
    """Whether a symbol is that function: its name ends there, or goes on with parameters or the mark of a copy."""
    return demangled.startswith(name) and (demangled + " ")[len(name)] in "( .["


def target_of(firmware: Firmware, watch: Sequence[str]) -> Target:
    main, *watched = (function_addresses(firmware, name) for name in ("main", *watch))
    console = None
    if not firmware.board.framework.sketches:
        (put,), (get,) = (function_addresses(firmware, name) for name in _CONSOLE)
        console = put, get
    return Target(firmware.image(), firmware.board, main[0], watched, console)


def why_stopped(firmware: Firmware, end: Ending, answered: str = "") -> str:
    """Why, when and where a firmware stopped."""
    place = f"{firmware.function_at(end.stopped_at)} at 0x{end.stopped_at:04x}"
    return f"{_REASONS.get(end.status, end.status)}, after {answered}{end.total_cycles:,} cycles, in {place}"


def stack_bytes(firmware: Firmware, lowest_stack_pointer: int) -> int:
    """Bytes of the deepest stack, or SimulationError if it met the variables."""
    stack = firmware.board.ram_start + firmware.board.ram_bytes - 1 - lowest_stack_pointer
    free = firmware.board.ram_bytes - firmware.static_ram_bytes
    if stack > free:
        raise SimulationError(
            f"the stack took {stack} bytes, interrupts included, where variables ({firmware.static_ram_bytes} bytes) "
            f"leave {free}: it overwrote them, and the answers mean nothing. Make the model or its buffers smaller."
        )
    return stack


def doubtful_places(firmware: Firmware, simulator: str) -> list[SkipPlace]:
    """Places of the firmware that this simulator gets wrong by itself."""
    return find_skip_places(firmware) if SIMULATORS[simulator].has_skip_fault() else []


def skip_warning(places: Sequence[SkipPlace], mended: int, confirmed_by: str | None) -> str:
    shown = ", ".join(str(place) for place in places[:3]) + (", ..." if len(places) > 3 else "")
    opinion = f"{confirmed_by} confirms the answers" if confirmed_by else f"not confirmed: {avr8js.missing()}"
    return (
        "this simavr skips one instruction too many before some adiw/sbiw, and the firmware has "
        f"{len(places)} such places ({shown}); the harness put right {mended} wrong skips; {opinion}"
    )
