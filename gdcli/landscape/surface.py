"""A function at many points at once."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch

from gdcli.errors import GdcliError
from gdcli.lang.limits import largest
from gdcli.tensors import Problem

_AT_A_TIME = 4_000_000  # elements of a result for all points together
_AT_ALL = 20_000_000

Columns = Mapping[str, torch.Tensor]
"""The variables that change from point to point, each a tensor of shape (n, *shape of the variable)."""


class NotTogetherError(Exception):
    """A function of Python is called point by point."""


def evaluate_many(problem: Problem, points: Columns) -> list[float]:
    """The value of the objective at each of n points, in the dtype of the run.

    The variables that are not in ``points`` keep the tensor that they have in ``problem``. Where the function is not
    defined the value is NaN. An expression that draws random numbers draws the same ones for all points.
    """
    prepared = _prepared(problem, points)
    one = _of_one(problem, list(prepared))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says which operations it does one by one
        try:
            values = _mapped(problem, one)(*prepared.values())
        except (RuntimeError, GdcliError, NotTogetherError):  # what cannot be done at once is done point by point
            return [_value_at(one, row, problem) for row in zip(*prepared.values(), strict=True)]
    numbers: list[float] = values.double().tolist()
    return numbers


def gradients(problem: Problem, points: Columns) -> dict[str, list[Any]]:
    """The gradient with respect to the variables of ``points``, at each of them: lists of n (nested) numbers."""
    prepared = {name: column.requires_grad_() for name, column in _prepared(problem, points).items()}
    columns = list(prepared.values())
    one = _of_one(problem, list(prepared))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = _differentiated(_mapped(problem, one)(*columns), columns)
        except (RuntimeError, GdcliError, NotTogetherError):
            rows = [_gradient(one, row) for row in zip(*columns, strict=True)]
            found = [torch.stack(gradients) for gradients in zip(*rows, strict=True)]
    return {name: gradient.double().tolist() for name, gradient in zip(prepared, found, strict=True)}


def points_that_pay(problem: Problem, most: int, least: int = 16) -> int:
    """How many points along each side of a grid: fewer where a single evaluation has much to do."""
    return max(least, min(most, math.isqrt(_AT_ALL // _cost(problem))))


def _cost(problem: Problem) -> int:
    """About how many elements an evaluation handles."""
    given = sum(tensor.numel() for tensor in problem.tensors.values())
    shapes = {name: tuple(tensor.shape) for name, tensor in problem.tensors.items()}
    bound = largest(problem.objective.expression.root, shapes)
    return max(given, int(min(bound, 100 * given)))


def _mapped(problem: Problem, one: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    if problem.objective.expression.function:
        raise NotTogetherError  # it may do anything with its numbers
    chunk = max(1, _AT_A_TIME // _cost(problem))
    return torch.func.vmap(one, randomness="same", chunk_size=chunk)


def _prepared(problem: Problem, points: Columns) -> dict[str, torch.Tensor]:
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


def _value_at(one: Callable[..., torch.Tensor], values: tuple[torch.Tensor, ...], problem: Problem) -> float:
    generator = problem.environment.generator if problem.is_random else None
    drawn = None if generator is None else generator.get_state()
    try:
        return float(one(*values))
    except GdcliError:
        return math.nan
    finally:
        if generator is not None and drawn is not None:  # every point sees the same numbers
            generator.set_state(drawn)


def _gradient(one: Callable[..., torch.Tensor], values: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    leaves = [value.detach().requires_grad_() for value in values]
    try:
        return _differentiated(one(*leaves), leaves)
    except (RuntimeError, GdcliError):
        return [torch.full_like(leaf, math.nan) for leaf in leaves]


def _differentiated(values: torch.Tensor, columns: list[torch.Tensor]) -> list[torch.Tensor]:
    """The gradient of the sum; each value depends on its own point only."""
    if not values.requires_grad:
        return [torch.zeros_like(column) for column in columns]
    found = torch.autograd.grad(values.sum(), columns, allow_unused=True, materialize_grads=True)
    return list(found)
