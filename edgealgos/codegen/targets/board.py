"""The record of a board, and the check that no part of it is missing; knows no particular board and no tools."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edgealgos.errors import BoardError

from .architectures import Architecture
from .compilers import COMPILERS
from .frameworks import BARE, Framework

# What a simulator must know of a board.
SIMULATOR_NEEDS = {
    "simavr": ("mcu", "ram_start"),
    "avr8js": ("mcu", "ram_start"),
    "qemu-arm": ("mcu",),
    "qemu-aarch64": ("mcu",),
    "qemu-system": ("machine",),
    "native": (),
}


@dataclass(frozen=True, slots=True)
class CostModel:
    """Measured costs of code, and what a board adds to them.

    Parameters
    ----------
    table : str
        File of measured costs below ``targets/``.
    inlined : bool
        Whether the ops of a program are one function; else each is one of its own.
    flash_margin : float
        Share of the priced code by which a build may take more flash than is predicted.
    core_flash, core_ram, core_stack : int
        Bytes that the board's core takes more than that of the board the costs were measured on.
    """

    table: str
    inlined: bool = True
    flash_margin: float = 0.06
    core_flash: int = 0
    core_ram: int = 0
    core_stack: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All that anything in the package may know of one board.

    Parameters
    ----------
    name : str
        Name in the interface, for example ``"uno"``.
    title : str
        Name for people.
    architecture : Architecture
        What its processor is.
    framework : Framework
        What its programs are built on.
    mcu : str
        Name of the processor where compilers, simulators or the linker ask for it, else empty.
    clock_hz : int
        Clock of the processor; cycles divided by it are seconds.
    ram_start : int
        Address of the first byte of RAM, where a simulator's stack pointer has to be understood.
    ram_bytes : int
        RAM for static data and stack together.
    flash_bytes : int
        Flash that a program may fill (what a boot loader takes is gone already).
    compiler : str
        C++ compiler.
    flags : tuple of str
        Processor and optimisation flags, for compiling and for linking.
    core, variant, define : str
        Of the Arduino framework: the core (``"arduino:avr"``), the folder of its pins, and the macro that sketches ask
        for (``"ARDUINO_AVR_UNO"``).
    uart : int
        Number of the serial port that a simulator talks to; not 0 where ``Serial`` is USB, whose place it takes.
    cost_model : CostModel or None
        What predicts flash, RAM and cycles; None: only tables and variables are predicted.
    simulators : tuple of str
        What can run its programs here, the usual one first.
    machine : str
        The computer that ``qemu-system`` takes in its place.
    aliases : tuple of str
        Other names that people use.
    """

    name: str
    title: str
    architecture: Architecture
    framework: Framework
    clock_hz: int
    ram_bytes: int
    flash_bytes: int
    compiler: str
    flags: tuple[str, ...]
    mcu: str = ""
    ram_start: int = 0
    core: str = ""
    variant: str = ""
    define: str = ""
    uart: int = 0
    cost_model: CostModel | None = None
    simulators: tuple[str, ...] = ()
    machine: str = ""
    aliases: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for part in ("name", "title", "clock_hz", "ram_bytes", "flash_bytes", "compiler"):
            self._need(part, "every board has one")
        if self.compiler not in COMPILERS:
            known = ", ".join(COMPILERS)
            raise BoardError(f"board {self.name!r}: compiler is {self.compiler!r}, which is none of {known}")
        for part in self.framework.needs:
            self._need(part, f"the {self.framework.name} framework builds with it")
        for simulator in self.simulators:
            if simulator not in SIMULATOR_NEEDS:
                known = ", ".join(SIMULATOR_NEEDS)
                raise BoardError(f"board {self.name!r}: simulators has {simulator!r}, which is none of {known}")
            for part in SIMULATOR_NEEDS[simulator]:
                self._need(part, f"{simulator} asks for it")

    def _need(self, part: str, purpose: str) -> None:
        if not getattr(self, part):
            raise BoardError(f"board {self.name!r}: its record has no {part} ({purpose})")

    @property
    def bare(self) -> Board:
        """The same processor without Arduino's core: what runs its plain C++."""
        return replace(self, framework=BARE) if self.framework.sketches else self

    @property
    def core_is_here(self) -> bool:
        """Whether sketches are built here: Arduino's AVR core is the one that distributions have."""
        return self.core == "arduino:avr"

    @property
    def counts_cycles(self) -> bool:
        """Whether its simulators know clock cycles; else they count instructions."""
        return "simavr" in self.simulators

    def costs(self, purpose: str) -> CostModel:
        """The cost model; BoardError where there is none.

        Parameters
        ----------
        purpose : str
            What it is needed to do, for the message.
        """
        if self.cost_model is None:
            raise BoardError(f"{self.title} has no cost model, and edgealgos cannot {purpose}")
        return self.cost_model

    def simulator(self, wanted: str | None = None) -> str:
        """The usual simulator, or the wanted one; BoardError where there is none, ValueError if not its own."""
        if not self.simulators:
            raise BoardError(
                f"{self.title} has no simulator: run the export on the board itself (`edgealgos evaluate --port`), "
                "or simulate a board with the same processor (`edgealgos boards` lists them)"
            )
        if wanted is None:
            return self.simulators[0]
        if wanted not in self.simulators:
            known = ", ".join(self.simulators)
            raise ValueError(f"{self.title} is not simulated by {wanted!r}; what simulates it: {known}")
        return wanted
