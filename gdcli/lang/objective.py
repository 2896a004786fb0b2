"""A checked tree as a PyTorch callable, with bounds on its sizes, and PyTorch's errors at their places in the text."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.compiler import Compiler, Recorder
from gdcli.lang.constructors import Environment, too_large
from gdcli.lang.limits import MAX_ELEMENTS, MAX_PARTS, largest
from gdcli.lang.nodes import (
    Call,
    Expression,
    Index,
    children,
    postorder,
)
from gdcli.lang.torch_errors import located

_EXTREMES = {"max": "larger", "min": "smaller"}


class Objective:
    """An expression as a function of the tensors of its variables, in the order of ``variables``."""

    def __init__(self, expression: Expression, function: Callable[..., Any]) -> None:
        self.expression = expression
        self.variables = expression.variables
        self.raised: Exception | None = None  # by a function of Python
        self._function = function

    @functools.cached_property
    def is_random(self) -> bool:
        """Whether each evaluation draws new numbers."""
        nodes = postorder(self.expression.root)
        return any(isinstance(node, Call) and node.function.form == "random" for node in nodes)

    def __call__(self, *tensors: torch.Tensor) -> torch.Tensor:
        """The value: what PyTorch computes for the expression.

        Raises:
            ExpressionError: for what PyTorch rejects, with the place in the text.
        """
        try:
            return self._function(*tensors)  # type: ignore[no-any-return]
        except Exception as error:  # whatever PyTorch raises
            shapes = dict(zip(self.variables, (tuple(t.shape) for t in tensors), strict=True))
            raise located(error, self.expression, shapes) from error


def build(
    expression: Expression,
    environment: Environment,
    values: Mapping[str, torch.Tensor] | None = None,
    record: Recorder | None = None,
) -> Objective:
    """Compile an expression.

    ``values`` are tensors like those that it will be called with; only their shapes are used, to reject an
    expression whose intermediate results would be too large. Without them every variable is taken as a scalar.
    ``record`` watches the evaluation: every node except plain numbers passes through it.

    Raises:
        ExpressionError: for a constant part that PyTorch rejects, or a result over the limit of elements.
    """
    if expression.function is not None:
        from gdcli.lang.function_objective import FunctionObjective  # an expression does not wait for it

        return FunctionObjective(expression, environment, record)
    values = values or {}
    if largest(expression.root, {name: tuple(tensor.shape) for name, tensor in values.items()}) > MAX_ELEMENTS:
        _try_shapes(expression, environment, values)
    return Objective(expression, Compiler(expression, environment, record).function())


def evaluate(
    expression: Expression, environment: Environment, values: Mapping[str, torch.Tensor] | None = None
) -> torch.Tensor:
    """The value of an expression whose variables are among ``values``, as a tensor.

    Raises:
        ExpressionError: for what PyTorch rejects, or a result that is not a tensor.
    """
    known = {name: (values or {})[name].detach() for name in expression.variables}
    run = environment.with_dtype(expression.dtype) if expression.dtype else environment
    return tensor_result(build(expression, run, known)(*known.values()), expression)


def tensor_result(result: Any, expression: Expression) -> torch.Tensor:
    """``result``, checked to be a tensor.

    Raises:
        ExpressionError: for the pairs of values and indices that some functions return.
    """
    if isinstance(result, torch.Tensor):
        if any(size < 0 for size in result.shape):  # PyTorch expands a tensor to such a shape
            message = f"the result has a negative size: {tuple(result.shape)}"
            raise ExpressionError("shape", message, source=expression.source, span=expression.place)
        return result
    if expression.function is not None:
        from gdcli.lang.function_objective import returned

        return returned(result, expression)
    source, root = expression.source, expression.root
    message, hint = "the result is not a single tensor", f"select one part: {expression.text(root)}[0]"
    if isinstance(root, Call) and root.function.name in ("max", "min"):
        message = f"{root.function.name} along a dimension returns values and indices, not a single tensor"
        name = root.function.name
        hint = f"write {name}imum(a, b) for the {_EXTREMES[name]} of two; .values are the {name}ima along a dimension"
    raise ExpressionError("result", message, hint, source=source, span=expression.place)


class _SizeGuard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Rejects an operation whose result is over a limit, on tensors without storage."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        parts, inside = _parts(func, args), _inside(func, args)
        if parts > MAX_PARTS:
            raise too_large(parts, "this would split a tensor into", "parts", MAX_PARTS)
        if inside > MAX_ELEMENTS:
            raise too_large(inside, "an intermediate result would have")
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor) and tensor.numel() > MAX_ELEMENTS:
                raise too_large(tensor.numel())
        return result


def _parts(func: Any, args: Any) -> int:
    """How many tensors an operation splits its input into; ``chunk`` arrives here as ``split``."""
    aten = torch.ops.aten
    if func is aten.unbind.int:
        return int(args[0].shape[args[1] if len(args) > 1 else 0])
    if func is aten.split.Tensor and args[1] > 0:
        return int(args[0].shape[args[2] if len(args) > 2 else 0] // args[1])
    return 1


def _inside(func: Any, args: Any) -> int:
    """How many elements an operation makes on the way to a smaller result."""
    aten = torch.ops.aten
    return int(args[0].numel() * args[1]) if func is aten.mvlgamma.default else 0


def _try_shapes(expression: Expression, environment: Environment, values: Mapping[str, torch.Tensor]) -> None:
    """Run the expression on meta tensors; only a result over the limit counts; the real run raises other errors."""
    like = [values[n].to("meta") if n in values else torch.empty((), device="meta") for n in expression.variables]
    with _SizeGuard(), torch.no_grad():  # type: ignore[no-untyped-call]
        try:
            Objective(expression, Compiler(expression, environment.on_meta()).function())(*like)
        except GdcliError as error:
            if error.code == "limit":
                raise
            if _depends_on_values(expression):
                message = f"its sizes depend on its numbers, and may exceed the limit of {MAX_ELEMENTS:,} elements"
                source, span = expression.source, expression.place
                raise ExpressionError("limit", message, "make it smaller", source=source, span=span) from None


def _depends_on_values(expression: Expression) -> bool:
    """Whether a shape may depend on numbers, as that of a mask does: it is not known without storage."""
    return any(
        (isinstance(node, Index) and len(children(node)) > 1)
        or (isinstance(node, Call) and node.function.name == "masked_select")
        for node in postorder(expression.root)
    )
