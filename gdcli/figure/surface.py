"""A function at many points at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from gdcli.errors import GdcliError
from gdcli.tensors import Problem


def evaluate_many(problem: Problem, points: Mapping[str, torch.Tensor]) -> list[float]:
    """The value of the objective at each of n points.

    ``points`` holds tensors of shape (n, *shape of the variable) for the variables that change from point to point; the
    others keep the tensor that they have in ``problem``. Where the function is not defined the value is NaN.
    """
    count = len(next(iter(points.values())))
    prepared = _prepared(problem, points)
    with torch.no_grad():
        try:
            values = torch.func.vmap(_of_one(problem, list(prepared)), randomness="same")(*prepared.values())
            found: list[float] = values.reshape(count, -1)[:, 0].double().tolist()
        except (RuntimeError, GdcliError):  # what vmap cannot do is done point by point
            one = _of_one(problem, list(prepared))
            found = [_number(one, [column[i] for column in prepared.values()]) for i in range(count)]
    return found


def gradients(problem: Problem, points: Mapping[str, torch.Tensor]) -> dict[str, list[Any]]:
    """The gradient with respect to the variables of ``points``, at each of the points: lists of n (nested) numbers."""
    prepared = {name: column.requires_grad_() for name, column in _prepared(problem, points).items()}
    values = torch.func.vmap(_of_one(problem, list(prepared)), randomness="same")(*prepared.values())
    found = torch.autograd.grad(values.sum(), list(prepared.values()), allow_unused=True, materialize_grads=True)
    return {name: gradient.double().tolist() for name, gradient in zip(prepared, found, strict=True)}


def _prepared(problem: Problem, points: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The columns in the dtype and the shape of their variables."""
    prepared = {}
    for name, column in points.items():
        like = problem.tensors[name]
        prepared[name] = column.to(like.dtype).to(like.device).reshape(len(column), *like.shape).detach().clone()
    return prepared


def _of_one(problem: Problem, names: list[str]) -> Callable[..., torch.Tensor]:
    """The objective as a function of the named variables alone."""
    fixed = {name: tensor.detach() for name, tensor in problem.tensors.items()}

    def function(*values: torch.Tensor) -> torch.Tensor:
        given = {**fixed, **dict(zip(names, values, strict=True))}
        return problem.objective(*(given[name] for name in problem.objective.variables)).reshape(())

    return function


def _number(function: Callable[..., torch.Tensor], values: list[torch.Tensor]) -> float:
    try:
        return float(function(*values))
    except GdcliError:
        return math.nan
