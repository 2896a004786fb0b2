"""A function of Python as an objective: its draws, what it does to its arguments, and what it returns."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gdcli.errors import GdcliError
from gdcli.lang.compiler import Recorder
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import Call, Expression, children
from gdcli.lang.objective import Objective

_NARROW = ("float", "half", "bfloat16")


class FunctionObjective(Objective):
    """A function as a function of the tensors of its variables, in the order of ``variables``.

    What the function raises goes through; ``raised`` is the last of it. What it draws from PyTorch's generator comes
    from the stream of the environment, so that it depends on the seed alone, and the generator of the process stays
    where it was. ``is_random`` says that it has drawn numbers in its first call, and ``is_seeded_elsewhere`` that some
    of them came from Python or NumPy, whose generators no seed of gdcli reaches. In float64, what the function makes,
    holds and converts to is float64 too: what is said of a run in fewer digits rests on that.
    """

    def __init__(self, expression: Expression, environment: Environment, record: Recorder | None = None) -> None:
        super().__init__(expression, expression.function or _no_function)
        self.is_random = self.is_seeded_elsewhere = False
        self._environment = environment
        self._record = record
        self._call = self._first
        self._is_wide = environment.dtype is torch.float64

    def __call__(self, *tensors: torch.Tensor) -> torch.Tensor:
        """What the function returns.

        Raises:
            GdcliError: where it changes an argument in place, or returns no tensor.
        """
        record, root = self._record, self.expression.root
        if record is not None:
            tensors = tuple(record(node, x) for node, x in zip(children(root), tensors, strict=True))
        before = [x._version for x in tensors]  # noqa: SLF001 -- it counts changes in place
        result = self._call(tensors)
        if before != [x._version for x in tensors]:  # noqa: SLF001
            raise self._changed(x._version != version for x, version in zip(tensors, before, strict=True))  # noqa: SLF001
        found = result if isinstance(result, torch.Tensor) else returned(result, self.expression)
        return found if record is None else record(root, found)

    def _first(self, tensors: tuple[torch.Tensor, ...]) -> Any:
        """The first call, which is watched: whether it draws numbers, and changes its arguments unseen."""
        copies, state = [x.detach().clone() for x in tensors], _states()
        result = self._drawn(tensors)
        self.is_seeded_elsewhere = _states() != state
        self.is_random = self.is_random or self.is_seeded_elsewhere
        self._call = self._drawn if self.is_random else self._called
        pairs = list(zip(tensors, copies, strict=True))
        is_other = [not torch.equal(torch.nan_to_num(x.detach()), torch.nan_to_num(copy)) for x, copy in pairs]
        if any(is_other):  # through .data
            raise self._changed(is_other)
        return result

    def _drawn(self, tensors: tuple[torch.Tensor, ...]) -> Any:
        """A call with PyTorch's generator at the place of the environment's stream."""
        own, device = self._environment.generator, self._environment.device
        if own is None:
            return self._called(tensors)
        on_gpu = device.type == "cuda"
        whole = torch.cuda.get_rng_state(device) if on_gpu else torch.get_rng_state()
        _set_state(own.get_state(), device)
        start = own.get_state()
        try:
            return self._called(tensors)
        finally:
            after = torch.cuda.get_rng_state(device) if on_gpu else torch.get_rng_state()
            self.is_random = self.is_random or not torch.equal(start, after)
            own.set_state(after)
            _set_state(whole, device)

    def _called(self, tensors: tuple[torch.Tensor, ...]) -> Any:
        try:
            return self._widely(tensors) if self._is_wide else self._function(*tensors)
        except Exception as error:
            self.raised = error
            raise

    def _widely(self, tensors: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """The function in float64, whatever it makes and holds."""
        usual = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            with _Widened():
                result = returned(self._function(*tensors), self.expression)
        finally:
            torch.set_default_dtype(usual)
        if result.is_floating_point() and result.dtype is not torch.float64:
            message = f"{called(self.expression)} cannot be computed in float64: its result is {result.dtype}"
            raise GdcliError("dtype", message, "leave the dtype of what it makes to that of its arguments")
        return result

    def _changed(self, which: Iterable[bool]) -> GdcliError:
        """The error for the first argument that was changed."""
        name = next(itertools.compress(self.variables, which))
        message = f"{called(self.expression)} changed its argument '{name}' in place"
        return GdcliError("in-place", message, f"work on a copy: {name} = {name}.clone()")


class _Widened(TorchFunctionMode):
    """Makes floating-point arguments of PyTorch's functions float64, and the dtypes that they name.

    A tensor has one copy in float64 during a call, so that what is written into it is read from it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # by id, which lasts as long as the tensor

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in _NARROW:
            return self._wide(args[0]).double()
        return func(*self._wide(args), **self._wide(kwargs or {}))

    def _wide(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if not value.is_floating_point() or value.dtype is torch.float64:
                return value
            if id(value) not in self._copies:
                self._copies[id(value)] = value, value.double()
            return self._copies[id(value)][1]
        if isinstance(value, torch.dtype):
            return torch.float64 if value.is_floating_point else value
        if type(value) in (tuple, list):
            return type(value)(map(self._wide, value))
        return {name: self._wide(each) for name, each in value.items()} if type(value) is dict else value


def returned(result: Any, expression: Expression) -> torch.Tensor:
    """What a function returned, checked to be a tensor.

    Raises:
        GdcliError: for anything else.
    """
    if isinstance(result, torch.Tensor):
        return result
    what = "None" if result is None else f"a value of type {type(result).__name__}"
    hint = "return a tensor"
    if result is None:
        hint = "does it end with return?"
    elif isinstance(result, (int, float)) or hasattr(result, "__array__"):
        hint = "leave out what makes numbers of tensors, such as .item() and .numpy(): autograd does not see them"
    elif isinstance(result, (tuple, list)):
        hint = "return the loss alone"
    raise GdcliError("result", f"{called(expression)} returned {what}, not a tensor", hint)


def not_single(value: torch.Tensor, expression: Expression) -> GdcliError:
    """The error for a function that returned several numbers."""
    message = f"{called(expression)} returned a tensor of shape {tuple(value.shape)}, but a gradient needs one number"
    return GdcliError("not-scalar", message, "return its sum or its mean: .sum(), .mean()")


def without_gradient(value: torch.Tensor, expression: Expression) -> GdcliError:
    """The error for a result that autograd cannot differentiate."""
    if not value.is_floating_point():
        dtype = str(value.dtype).removeprefix("torch.")
        message = f"{called(expression)} returned a tensor of {dtype}, but only floating-point ones have gradients"
        hint = "comparisons and whole numbers have no gradient"
        if value.is_complex():
            hint = "return a real number: its .real, or the square of its size, z.real**2 + z.imag**2"
        return GdcliError("dtype", message, hint)
    message = f"what {called(expression)} returned does not depend on a variable that requires a gradient"
    hint = "detach(), .item(), .data, torch.tensor(...) of a tensor and torch.no_grad() cut it off"
    return GdcliError("constant", message, hint)


def called(expression: Expression) -> str:
    """A function in a sentence: ``f``."""
    root = expression.root
    return root.function.name[1:] if isinstance(root, Call) else ""


def _set_state(state: torch.Tensor, device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def _states() -> list[Any]:
    """Where the generators of Python and NumPy are."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return [random.getstate()]
    _, words, *rest = numpy.random.get_state()
    return [random.getstate(), words.tobytes(), *rest]


def _no_function(*_: torch.Tensor) -> torch.Tensor:
    raise TypeError("the expression has no function")
