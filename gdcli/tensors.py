"""Conversion of settings to tensors, and of tensors to plain numbers, for every command."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import torch
from msgspec.structs import replace

from gdcli.complete.sources import given
from gdcli.contract.compare import CompareSettings
from gdcli.contract.descent import FitLinearSettings, MinimizeSettings
from gdcli.contract.fields import Nested
from gdcli.contract.grad import GradSettings
from gdcli.contract.ops import OpsSettings
from gdcli.contract.plot import PlotSettings
from gdcli.contract.sweep import SweepSettings
from gdcli.errors import ExpressionError, GdcliError, OutsideError
from gdcli.lang.arrays import Array
from gdcli.lang.blame import cut, how_reduced, why_cut
from gdcli.lang.constructors import Environment, too_large
from gdcli.lang.limits import MAX_ELEMENTS, lists_of
from gdcli.lang.nodes import Expression
from gdcli.lang.objective import Objective, build, evaluate, tensor_result
from gdcli.lang.parsing import parse
from gdcli.lang.torch_errors import located
from gdcli.lang.values import Bound, bind

if TYPE_CHECKING:
    from gdcli.descent.batches import Batches

Settings: TypeAlias = (
    OpsSettings | GradSettings | MinimizeSettings | FitLinearSettings | CompareSettings | SweepSettings | PlotSettings
)
SettingsT = TypeVar("SettingsT", bound=Settings)

_run_backward: Callable[..., Any] | None
try:
    from torch.autograd.graph import _engine_run_backward as _run_backward
except ImportError:  # it is not public
    _run_backward = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An expression ready to run: its function, and the tensor of each variable in the order of its parameters.

    Those in ``wrt`` are leaves that require a gradient. ``batches`` are what each step of a descent sees of the data;
    the value is that of all rows.
    """

    objective: Objective
    environment: Environment
    tensors: dict[str, torch.Tensor]
    wrt: tuple[str, ...]
    batches: Batches | None = None

    @property
    def leaves(self) -> dict[str, torch.Tensor]:
        """The tensors to differentiate with respect to, in the order of ``wrt``."""
        return {name: self.tensors[name] for name in self.wrt}

    @property
    def unknowns(self) -> int:
        """The total number of elements of the leaves."""
        return sum(leaf.numel() for leaf in self.leaves.values())

    @property
    def is_random(self) -> bool:
        """Whether each evaluation draws new numbers."""
        return self.objective.is_random

    def value(self) -> torch.Tensor:
        """The value at the current tensors, with its graph."""
        return tensor_result(self.objective(*self.tensors.values()), self.objective.expression)

    def value_of_batch(self) -> torch.Tensor:
        """The same with the rows of the present batch."""
        if self.batches is None:
            return self.value()
        tensors = self.tensors | self.batches.now
        return tensor_result(self.objective(*tensors.values()), self.objective.expression)

    def backward(self, value: torch.Tensor, *, keep_graph: bool = False, of: torch.Tensor | None = None) -> None:
        """Fill ``.grad`` of the leaves. ``of`` is ``ones_like(value)``, for a loop that makes it once.

        Raises:
            ExpressionError: where PyTorch has no derivative.
        """
        expression = self.objective.expression
        # A function may hold leaves of its own, whose .grad is not ours to fill.
        inputs = tuple(x for name in self.wrt if (x := self.tensors[name]).is_leaf) if expression.function else ()
        try:
            if of is None or _run_backward is None:
                value.backward(retain_graph=keep_graph, inputs=inputs or None)  # type: ignore[no-untyped-call]
            else:  # what backward() calls in the end; the checks before it take a third of a step
                flags = {"allow_unreachable": True, "accumulate_grad": True}
                _run_backward((value,), (of,), keep_graph, False, inputs, **flags)
        except Exception as error:  # whatever PyTorch raises
            if expression.function:
                raise
            raise located(error, expression, {}) from error


def prepare(text: str, settings: Settings, wrt: list[str]) -> Problem:
    """Parse ``text``, make the tensors that ``settings`` gives its variables, and compile it.

    Raises:
        GdcliError: for an invalid expression or value.
    """
    expression = parse(text, settings.values)
    run = environment(settings)
    tensors = variables(bind([expression], given(settings)), run, wrt)
    return Problem(build(expression, run, tensors), run, tensors, tuple(wrt))


def on_device(settings: SettingsT) -> SettingsT:
    """The settings with the device that "auto" means on this machine; any other stays as it is."""
    if settings.device != "auto":
        return settings
    return replace(settings, device="cuda" if torch.cuda.is_available() else "cpu")


def environment(settings: Settings) -> Environment:
    """The environment of a run.

    Raises:
        OutsideError: when the device is not available.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise OutsideError("device", "this machine has no CUDA device that PyTorch can use", "use --device cpu")
    return Environment(getattr(torch, settings.dtype), settings.device, settings.seed)


def variables(values: Mapping[str, Bound], environment: Environment, wrt: list[str]) -> dict[str, torch.Tensor]:
    """The tensor of each variable, drawn in this order; those in ``wrt`` are leaves that require a gradient.

    Raises:
        GdcliError: for a variable of ``wrt`` whose dtype has no gradient.
        ExpressionError: for a value that PyTorch rejects.
    """
    made: dict[str, torch.Tensor] = {}
    for name, value in values.items():
        try:
            tensor = tensor_of(value, environment, made, moves=name in wrt)
        except ExpressionError as error:
            message = f"in the value of {name}: {error.message}"
            raise ExpressionError(error.code, message, error.hint, source=error.source, span=error.span) from None
        if tensor.numel() == 0:
            raise GdcliError("empty", f"the variable '{name}' has no elements", f"for example: --{name} 1")
        if name in wrt:
            if not tensor.is_floating_point():
                message = f"'{name}' is {dtype_name(tensor)}, but only floating-point tensors have gradients"
                raise GdcliError("dtype", message, f"give plain numbers, for example --{name} 1,2")
            tensor.requires_grad_()
        made[name] = tensor
    return made


def tensor_of(
    value: Bound, environment: Environment, known: Mapping[str, torch.Tensor], *, moves: bool = False
) -> torch.Tensor:
    """A new tensor with the value of a variable; ``known`` are those of other variables that may stand in it.

    Floating-point numbers of an array become those of the environment's dtype. Its whole numbers stay whole (int64),
    unless the variable moves.

    Raises:
        ExpressionError: for a value that PyTorch rejects.
    """
    if not isinstance(value, Array):
        return evaluate(value, environment, known).detach().clone()
    numbers = torch.frombuffer(value.numbers, dtype=getattr(torch, value.dtype))
    if value.columns_first:
        found = numbers.reshape(value.shape[::-1]).permute(*range(len(value.shape))[::-1])
    else:
        found = numbers.reshape(value.shape)
    kept = torch.int64 if value.is_whole else found.dtype if value.dtype == "bool" else environment.dtype
    dtype = environment.dtype if moves and value.is_whole else kept
    return found.to(environment.device, dtype, copy=True, memory_format=torch.contiguous_format)


def labels(name: str, shape: Sequence[int]) -> Iterator[str]:
    """The name of each element of a tensor: ``x``, ``x[0]``, ``W[0,1]``."""
    for index in itertools.product(*map(range, shape)):
        yield f"{name}[{','.join(map(str, index))}]" if index else name


def rows_of(tensors: Mapping[str, torch.Tensor]) -> dict[str, slice]:
    """Where the elements of each tensor are, when those of all are joined in order."""
    found, start = {}, 0
    for name, tensor in tensors.items():
        found[name] = slice(start, start + tensor.numel())
        start += tensor.numel()
    return found


def labels_of(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """The names of the elements of all tensors, in order."""
    return [label for name, tensor in tensors.items() for label in labels(name, tensor.shape)]


def plain(tensor: torch.Tensor | None) -> Nested:
    """The numbers of a tensor as nested lists; each is the exact value of the element, whatever the dtype.

    Raises:
        GdcliError: for a tensor without elements that has too many empty rows.
    """
    if tensor is None:
        return None
    lists = lists_of(tensor.shape)
    if not 0 <= lists <= MAX_ELEMENTS:
        raise too_large(lists, "this tensor would be written as", "lists")
    if tensor._is_zerotensor():  # noqa: SLF001 -- zeros without memory, such as the gradient of sgn
        tensor = tensor.clone()
    return tensor.tolist()


def grad_fn_name(tensor: torch.Tensor) -> str | None:
    """The name that PyTorch prints, such as ``LogBackward0``; None for a leaf."""
    return None if tensor.grad_fn is None else type(tensor.grad_fn).__name__


def dtype_name(tensor: torch.Tensor) -> str:
    """``float32`` for ``torch.float32``."""
    return str(tensor.dtype).removeprefix("torch.")


def is_finite(numbers: Any) -> bool:
    """Whether every number in nested lists is finite; None counts as finite."""
    if isinstance(numbers, list):
        return all(map(is_finite, numbers))
    return numbers is None or numbers - numbers == 0


def check_scalar(value: torch.Tensor, expression: Expression, moving: Collection[str]) -> None:
    """Raise ExpressionError unless the value is one floating-point number that depends on a variable of ``moving``."""
    source, span = expression.source, expression.place
    if value.numel() != 1:
        if expression.function:
            from gdcli.lang.function_objective import not_single

            raise not_single(value, expression)
        message = f"the result has shape {tuple(value.shape)}, but a gradient needs a scalar result"
        raise ExpressionError("not-scalar", message, how_reduced(expression), source=source, span=span)
    check_differentiable(value, expression, moving)


def check_differentiable(value: torch.Tensor, expression: Expression, moving: Collection[str]) -> None:
    """Raise ExpressionError unless the value, of any shape, is floating-point and depends on a variable."""
    if expression.function:
        if not (value.is_floating_point() and value.requires_grad):
            from gdcli.lang.function_objective import without_gradient

            raise without_gradient(value, expression)
        return
    source, span = expression.source, expression.place
    if not value.is_floating_point():
        message = f"the result is {dtype_name(value)}, but only floating-point results have gradients"
        raise ExpressionError(
            "dtype",
            message,
            "comparisons and whole numbers have no gradient; sigmoid(...) is a step that has one",
            source=source,
            span=span,
        )
    if not value.requires_grad:
        if not expression.variables:
            message, hint = (
                "the expression is constant: it has no variable to differentiate with respect to",
                "for example: x**2",
            )
        else:
            message = "the result does not depend on any variable that requires a gradient"
            hint = "check whether detach, a rounding function or --wrt removes the dependence"
            if (part := cut(expression, moving)) is not None:
                span, hint = part.span, why_cut(part, expression)
        raise ExpressionError("constant", message, hint, source=source, span=span)
