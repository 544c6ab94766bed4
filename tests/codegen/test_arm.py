"""Pi Zero and Cortex-M: what is exported builds, answers the interpreter's bits on qemu, and is measured truly."""

import itertools
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgealgos.codegen.build.plain import build_cpp
from edgealgos.codegen.emit.cpp import files
from edgealgos.codegen.emit.cpp import programs as main_programs
from edgealgos.codegen.emit.cpp.files import write_export
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.qtype import QType
from edgealgos.codegen.rejection import rejecting
from edgealgos.codegen.simulate import qemu
from edgealgos.codegen.simulate.doctor import doctor
from edgealgos.codegen.simulate.firmware import write_firmware
from edgealgos.codegen.simulate.plain import run_rows
from edgealgos.codegen.targets.boards import get_board
from edgealgos.errors import BuildError, MissingToolError, SimulationError
from tests.support import bare_products
from tests.support import sample_programs as programs
from tests.support.equivalence import raw
from tools import measure_costs

from .test_export import MAIN, PER_FEATURE, SOFT_FLOAT

pytestmark = pytest.mark.slow

PIZERO = pytest.param("pizero", marks=pytest.mark.needs("arm-linux-gnueabi-g++", "qemu-arm", "gcc"))
CORTEX_M = [
    pytest.param(board, marks=pytest.mark.needs("arm-none-eabi-g++", "qemu-system-arm", "gcc"))
    for board in ("cortex-m0", "cortex-m4")
]
HOST = pytest.param("host", marks=pytest.mark.needs("g++"))
ARM = [PIZERO, *CORTEX_M]
KINDS = ("bonsai", "protonn regressor", "fastgrnn", "fastgrnn regressor")  # one of each main program


def inputs(compiled, n=30):
    """Raw samples over the whole calibrated range."""
    return raw(compiled, programs.any_inputs(np.random.default_rng(1), compiled.program, n))


# ---- the crown test ------------------------------------------------------------------------------------------------


def each_on_one_of(boards, kinds):
    """Parameters: every kind of program with one of the boards, each in turn."""
    pairs = zip(kinds, itertools.cycle(boards), strict=False)
    return [pytest.param(kind, *board.values, marks=board.marks) for kind, board in pairs]


@pytest.mark.parametrize(("kind", "board"), each_on_one_of(ARM, programs.EVERY_KIND))
def test_the_board_answers_as_python(kind, board):
    compiled = programs.compiled(programs.EVERY_KIND[kind](1), board)
    X = inputs(compiled)
    result = compiled.simulate(X)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert np.array_equal(result.labels, compiled.predict(X))
    assert result.warnings == []
    assert result.instructions.shape == (len(X),)
    assert (result.instructions > 0).all()
    assert result.cycles.size == 0
    assert result.flash_bytes > sum(compiled.report.model_items.values())
    assert (0 < result.stack_peak < 1024) if not compiled.board.framework.hosted else result.stack_peak == 0


@pytest.mark.parametrize("board", ARM)
def test_features_pushed_one_by_one(board):
    program = programs.passes.to_integer(programs.bonsai(1, features=30), input_buffer=False)
    compiled = programs.CompiledModel(program, get_board(board))
    X = inputs(compiled, 6)
    result = compiled.simulate(X)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert result.instructions.shape == (6,)


@pytest.mark.parametrize("board", CORTEX_M)
@pytest.mark.parametrize(("rows", "columns", "largest"), [(11, 2, 127), (12, 1, 127), (21, 76, 9), (8, 77, 9)])
def test_sums_of_16_bits_are_exact_to_their_ends(board, rows, columns, largest):
    rng = np.random.default_rng(rows)
    weights = rng.choice([-largest - 1, largest], (rows, columns))
    program = bare_products.matvec(programs.constant("W", weights, QType(8, 0)), largest)
    assert program.functions["predict"][0].acc_bits == 16
    compiled = programs.CompiledModel(program, get_board(board))
    ends = np.full((2, columns), [[-largest], [largest]])
    X = np.concatenate([ends, rng.integers(-largest, largest + 1, (6, columns)), np.sign(weights) * largest])
    assert np.array_equal(compiled.simulate(X).scores, compiled.scores(X))


@pytest.mark.parametrize("board", ARM)
@pytest.mark.parametrize("columns", [1, 2, 3, 5, 7, 15])
@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_columns_beside_whole_words_are_multiplied_as_well(board, columns, optimize):
    rng = np.random.default_rng(columns)
    weights = programs.constant("W", rng.integers(-128, 128, (11, columns)), QType(8, 0))
    program = measure_costs.prepared(bare_products.matvec(weights, 127), optimize, get_board(board))
    compiled = programs.CompiledModel(program, get_board(board))
    X = rng.integers(-127, 128, (9, columns))
    assert np.array_equal(compiled.simulate(X).scores, compiled.scores(X))


@pytest.mark.parametrize(
    ("board", "most"),
    [pytest.param(*board.values, most, marks=board.marks) for board, most in zip(ARM, (3.5, 7.0, 3.5), strict=True)],
)
def test_a_prediction_takes_few_instructions_a_product(board, most):
    bonsai = programs.bonsai(features=64, width=42, outputs=10, density=0.72, node_density=0.5)
    compiled = programs.compiled(bonsai, board, "speed")
    program = compiled.program
    on_a_path = sum(np.count_nonzero(program[name].values) for name in ("Z", "theta"))
    on_a_path += sum(np.count_nonzero(program[name].values[[0, 1]]) for name in "WV")  # a root and one of its leaves
    assert compiled.simulate(inputs(compiled)).instructions.mean() / on_a_path <= most


@pytest.mark.fuzz(3)
@pytest.mark.parametrize("board", ARM)
def test_fuzz(fuzz_seed, board):
    """Random programs; ``pytest --fuzz 300`` says how many, ``--fuzz-seed`` where to start."""
    compiled = programs.compiled(programs.random_program(fuzz_seed), board)
    X = raw(compiled, programs.any_inputs(np.random.default_rng(fuzz_seed), compiled.program, 20))
    assert np.array_equal(compiled.simulate(X).scores, compiled.scores(X))


@pytest.mark.needs("g++")
def test_the_host_simulates_itself():
    compiled = programs.compiled(programs.fastgrnn(1), "host")
    X = inputs(compiled)
    result = compiled.simulate(X)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert result.instructions.size == result.cycles.size == 0


@pytest.mark.parametrize("board", [PIZERO])
def test_quantize_on_the_board_is_quantize_in_python(board, tmp_path):
    encoding = choose_encoding(PER_FEATURE[:100])
    program = replace(programs.protonn(0, features=3), encoding=encoding)
    program = program.replacing(replace(program["x"], qtype=encoding.qtype))
    files.write_cpp(programs.compiled(program, board), tmp_path / "m", "model")
    (tmp_path / "m" / "main.cpp").write_text(MAIN)
    executable = build_cpp(tmp_path / "m", board)
    values = np.concatenate([PER_FEATURE, PER_FEATURE * 7, [[np.inf, -np.inf, 1e30]]]).astype(np.float32)
    run = qemu.run(executable.path, executable.board, "\n".join(f"{v:.9g}" for v in values.ravel()))
    assert np.array_equal(np.array(run.output.split(), int).reshape(-1, 3), encoding.encode(values))


# ---- what is exported ----------------------------------------------------------------------------------------------


def exported(board, folder, kind="bonsai", self_test=False):
    """Folder of an export, and the compiled model."""
    compiled = programs.compiled(programs.EVERY_KIND[kind](1), board)
    for name, text in files.cpp_files(compiled, "digits", inputs(compiled, 5) if self_test else None).items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return compiled


@pytest.mark.parametrize("board", ["host", "pizero", "cortex-m0", "cortex-m4"])
def test_an_export_has_the_promised_files(board, tmp_path):
    exported(board, tmp_path / "digits")
    names = {path.name for path in (tmp_path / "digits").iterdir()}
    expected = {"main.cpp", "digits_model.h", "digits_model.cpp", "edgealgos_runtime.h", "README.md", "manifest.json"}
    expected |= {"CMakeLists.txt"} | ({f"{board}.cmake"} if board != "host" else set())
    assert names == expected
    texts = {path.name: path.read_text() for path in (tmp_path / "digits").iterdir()}
    assert not re.search(r"\$\{(?!CMAKE)|Serial|semihosting", "".join(set(texts.values())))
    assert json.loads(texts["manifest.json"])["predicted"]["cycles"] is None  # qemu counts instructions
    assert "cycles" not in texts["README.md"]


@pytest.mark.parametrize(("kind", "board"), each_on_one_of([HOST, *ARM], KINDS))
def test_an_export_compiles_without_warnings_float_or_heap(kind, board, tmp_path):
    exported(board, tmp_path / "digits", kind, self_test=True)
    executable = build_cpp(tmp_path / "digits", board)
    assert executable.warnings == ()
    if not executable.board.framework.hosted:
        names = {symbol.name for symbol in executable.symbols}
        assert not {name for name in names if SOFT_FLOAT.search(name) or name.startswith("__aeabi_f")}
        assert not names & {"malloc", "free", "_Znwj", "printf", "_start"}


@pytest.mark.parametrize("board", [HOST, *ARM])
def test_the_command_in_the_readme_builds(board, tmp_path):
    exported(board, tmp_path / "digits")
    readme = (tmp_path / "digits" / "README.md").read_text()
    command = re.search(r"```sh\n(.*)\n```", readme)[1]
    subprocess.run(command, shell=True, cwd=tmp_path / "digits", check=True)
    made = "digits" if get_board(board).framework.hosted else "digits_model.o"
    assert (tmp_path / "digits" / made).is_file()


@pytest.mark.needs("cmake", "make")
@pytest.mark.parametrize("board", [HOST, *ARM])
def test_cmake_builds(board, tmp_path):
    exported(board, tmp_path / "digits")
    lists = (tmp_path / "digits" / "CMakeLists.txt").read_text()
    command = next(line.removeprefix("# ") for line in lists.splitlines() if line.startswith("# cmake"))
    done = subprocess.run(command, shell=True, cwd=tmp_path / "digits", check=True, capture_output=True, text=True)
    assert "warning" not in done.stdout + done.stderr
    made = "digits" if get_board(board).framework.hosted else "libdigits_model.a"
    assert (tmp_path / "digits" / "build" / made).is_file()


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", KINDS)
def test_the_self_test_runs(kind, tmp_path):
    exported("host", tmp_path / "digits", kind, self_test=True)
    executable = build_cpp(tmp_path / "digits", "host", build_folder=tmp_path / "build")
    done = subprocess.run([executable.path], input="", capture_output=True, text=True, check=True)
    assert done.stderr == "# self-test: 5 of 5 rows as in Python\n"
    assert done.stdout == ""


@pytest.mark.needs("g++")
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.996])
@pytest.mark.parametrize(
    "kind", ["bonsai", "bonsai with two classes", "protonn", "fastgrnn", "protonn with two classes"]
)
def test_the_self_test_of_a_model_that_withholds_answers_knows_what_it_says_then(kind, share, tmp_path):
    program = rejecting(programs.EVERY_KIND[kind](1), share, None)
    compiled = programs.compiled(program, "host")
    write_export(tmp_path / "m", files.cpp_files(compiled, "m", inputs(compiled, 9)), False)
    executable = build_cpp(tmp_path / "m", "host", build_folder=tmp_path / "build")
    done = subprocess.run([executable.path], input="", capture_output=True, text=True, check=True)
    assert done.stderr == "# self-test: 9 of 9 rows as in Python\n"


@pytest.mark.parametrize("board", ["host"])
def test_a_report_says_no_more_than_is_known(board):
    report = programs.compiled(programs.bonsai(1), board).report
    assert report.cycle_items == {}
    assert "cycles" not in str(report)
    assert "without code" in str(report)
    assert set(report.flash_items) == {f"table {name}" for name in report.model_items}


# ---- building ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", [PIZERO])
def test_code_for_a_newer_processor_is_refused(board, tmp_path):
    compiled = exported(board, tmp_path / "digits")
    newer = replace(compiled.board, flags=("-march=armv7-a", "-mfloat-abi=softfp", "-mfpu=vfp", "-static"))
    with pytest.raises(BuildError, match=r"ARMv7.*ARMV6"):
        build_cpp(tmp_path / "digits", newer)


def test_only_plain_cpp_is_built(tmp_path):
    with pytest.raises(BuildError, match=r"no main\.cpp"):
        build_cpp(tmp_path, "host")
    with pytest.raises(ValueError, match="build_sketch"):
        build_cpp(tmp_path, "uno")


@pytest.mark.parametrize("board", ["pizero", "cortex-m0"])
def test_a_missing_compiler_is_named(board, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    compiled = programs.compiled(programs.bonsai(1), board)
    with pytest.raises(MissingToolError, match=f"{compiled.board.compiler}.*apt-get install"):
        compiled.simulate(inputs(compiled))


def test_doctor_lists_compilers_and_simulators():
    names = {"arm-linux-gnueabi-g++", "arm-none-eabi-g++", "qemu-arm", "qemu-system-arm"}
    assert names <= {finding.tool for finding in doctor()}


# ---- running -------------------------------------------------------------------------------------------------------

LOOP = """#include <stdio.h>
extern "C" int spin(int n);  // 3 instructions, and 2 a turn
__asm__(".text\\n.arm\\n.global spin\\n.type spin, %function\\n"
        "spin: mov r1, r0\\n1: subs r1, r1, #1\\nbne 1b\\nmov r0, #7\\nbx lr\\n");
int main() { int n; while (scanf("%d", &n) == 1) printf("%d\\n", spin(n)); }
"""


@pytest.mark.parametrize("board", [PIZERO])
def test_instructions_are_counted_exactly(board, tmp_path):
    (tmp_path / "main.cpp").write_text(LOOP)
    rows = np.array([[1], [2], [1000], [2]])
    result = run_rows(build_cpp(tmp_path, board), rows, ["spin"])
    assert result.spent_by_function["spin"].tolist() == [5, 7, 2003, 7]
    assert result.labels.tolist() == [7, 7, 7, 7]


def firmware_with(board, folder, statement):
    """The simulated firmware with a statement before each row."""
    compiled = exported(board, folder / "digits")
    answer = main_programs.answer_source(compiled, "digits")
    firmware = write_firmware(folder / "firmware", compiled.board, "digits", answer)
    head = "static bool readRow() {"
    firmware.write_text(firmware.read_text().replace(head, head + statement))
    flags = qemu.link_flags(compiled.board)
    executable = build_cpp(folder / "digits", board, firmware=firmware, link_flags=flags)
    return run_rows(executable, np.zeros((2, compiled.program.input.size), int), timeout=60)


@pytest.mark.parametrize("board", CORTEX_M)
def test_a_crash_is_told(board, tmp_path):
    with pytest.raises(SimulationError, match="crashed on the simulated ARM Cortex-M"):
        firmware_with(board, tmp_path, '__asm__ volatile("udf #0");')


MISALIGNED = """
  uintptr_t odd = reinterpret_cast<uintptr_t>(heap_start) + 1;
  __asm__ volatile("ldr r3, [%0]" : : "r"(odd) : "r3", "memory");
"""


@pytest.mark.parametrize("board", CORTEX_M)
def test_the_simulated_cortex_m0_is_no_larger_one(board, tmp_path):
    if board == "cortex-m4":
        assert len(firmware_with(board, tmp_path, MISALIGNED).labels) == 2
    else:
        with pytest.raises(SimulationError, match="crashed"):
            firmware_with(board, tmp_path, MISALIGNED)


@pytest.mark.parametrize("board", CORTEX_M)
def test_a_deeper_stack_is_seen(board, tmp_path):
    (tmp_path / "a").mkdir()
    plain = firmware_with(board, tmp_path / "a", "").stack_peak
    (tmp_path / "b").mkdir()
    deep = firmware_with(board, tmp_path / "b", "volatile char deep[600]; deep[0] = 1; (void)deep;").stack_peak
    print(plain, deep)
    assert deep >= 600 > plain


@pytest.mark.parametrize("board", [PIZERO])
def test_without_a_counter_there_are_answers_and_a_warning(board, monkeypatch):
    def refuse(tool):
        raise BuildError("no compiler for plugins")

    monkeypatch.setattr(qemu, "_plugin", refuse)
    compiled = programs.compiled(programs.bonsai(1), board)
    X = inputs(compiled)
    result = compiled.simulate(X)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert result.instructions.size == 0
    assert result.warnings == ["instructions are not counted: no compiler for plugins"]


@pytest.mark.parametrize("board", [PIZERO])
def test_a_qemu_that_takes_no_plugin_runs_without(board, monkeypatch, tmp_path):
    wrong = tmp_path / "wrong.so"
    wrong.write_text("no library")
    monkeypatch.setattr(qemu, "_plugin", lambda tool: wrong)
    compiled = programs.compiled(programs.bonsai(1), board)
    X = inputs(compiled)
    result = compiled.simulate(X)
    assert np.array_equal(result.labels, compiled.predict(X))
    assert "instructions are not counted" in result.warnings[0]


@pytest.mark.parametrize("board", [PIZERO])
def test_a_program_that_refuses_its_input_is_told(board, tmp_path):
    exported(board, tmp_path / "digits")
    with pytest.raises(SimulationError, match="not a row of"):
        run_rows(build_cpp(tmp_path / "digits", board), np.full((1, 20), 10**6))


def test_plugin_interface_by_version():
    versions = ("5.2.0", "7.2.22 (Debian)", "9.0.1", "10.1")
    assert [qemu._interface(f"qemu-arm version {version}") for version in versions] == [1, 1, 2, 2]


def test_an_unknown_simulator_is_refused():
    compiled = programs.compiled(programs.bonsai(1), "host")
    with pytest.raises(ValueError, match="not simulated by"):
        compiled.simulate(inputs(compiled), simulator="simavr")


def test_the_plugin_and_linker_script_are_packaged():
    names = ("qemu_count.c", "firmware/bare.ld", "firmware/rows.cpp")
    assert all((Path(qemu.__file__).parent / name).is_file() for name in names)
