"""Boards with a processor of Espressif: Xtensa and RISC-V."""

from __future__ import annotations

from ..architectures import RV32, XTENSA
from ..board import Board
from ..frameworks import ARDUINO

_KIB = 1024
_MHZ = 1_000_000
_FLAGS = (
    "-Os", "-ffp-contract=off", "-ffunction-sections", "-fdata-sections", "-fno-exceptions", "-fno-rtti",
)  # fmt: skip

_LX106 = None


def _xtensa(name: str, title: str, mhz: int, ram: int, flash: int, core: str, variant: str, define: str) -> Board:
    """What distributions compile for is the LX106 of the ESP8266; the LX6 of an ESP32 takes its instructions too."""
    return Board(
        name=name, title=title, architecture=XTENSA, framework=ARDUINO, mcu="lx106", clock_hz=mhz * _MHZ,
        ram_bytes=ram, flash_bytes=flash, compiler="xtensa-lx106-elf-g++", flags=("-mtext-section-literals", *_FLAGS),
        core=core, variant=variant, define=f"ARDUINO_{define}", cost_model=_LX106,
        simulators=("qemu-system",), machine="sim",
    )  # fmt: skip


BOARDS = (
    _xtensa("esp8266", "ESP8266 (NodeMCU, Wemos D1)", 80, 80 * _KIB, 1024 * _KIB, "esp8266:esp8266", "nodemcu",
            "ESP8266_NODEMCU"),
    _xtensa("esp32", "ESP32", 240, 320 * _KIB, 1280 * _KIB, "esp32:esp32", "esp32", "ESP32_DEV"),
    Board(
        name="esp32-c3", title="ESP32-C3", architecture=RV32, framework=ARDUINO, mcu="esp32c3", clock_hz=160 * _MHZ,
        ram_bytes=320 * _KIB, flash_bytes=1280 * _KIB, compiler="riscv64-unknown-elf-g++",
        flags=("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs", *_FLAGS), core="esp32:esp32",
        variant="esp32c3", define="ARDUINO_ESP32C3_DEV", cost_model=None,
        simulators=("qemu-system",), machine="virt",
    ),
)  # fmt: skip
