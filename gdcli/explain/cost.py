"""What an evaluation costs, in elements of results: counted, so that a limit of work is the same on every machine."""

from __future__ import annotations

import torch
from msgspec import Struct

from gdcli.explain.intermediates import Intermediates
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import Call
from gdcli.tensors import Problem

SECOND = 600_000_000
"""About so many elements are made in a second, on one core."""
_OPERATION = 5_000  # an operation and its backward pass cost as much as so many elements
_INVERSION = 6  # times n**3 elements, for a matrix of n rows
# Functions of a matrix that take far longer than other operations, small matrices too: in elements.
_OF_MATRICES = {
    "matrix_exp": 300_000,
    **dict.fromkeys(("pinverse", "pinv", "matrix_rank", "logdet", "slogdet", "det", "eigh", "eigvalsh"), 80_000),
    **dict.fromkeys(("cond", "svdvals", "svd", "inverse", "inv", "solve", "cholesky", "qr"), 60_000),
}


class Cost(Struct, frozen=True):
    """``elements`` are those of all results of an evaluation, the variables included; ``work`` is what it costs."""

    elements: int
    work: int


def cost_of(problem: Problem) -> Cost:
    """The cost of one evaluation of a problem, from one that is made."""
    own, expression = problem.environment, problem.objective.expression
    # Random numbers that it draws are not those of the run.
    kept = Intermediates(expression, Environment(own.dtype, own.device), problem.tensors)
    with torch.no_grad():
        kept.objective(*problem.tensors.values())
    made = [tensor.numel() for tensor in (*problem.tensors.values(), *kept.tensors())]
    inverted = (
        kept.get(node).numel()
        for node in kept.nodes()
        if isinstance(node, Call) and "inversion" in node.function.facts and isinstance(kept.get(node), torch.Tensor)
    )
    cubes = sum(round(_INVERSION * n**1.5) for n in inverted)
    names = (node.function.usual.rpartition(".")[2] for node in kept.nodes() if isinstance(node, Call))
    matrices = sum(_OF_MATRICES.get(name, 0) for name in names)
    return Cost(sum(made), _OPERATION * len(made) + sum(made) + cubes + matrices)
