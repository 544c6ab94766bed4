"""Structures chosen for a budget: within it, never smaller for more bytes, refused with the least that works."""

import re

import pytest

pytest.importorskip("tensorflow")

from edgealgos.training import bonsai, protonn
from edgealgos.training.budget import least_bytes

BUDGETS = (200, 300, 512, 1024, 2048, 4600, 8500, 21000)
PROBLEMS = ((64, 10, "multiclass"), (784, 10, "multiclass"), (8, 1, "regression"), (30, 1, "binary"))


def sizes(module, kind, names, n_features, n_outputs, problem, budget):
    found = module.structure_for_budget(budget, n_features, n_outputs, problem=problem)
    model = kind(n_features, n_outputs, problem, **dict(zip(names, found, strict=True)))
    return found, least_bytes(model.specs, model.extra_bytes, module.LEAST_DENSITY)


FAMILIES = (
    (bonsai, bonsai.Bonsai, ("projection_dim", "depth")),
    (protonn, protonn.ProtoNN, ("projection_dim", "n_prototypes")),
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f[1].__name__)
@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_structures_fit_and_grow(family, problem):
    last = 0
    for budget in BUDGETS:
        try:
            structure, needed = sizes(*family, *problem, budget)
        except ValueError as error:
            assert last == 0, "a larger budget was refused"
            assert int(re.search(r"\d+$", str(error))[0]) > budget  # noqa: PT017
            continue
        assert needed <= budget
        assert needed >= last, structure
        last = needed


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f[1].__name__)
def test_the_least_budget_named_works(family):
    module = family[0]
    with pytest.raises(ValueError, match="the least that works is") as refusal:
        module.structure_for_budget(20, 64, 10)
    least = int(str(refusal.value).split("=")[-1])
    assert module.structure_for_budget(least, 64, 10)
    with pytest.raises(ValueError, match=f"max_model_bytes={least}$"):
        module.structure_for_budget(least - 1, 64, 10)


@pytest.mark.parametrize(("fixed", "budget"), [(3, 1024), (3, 4096), (12, 1024), (12, 4096)])
def test_what_the_user_fixed_stays(fixed, budget):
    assert bonsai.structure_for_budget(budget, 64, 10, projection_dim=fixed)[0] == fixed
    assert protonn.structure_for_budget(budget, 64, 10, n_prototypes=fixed)[1] == fixed


def test_prototypes_that_do_not_fit_are_refused_not_reduced():
    with pytest.raises(ValueError, match="max_model_bytes=4710 is too small for ProtoNN"):
        protonn.structure_for_budget(4710, 784, 10, bits=4, projection_dim=18, n_prototypes=64)


def test_weights_of_half_a_byte_make_structures_wider():
    assert protonn.structure_for_budget(2048, 256, 10, bits=4) > protonn.structure_for_budget(2048, 256, 10, bits=8)
    assert bonsai.structure_for_budget(2048, 256, 10, bits=4) > bonsai.structure_for_budget(2048, 256, 10, bits=8)
