"""Boards with an ARM Cortex-M: what Arduino's cores program, and bare processors."""

from __future__ import annotations

from ..architectures import ARMV6_M, ARMV7_M, ARMV7E_M, ARMV8_M, Architecture
from ..board import Board, CostModel
from ..frameworks import ARDUINO, BARE

_KIB = 1024
_MIB = 1024 * _KIB
_MHZ = 1_000_000
# A multiplication and an addition must not become one instruction: quantize() would round once instead of twice, as
# Python does. Where there is no operating system, what nobody calls is left out, and nothing can catch an exception;
# loops that clear a few bytes stay loops, since the C library's memset alone has 166.
_FLAGS = (
    "-mthumb", "-Os", "-ffp-contract=off", "-ffunction-sections", "-fdata-sections", "-fno-exceptions", "-fno-rtti",
    "-fno-tree-loop-distribute-patterns",
)  # fmt: skip
# Of each processor: what it is, how its floating-point unit is used, and the computer of qemu that has it.
_PROCESSORS: dict[str, tuple[Architecture, tuple[str, ...], str]] = {
    "cortex-m0": (ARMV6_M, (), "microbit"),
    "cortex-m0plus": (ARMV6_M, (), "microbit"),
    "cortex-m3": (ARMV7_M, (), "mps2-an385"),
    "cortex-m4": (ARMV7E_M, (), "mps2-an386"),
    "cortex-m4f": (ARMV7E_M, ("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"), "mps2-an386"),
    "cortex-m7": (ARMV7E_M, ("-mfloat-abi=hard", "-mfpu=fpv5-d16"), "mps2-an500"),
    "cortex-m33": (ARMV8_M, ("-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"), "mps2-an505"),
}

# Of plain C++ without Arduino's core; what ARMv8-M adds to ARMv7E-M no kernel uses. Programs are small, and what the
# compiler makes of one function depends on its constants: a larger share than on an Uno is in doubt.
_COSTS = {
    ARMV6_M: CostModel("arm/armv6-m.json", inlined=False, flash_margin=0.19),
    ARMV7_M: None,
    ARMV7E_M: CostModel("arm/armv7e-m.json", inlined=False, flash_margin=0.19),
    ARMV8_M: CostModel("arm/armv7e-m.json", inlined=False, flash_margin=0.19),
}


def _board(
    name: str, title: str, processor: str, mhz: int, ram: int, flash: int, *,
    core: str = "", variant: str = "", define: str = "", machine: str = "", aliases: tuple[str, ...] = (),
) -> Board:  # fmt: skip
    """A board, with Arduino's core if it has one; `flash` is what the boot loader leaves."""
    architecture, floating, usual_machine = _PROCESSORS[processor]
    return Board(
        name=name, title=title, architecture=architecture, framework=ARDUINO if core else BARE, mcu=processor,
        clock_hz=mhz * _MHZ, ram_start=0x2000_0000, ram_bytes=ram, flash_bytes=flash, compiler="arm-none-eabi-g++",
        flags=(f"-mcpu={processor.removesuffix('f')}", *floating, *_FLAGS), core=core, variant=variant,
        define=f"ARDUINO_{define}" if define else "", cost_model=_COSTS[architecture],
        simulators=("qemu-system",), machine=machine or usual_machine, aliases=aliases,
    )  # fmt: skip


_PROCESSORS_ALONE = (
    _board("cortex-m0", "ARM Cortex-M0", "cortex-m0", 48, 8 * _KIB, 32 * _KIB),
    _board("cortex-m3", "ARM Cortex-M3", "cortex-m3", 72, 20 * _KIB, 64 * _KIB),
    _board("cortex-m4", "ARM Cortex-M4", "cortex-m4", 64, 64 * _KIB, 256 * _KIB),
    _board("cortex-m7", "ARM Cortex-M7", "cortex-m7", 216, 256 * _KIB, 1 * _MIB),
    _board("cortex-m33", "ARM Cortex-M33", "cortex-m33", 64, 128 * _KIB, 512 * _KIB),
    _board("netduino-plus-2", "Netduino Plus 2 (STM32F405)", "cortex-m4", 168, 128 * _KIB, 1 * _MIB,
           machine="netduinoplus2"),
    _board("stm32vl-discovery", "STM32 Value Line Discovery (STM32F100)", "cortex-m3", 24, 8 * _KIB, 128 * _KIB,
           machine="stm32vldiscovery"),
)  # fmt: skip

_SAMD = "arduino:samd"
_NRF = "arduino:mbed_nano"
_STM32 = "STMicroelectronics:stm32"
_WITH_CORE = (
    _board("zero", "Arduino Zero (SAMD21)", "cortex-m0plus", 48, 32 * _KIB, 248 * _KIB, core=_SAMD,
           variant="arduino_zero", define="SAMD_ZERO"),
    _board("mkr1000", "Arduino MKR1000 (SAMD21)", "cortex-m0plus", 48, 32 * _KIB, 248 * _KIB, core=_SAMD,
           variant="mkr1000", define="SAMD_MKR1000"),
    _board("mkr-wifi-1010", "Arduino MKR WiFi 1010 (SAMD21)", "cortex-m0plus", 48, 32 * _KIB, 248 * _KIB, core=_SAMD,
           variant="mkrwifi1010", define="SAMD_MKRWIFI1010"),
    _board("nano33iot", "Arduino Nano 33 IoT (SAMD21)", "cortex-m0plus", 48, 32 * _KIB, 248 * _KIB, core=_SAMD,
           variant="nano_33_iot", define="SAMD_NANO_33_IOT"),
    _board("due", "Arduino Due (SAM3X8E)", "cortex-m3", 84, 96 * _KIB, 512 * _KIB, core="arduino:sam",
           variant="arduino_due_x", define="SAM_DUE"),
    _board("nano33ble", "Arduino Nano 33 BLE (nRF52840)", "cortex-m4f", 64, 256 * _KIB, 960 * _KIB, core=_NRF,
           variant="ARDUINO_NANO33BLE", define="ARDUINO_NANO33BLE", aliases=("nano33blesense",)),
    _board("uno-r4", "Arduino Uno R4 (RA4M1)", "cortex-m4f", 48, 32 * _KIB, 256 * _KIB, core="arduino:renesas_uno",
           variant="MINIMA", define="UNOR4_MINIMA", aliases=("uno-r4-minima", "uno-r4-wifi")),
    _board("microbit", "BBC micro:bit (nRF51822)", "cortex-m0", 16, 16 * _KIB, 256 * _KIB, core="sandeepmistry:nRF5",
           variant="BBCmicrobit", define="BBC_MICROBIT", aliases=("microbit-v1",)),
    _board("microbit-v2", "BBC micro:bit V2 (nRF52833)", "cortex-m4f", 64, 128 * _KIB, 512 * _KIB,
           core="sandeepmistry:nRF5", variant="BBCmicrobitV2", define="BBC_MICROBIT_V2"),
    _board("pico", "Raspberry Pi Pico (RP2040)", "cortex-m0plus", 133, 264 * _KIB, 2 * _MIB, core="rp2040:rp2040",
           variant="rpipico", define="RASPBERRY_PI_PICO", aliases=("raspberry-pi-pico", "pico-w", "rp2040")),
    _board("pico2", "Raspberry Pi Pico 2 (RP2350)", "cortex-m33", 150, 520 * _KIB, 4 * _MIB, core="rp2040:rp2040",
           variant="rpipico2", define="RASPBERRY_PI_PICO_2"),
    _board("bluepill", "STM32 Blue Pill (STM32F103C8)", "cortex-m3", 72, 20 * _KIB, 64 * _KIB, core=_STM32,
           variant="STM32F1xx/F103C8T_F103CB(T-U)", define="BLUEPILL_F103C8", aliases=("stm32f103",)),
    _board("nucleo-f401", "STM32 Nucleo-64 F401RE", "cortex-m4f", 84, 96 * _KIB, 512 * _KIB, core=_STM32,
           variant="STM32F4xx/F401R(B-C-D-E)T", define="NUCLEO_F401RE", aliases=("nucleo-f401re",)),
    _board("teensy-lc", "Teensy LC (MKL26Z64)", "cortex-m0plus", 48, 8 * _KIB, 62 * _KIB, core="teensy:avr",
           variant="teensy3", define="TEENSYLC"),
    _board("teensy-3.2", "Teensy 3.2 (MK20DX256)", "cortex-m4", 72, 64 * _KIB, 256 * _KIB, core="teensy:avr",
           variant="teensy3", define="TEENSY32"),
    _board("teensy-4.0", "Teensy 4.0 (i.MX RT1062)", "cortex-m7", 600, 512 * _KIB, 1984 * _KIB, core="teensy:avr",
           variant="teensy4", define="TEENSY40"),
)  # fmt: skip

BOARDS = (*_PROCESSORS_ALONE, *_WITH_CORE)
