"""The crown test: interpreter, host build with sanitizers and simulated Uno answer the same bits."""

from dataclasses import replace

import numpy as np
import pytest

from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.passes.choose_forms import changed_together, forms
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.qtype import QType
from edgealgos.codegen.targets.boards import get_board
from tests.support import sample_programs as programs
from tests.support.equivalence import check_host, check_uno, host_scores, raw

pytestmark = pytest.mark.slow


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", programs.EVERY_KIND)
def test_host(kind, tmp_path):
    check_host(programs.EVERY_KIND[kind](1), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", programs.EVERY_KIND)
def test_uno(kind):
    check_uno(programs.EVERY_KIND[kind](1))


def fastest(program, rng):
    """The program with every constant in one of its faster forms."""
    for names, op in changed_together(program).items():
        if found := list(forms(program, op, names)):
            program = program.replacing(*found[rng.integers(len(found))].values())
    return program


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", programs.EVERY_KIND)
def test_uno_fast(kind):
    rng = np.random.default_rng(sum(map(ord, kind)))
    program = fastest(programs.compiled(programs.EVERY_KIND[kind](2)).program, rng)
    compiled = CompiledModel(program, get_board("uno"))
    q = programs.any_inputs(rng, program, 40)
    X = raw(compiled, q)
    result = compiled.simulate(X)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert not [w for w in result.warnings if "warning:" in w]
    assert result.ram_peak <= compiled.report.ram_bytes


def many_prototypes():
    return programs.protonn(2, features=12, width=5, count=300, outputs=3)


@pytest.mark.needs("g++")
def test_host_many_prototypes(tmp_path):
    compiled = programs.compiled(many_prototypes(), "host")
    q = programs.any_inputs(np.random.default_rng(1), compiled.program, 30)
    assert np.array_equal(host_scores(compiled, q, tmp_path), compiled.scores(raw(compiled, q)))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_uno_many_prototypes(optimize):
    compiled = programs.compiled(many_prototypes(), optimize=optimize)
    X = raw(compiled, programs.any_inputs(np.random.default_rng(1), compiled.program, 8))
    found = compiled.simulate(X)
    assert np.array_equal(found.scores, compiled.scores(X))
    assert not [w for w in found.warnings if "warning:" in w]
    assert abs(compiled.report.ram_bytes / found.ram_peak - 1) < 0.1


LARGEST = {
    "bonsai": lambda: programs.bonsai(2, features=784, width=64, outputs=10, depth=2, density=0.3),
    "protonn": lambda: programs.protonn(2, features=784, width=25, outputs=10, count=280),
    "fastgrnn": lambda: programs.fastgrnn(2, features=28, hidden=185, outputs=10, steps=28),
}


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", LARGEST)
def test_uno_models_that_fill_the_flash(kind):
    """Twenty kilobytes of four-bit weights for images of 28 x 28 pixels."""
    compiled = programs.compiled(programs.represented(LARGEST[kind](), "fixed4"))
    X = raw(compiled, programs.any_inputs(np.random.default_rng(1), compiled.program, 3))
    assert np.array_equal(compiled.simulate(X).scores, compiled.scores(X))


WIDE_STORAGES = ("dense", "bitmap", "nibbles", "nibble_bitmap", "codebook16", "codebook16_bitmap")


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("features", [510, 511, 512, 784])
@pytest.mark.parametrize("storage", WIDE_STORAGES)
def test_uno_wide_rows(storage, features):
    check_wide_rows("uno", storage, features)


@pytest.mark.needs("avr-g++", "simavr", "gcc")
@pytest.mark.parametrize("features", [247, 248, 254, 255, 256, 257, 300])
@pytest.mark.parametrize("storage", ["nibbles", "nibble_bitmap"])
def test_attiny_wide_rows(storage, features):
    """Sums for each bit of the weights have 16 bits, however long the row."""
    check_wide_rows("attiny85", storage, features)


def check_wide_rows(board, storage, features):
    """As many columns as an image has pixels; sums as large as weights of four bits and inputs make them."""
    program = programs.passes.to_integer(programs.bonsai(3, features=features, width=4, depth=0))
    encoding = choose_encoding(np.outer([-127.0, 127.0], np.ones(features)))
    program = replace(program, encoding=encoding).replacing(replace(program["x"], qtype=encoding.qtype))
    weights = np.random.default_rng(3).integers(-8, 8, (4, features))
    weights[0], weights[1], weights[2, 1::3] = -8, 7, 0
    z = replace(program["Z"], data=weights, storage=storage, qtype=QType(4, 0))
    program = programs.passes.prove_accumulators(program.replacing(z))
    compiled = CompiledModel(program, get_board(board))
    q = programs.any_inputs(np.random.default_rng(1), program, 8)
    X = raw(compiled, q)
    assert np.array_equal(compiled.simulate(X).scores, compiled.scores(X))


@pytest.mark.needs("g++")
@pytest.mark.fuzz(8)
def test_fuzz_host(fuzz_seed, tmp_path):
    """Random programs; ``pytest --fuzz 300`` says how many, ``--fuzz-seed`` where to start."""
    compiled = programs.compiled(programs.random_program(fuzz_seed), "host")
    q = programs.any_inputs(np.random.default_rng(fuzz_seed), compiled.program, 30)
    assert np.array_equal(host_scores(compiled, q, tmp_path), compiled.scores(raw(compiled, q)))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.fuzz(8)
def test_fuzz_uno(fuzz_seed):
    """Random programs on the simulated board."""
    compiled = programs.compiled(programs.random_program(fuzz_seed), optimize=("size", "speed")[fuzz_seed % 2])
    X = raw(compiled, programs.any_inputs(np.random.default_rng(fuzz_seed), compiled.program, 12))
    assert np.array_equal(compiled.simulate(X).scores, compiled.scores(X))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_operands_of_equal_value_do_not_share_a_register():
    """15 elements and a limit of 15: the compiler once gave both constants to one register of an assembly loop."""
    compiled = programs.compiled(programs.protonn(5, features=35, width=15, frac=4, scale=0.05, count=16))
    X = raw(compiled, programs.any_inputs(np.random.default_rng(1), compiled.program, 6))
    assert np.array_equal(compiled.simulate(X).scores, compiled.scores(X))
