"""The value and the gradient of an expression at many points, evaluated together.

A batch of points is one evaluation of the expression under ``torch.func.vmap`` and one backward pass of its sum: each
point has leaves of its own, constants included, so the gradient of the sum is that of each point. (The shorter
``vmap(grad_and_value(f))`` means the same, and imports ``torch._dynamo`` and SymPy for it, which takes a second.)
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from msgspec import UnsetType
from msgspec.structs import replace

from gdcli.complete.grad import complete_grad
from gdcli.complete.sources import given
from gdcli.contract.envelope import ErrorDetail, Notice, detail_of
from gdcli.contract.fields import Nested, in_record
from gdcli.contract.grad import GradSettings, Point, PointsResult
from gdcli.errors import ExpressionError, GdcliError
from gdcli.explain.intermediates import Intermediates
from gdcli.gradient import without_path
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import Expression
from gdcli.lang.objective import Objective, build, tensor_result
from gdcli.lang.parsing import parse
from gdcli.lang.values import bind_some
from gdcli.pointfile import Chunk, PointFile, Shapes
from gdcli.tensors import Problem, check_scalar, environment, is_finite, on_device, plain, variables

# The tensors of a batch stay below the size from which on PyTorch divides one among threads, so that no digit depends
# on their number.
_BATCH_ELEMENTS = 2**15 - 1
# Every batch of one shape has the same number of points, a multiple of 64 where there is room (the last point is
# repeated to fill it). What does not fill the vector registers takes another way through PyTorch's loops, and a product
# of matrices adds up in an order that depends on their sizes: the last digit of an answer would depend on where in its
# file the point stands. 64 numbers of 16 bits are two registers of 512.
_LANES = 64
_MOST_AT_ONCE = 1_024
_MOST_SHAPES = 256  # what was prepared is kept for so many

# Codes of errors that every point would meet, or every point of the same shape.
_LASTING = frozenset(["dtype", "constant"])
_LASTING_IN_SHAPE = frozenset(["not-scalar", "result", "limit", "shape"])


def grad_each(settings: GradSettings) -> PointsResult:
    """The value and the gradient at each of the points that the variables list along their first dimension.

    A variable that is a single number is the same at every point.

    Raises:
        GdcliError: for lists of unequal length, or none; for an expression, value or ``wrt`` that does not fit.
    """
    settings, expression, run, tensors = _given(settings)
    _check_lengths(tensors)
    fixed = {name: tensor for name, tensor in tensors.items() if tensor.dim() == 0}
    columns = [tensor.detach() for tensor in tensors.values() if tensor.dim() > 0]
    gradients = PointGradients(settings, expression, run, fixed, shapes_known=True)
    points = gradients.at_all(columns)
    if gradients.failed == gradients.count and isinstance(error := points[0].error, ErrorDetail):
        raise ExpressionError(
            error.code, error.message, error.hint, source=expression.source, span=error.span or (0, 0)
        )
    return gradients.record(points)


def gradients_for(file: PointFile, settings: GradSettings, *, one_shape: bool) -> PointGradients:
    """What answers the points of a file, whose variables are not those that ``settings`` gives.

    Raises:
        GdcliError: for an expression, value or ``wrt`` that does not fit.
    """
    settings, expression, run, fixed = _given(settings)
    return PointGradients(settings, expression, run, fixed, shapes_known=file.shapes is not None, one_shape=one_shape)


def _given(settings: GradSettings) -> tuple[GradSettings, Expression, Environment, dict[str, torch.Tensor]]:
    """Complete settings, the expression, the environment, and the tensors of the variables that have a value."""
    settings = on_device(complete_grad(settings))
    expression = parse(settings.expression, settings.values)
    run = environment(settings)
    return settings, expression, run, variables(bind_some(expression, given(settings)), run, settings.wrt)


@dataclass(frozen=True, slots=True)
class _Batch:
    """How points of one shape are evaluated: by what, and how many at a time."""

    objective: Objective
    size: int


class PointGradients:
    """Evaluates and differentiates an expression at points, and counts what it met.

    ``fixed`` are the variables that are the same at every point. ``shapes_known`` says that all points have one shape,
    so that what is wrong with it ends the run. With ``one_shape``, a point of another shape than the first one that
    could be evaluated is an error.
    """

    def __init__(
        self,
        settings: GradSettings,
        expression: Expression,
        run: Environment,
        fixed: Mapping[str, torch.Tensor],
        *,
        shapes_known: bool = False,
        one_shape: bool = False,
    ) -> None:
        self.settings = settings
        self.wrt = tuple(settings.wrt)
        self.expression = expression
        self.fixed = {name: tensor.detach() for name, tensor in fixed.items()}
        self.names = tuple(name for name in expression.variables if name not in fixed)
        self.count = self.failed = self.not_finite = 0
        self._shapes_known = shapes_known
        self._one_shape = one_shape
        self._run = run
        # Every point sees the random numbers that a run of its own would see.
        self._drawn = None if run.generator is None else run.generator.get_state()
        self._batches: dict[Shapes, _Batch] = {}
        self._first_shapes: Shapes | None = None
        self._without_path: set[str] = set()

    def at(self, chunk: Chunk) -> list[Point]:
        """The answers to a chunk of a file, in its order.

        Raises:
            ExpressionError: for an expression that has no gradient at any point.
        """
        found: dict[int, Point] = {}
        for position, message in chunk.bad.items():
            found[position] = Point(line=chunk.lines[position], error=ErrorDetail("point", message, "", None))
        self.count += len(chunk.bad)
        self.failed += len(chunk.bad)
        for shapes, group in chunk.groups.items():
            numbers = torch.tensor(group.numbers, dtype=self._run.dtype, device=self._run.device)
            parts = torch.split(numbers, [math.prod(shape) for shape in shapes], dim=1)
            points = self.at_all([part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)])
            for position, point in zip(group.positions, points, strict=True):
                if not isinstance(point.error, UnsetType):
                    point = replace(point, line=chunk.lines[position])  # noqa: PLW2901
                found[position] = point
        return [found[position] for position in range(len(chunk.lines))]

    def at_all(self, columns: Sequence[torch.Tensor]) -> list[Point]:
        """The answers to points of one shape: for each of ``names`` a tensor, whose first dimension is the points.

        Raises:
            ExpressionError: for an expression that has no gradient at any point.
        """
        shapes = tuple(tuple(column.shape[1:]) for column in columns)
        count = len(columns[0])
        self.count += count
        if self._one_shape and self._first_shapes not in (None, shapes):
            self.failed += count
            return [Point(error=self._other_shape(shapes))] * count
        found: list[Point] = []
        while shapes not in self._batches and len(found) < count:  # until a point can be evaluated
            found += self._prepare(shapes, [column[len(found)] for column in columns])
        while len(found) < count:
            batch = self._batches[shapes]
            found += self._answers(batch, [column[len(found) : len(found) + batch.size] for column in columns])
        return found

    def record(
        self, points: list[Point], *, stopped_by: str | None = None, trouble: GdcliError | None = None
    ) -> PointsResult:
        """The record of what came out so far.

        ``stopped_by`` says by which signal it was ended early ("" for Ctrl-C, " by SIGTERM"), ``trouble`` by what else.
        """
        message = f"{self.count:,} point{'s' * (self.count != 1)}"
        if self.failed:
            message += f", {self.failed:,} of them failed"
        if trouble is not None:
            message += f"; {trouble.message}"
        elif stopped_by is not None:
            message += f"; interrupted{stopped_by}"
        failed = self.failed or trouble is not None
        return PointsResult(
            settings=in_record(self.settings),
            values={name: plain(tensor) for name, tensor in self.fixed.items()},
            points=points,
            status="interrupted" if stopped_by is not None else "failed" if failed else "ok",
            message=message,
            warnings=self._notices(),
        )

    def _notices(self) -> list[Notice]:
        """What a reader should know about the answers."""
        apart = [name for name in self.wrt if name in self._without_path]
        found = [Notice("no-path", without_path(apart))] if apart else []
        if self.not_finite:
            message = f"the value or the gradient is not finite at {self.not_finite:,} of {self.count:,} points"
            found.append(Notice("non-finite", message))
        return found

    def _prepare(self, shapes: Shapes, point: Sequence[torch.Tensor]) -> list[Point]:
        """Find out on one point how those of its shape are evaluated; when that fails, the answer to the point."""
        tensors = self._leaves(point)
        try:
            objective = build(self.expression, self._run, tensors)
            kept = Intermediates(self.expression, self._run, tensors)
            value = self._differentiated(Problem(kept.objective, self._run, tensors, self.wrt))
        except GdcliError as error:
            self._raise_if_lasting(error, tensors)
            return [self._failure(point, error)]
        largest = max(tensor.numel() for tensor in (*point, *self.fixed.values(), *kept.tensors()))
        size = min(_MOST_AT_ONCE, max(1, _BATCH_ELEMENTS // largest))
        batch = _Batch(objective, size // _LANES * _LANES or size)
        is_text = self.expression.function is None  # a function may do anything with its numbers
        if batch.size > 1 and not (is_text and self._is_alike(batch, point, value, tensors)):
            batch = _Batch(objective, 1)
        if len(self._batches) >= _MOST_SHAPES:
            self._batches.clear()
        self._batches[shapes] = batch
        self._first_shapes = self._first_shapes or shapes
        return []

    def _is_alike(
        self, batch: _Batch, point: Sequence[torch.Tensor], value: torch.Tensor, tensors: Mapping[str, torch.Tensor]
    ) -> bool:
        """Whether the point gets the same answer in a batch as alone, but for rounding."""
        try:
            values, leaves = self._together(batch, [torch.stack([tensor, tensor]) for tensor in point])
        except (GdcliError, RuntimeError):  # vmap cannot do it
            return False
        pairs = [(value, values[0]), (value, values[1])]  # the second would have random numbers of its own
        for name in self.wrt:
            alone, batched = tensors[name].grad, leaves[name].grad
            if (alone is None) != (batched is None):
                return False
            if alone is not None and batched is not None:
                pairs += [(alone, batched[0]), (alone, batched[1])]
        tolerance = torch.finfo(value.dtype).eps ** 0.5
        return all(
            a.shape == b.shape and torch.allclose(a, b, rtol=tolerance, atol=tolerance * _size(a), equal_nan=True)
            for a, b in pairs
        )

    def _answers(self, batch: _Batch, columns: Sequence[torch.Tensor]) -> list[Point]:
        """The answers to as many points as fit in a batch; where a batch fails, each alone."""
        if batch.size > 1:
            try:
                values, leaves = self._together(batch, columns)
            except (GdcliError, RuntimeError):
                pass
            else:
                return self._points(columns, values, leaves)
        alone = [[column[i] for column in columns] for i in range(len(columns[0]))]
        return [self._answer(batch.objective, point) for point in alone]

    def _together(self, batch: _Batch, columns: Sequence[torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The values at the points of a batch, shape (n,) or (n, 1), and the leaves, whose ``.grad`` is filled."""
        count = len(columns[0])
        given = dict(zip(self.names, columns, strict=True))
        leaves: dict[str, torch.Tensor] = {}
        for name in self.expression.variables:
            if name in given:
                leaves[name] = torch.cat(
                    [given[name], given[name][-1:].expand(batch.size - count, *given[name].shape[1:])]
                )
            elif name in self.wrt:
                leaves[name] = self.fixed[name].expand(batch.size, *self.fixed[name].shape).clone()
            else:
                leaves[name] = self.fixed[name]
            leaves[name].requires_grad_(name in self.wrt)
        dims = tuple(0 if name in given or name in self.wrt else None for name in leaves)
        self._restart()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what PyTorch says of the expression, it has said at the first point
            together = torch.func.vmap(batch.objective, dims, randomness="same")
            values = tensor_result(together(*leaves.values()), self.expression)
            values.sum().backward()  # type: ignore[no-untyped-call]
        return values.detach()[:count], leaves

    def _points(
        self, columns: Sequence[torch.Tensor], values: torch.Tensor, leaves: Mapping[str, torch.Tensor]
    ) -> list[Point]:
        """The records of a batch."""
        count = len(values)
        finite = values.isfinite().reshape(count, -1).all(1)
        rows: list[Any] = []
        for name, leaf in leaves.items():
            if name not in self.wrt or leaf.grad is None:
                rows.append([None] * count)
                self._without_path |= {name} & set(self.wrt)
            else:
                gradient = leaf.grad[:count]
                finite &= gradient.isfinite().reshape(count, -1).all(1)
                rows.append(plain(gradient))
        self.not_finite += count - int(finite.sum())
        places = zip(*(column.tolist() for column in columns), strict=True)
        return [
            Point(
                values=dict(zip(self.names, place, strict=True)),
                value=value,
                grads=dict(zip(leaves, gradients, strict=True)),
            )
            for place, value, gradients in zip(places, values.tolist(), zip(*rows, strict=True), strict=True)
        ]

    def _answer(self, objective: Objective, point: Sequence[torch.Tensor]) -> Point:
        """The answer to one point, as ``gdcli grad`` gives it."""
        tensors = self._leaves(point)
        try:
            value = plain(self._differentiated(Problem(objective, self._run, tensors, self.wrt)))
        except GdcliError as error:
            return self._failure(point, error)
        grads = {name: plain(tensor.grad) for name, tensor in tensors.items()}
        self._without_path |= {name for name in self.wrt if grads[name] is None}
        self.not_finite += not is_finite([value, *grads.values()])
        return Point(values=self._places(point), value=value, grads=grads)

    def _differentiated(self, problem: Problem) -> torch.Tensor:
        self._restart()
        value = problem.value()
        check_scalar(value, self.expression, self.wrt)
        problem.backward(value)
        return value.detach()

    def _leaves(self, point: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """The tensors of one point in the order of the expression; those in ``wrt`` require a gradient."""
        given = self.fixed | dict(zip(self.names, point, strict=True))
        return {
            name: given[name].detach().clone().requires_grad_(name in self.wrt) for name in self.expression.variables
        }

    def _restart(self) -> None:
        """Draw the same random numbers again."""
        if self._run.generator is not None and self._drawn is not None:
            self._run.generator.set_state(self._drawn)

    def _places(self, point: Sequence[torch.Tensor]) -> dict[str, Nested]:
        return {name: plain(tensor) for name, tensor in zip(self.names, point, strict=True)}

    def _failure(self, point: Sequence[torch.Tensor], error: GdcliError) -> Point:
        self.failed += 1
        return Point(values=self._places(point), error=detail_of(error))

    def _raise_if_lasting(self, error: GdcliError, tensors: Mapping[str, torch.Tensor]) -> None:
        """Raise an error that is the expression's, and would come at every point."""
        if error.code in _LASTING or (self._shapes_known and error.code in _LASTING_IN_SHAPE):
            raise error
        if self._shapes_known and self._is_about_shapes(tensors):
            raise error

    def _is_about_shapes(self, tensors: Mapping[str, torch.Tensor]) -> bool:
        """Whether PyTorch refuses the expression already for the shapes of the tensors, whatever their numbers."""
        try:
            on_meta = build(self.expression, self._run.on_meta())
            on_meta(*(tensor.detach().to("meta") for tensor in tensors.values()))
        except GdcliError as error:
            return not isinstance(error.__cause__, NotImplementedError)
        return False

    def _other_shape(self, shapes: Shapes) -> ErrorDetail:
        name, shape, first = next(
            (name, shape, first)
            for name, shape, first in zip(self.names, shapes, self._first_shapes or (), strict=True)
            if shape != first
        )
        message = f"{name} has shape {shape}, but earlier points have {first}: CSV has one set of columns"
        return ErrorDetail("point", message, "use --jsonl", None)


def _size(tensor: torch.Tensor) -> float:
    """The largest of the finite numbers of a tensor, without its sign."""
    finite = tensor[tensor.isfinite()]
    return float(finite.abs().max()) if finite.numel() else 0.0


def _check_lengths(tensors: Mapping[str, torch.Tensor]) -> None:
    """Raise GdcliError unless the tensors that are lists, at least one, are equally long."""
    lengths = {name: len(tensor) for name, tensor in tensors.items() if tensor.dim() > 0}
    if not lengths:
        name = next(iter(tensors), "x")
        message = "'each' takes the points from lists, but every variable is a single number"
        raise GdcliError("each", message, f"for example: --{name} 1,2,3")
    first, length = next(iter(lengths.items()))
    for name, other in lengths.items():
        if other != length:
            message = f"'each' needs lists of equal length: '{first}' has {length:,} items, but '{name}' has {other:,}"
            raise GdcliError("each", message, "give a variable that is the same at every point as a single number")
