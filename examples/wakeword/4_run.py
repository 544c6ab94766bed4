"""Step 4: run the exported programs on a recording: on this computer, as a Pi Zero, and on the simulated Uno.

python examples/wakeword/4_run.py                 # the Linux program, on the example recording
python examples/wakeword/4_run.py --on pizero     # the ARMv6 program under qemu
python examples/wakeword/4_run.py --on uno        # the sketch, with the recording at its analogue pin
python examples/wakeword/4_run.py --wav mine.wav
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from sound import RATE, read_wav, write_wav


def built(folder: Path, *, armv6: bool) -> Path:
    """The Linux program, built by CMake."""
    build = folder / ("build-armv6" if armv6 else "build")
    tool = ["-DCMAKE_TOOLCHAIN_FILE=armv6.cmake"] if armv6 else []
    for tools in (["cmake", "-S", ".", "-B", build.name, *tool], ["cmake", "--build", build.name]):
        if shutil.which(tools[0]) is None:
            sys.exit("cmake is not installed: apt install cmake")
        done = subprocess.run(tools, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
    return build / "wakeword"


def on_linux(folder: Path, wav: Path, *, armv6: bool) -> None:
    """Run the program on the recording; under qemu as an ARM1176."""
    program = built(folder, armv6=armv6).resolve()
    emulator = ["qemu-arm", "-cpu", "arm1176"] if armv6 else []
    if armv6 and shutil.which("qemu-arm") is None:
        sys.exit("qemu-arm is not installed: apt install qemu-user")
    subprocess.run([*emulator, str(program), str(wav)], check=True)


def on_uno(folder: Path, wav: Path) -> None:
    """Run the sketch on the simulated board with the recording at pin A0."""
    from edgealgos.codegen.build.sketch import build_sketch
    from edgealgos.codegen.simulate import AnalogAudio, run_sketch

    samples = read_wav(wav)
    firmware = build_sketch(folder)
    audio = AnalogAudio(samples, RATE)
    run = run_sketch(firmware, len(samples) / RATE + 0.1, [audio], ["wakeword::push"])
    print("\n".join(run.text))
    worst = max(run.calls["wakeword::push"].cycles)
    print(f"worst hop {worst:,} cycles of 256,000, interrupts left out; {run.reports[0].conversions} samples")
    print(f"RAM {run.ram_peak} of 2048 bytes, flash {firmware.flash_bytes} of 32256")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=["linux", "pizero", "uno"], default="linux")
    parser.add_argument("--wav", type=Path, help="default: the example recording of step 1")
    parser.add_argument("--out", type=Path, default=Path("out/wakeword"))
    options = parser.parse_args()
    if not (options.out / "pi" / "wakeword.cpp").exists():
        sys.exit("nothing is exported: run 3_export.py first")
    source = options.wav if options.wav is not None else options.out / "example.wav"
    try:
        samples = read_wav(source)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    wav = options.out / "input.wav"
    write_wav(wav, samples)
    print(f"{source}: {len(samples) / RATE:.1f} s")
    if options.on == "uno":
        on_uno(options.out / "uno" / "wakeword", wav)
    else:
        on_linux(options.out / "pi", wav, armv6=options.on == "pizero")


if __name__ == "__main__":
    main()
