"""Chooses for every matrix the storage that takes the fewest bytes of flash."""

from __future__ import annotations

from dataclasses import replace

from ..program.op import Product
from ..program.program import Program
from ..program.tensor import Tensor
from ..storage.record import STORAGES, Content, Storage


def pack_weights(program: Program) -> Program:
    """Sparse storage where it is smaller than the plain table, matrix by matrix; of dense ones the faster order."""
    products = {product.matrix.name: product for op in program.ops() for product in op.products(program)}
    read = {name: storage for op in program.ops() for name, storage in op.storages(program).items()}
    others = (replace(program[name], storage=storage) for name, storage in read.items())
    return program.replacing(*(_packed(product) for product in products.values()), *others)


def _packed(product: Product) -> Tensor:
    """The matrix in the storage of fewest bytes; of equal ones in the fastest."""
    content = Content.of(product.matrix)
    best = min(possible_storages(product), key=lambda storage: (storage.size(content), storage.slowness))
    return replace(product.matrix, storage=best.name)


def possible_storages(product: Product) -> list[Storage]:
    """Storages that can hold a matrix and that its kernel reads."""
    if product.storages is not None:
        return [STORAGES[name] for name in product.storages]
    return [storage for storage in STORAGES.values() if storage.holds(product.matrix, product.vector)]
