"""The functions of PyTorch that are wrapped while a script is watched, and put back afterwards."""

from __future__ import annotations

import functools
import sys
import threading
from types import FrameType
from typing import Any, Protocol

import torch
from torch.optim import lr_scheduler
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

_SCHEDULES = lr_scheduler.__file__


class Listener(Protocol):
    """What is called. Nothing of it may raise."""

    def before_backward(self, losses: list[torch.Tensor], weights: list[Any], frame: FrameType) -> Any:
        """Backward begins; returns what ``after_backward`` gets."""

    def after_backward(self, begun: Any, error: BaseException | None) -> None:
        """It has ended."""

    def before_grad(self, losses: list[torch.Tensor], inputs: list[torch.Tensor], weights: list[Any],
                    frame: FrameType) -> Any:  # fmt: skip
        """``torch.autograd.grad`` begins; returns what ``after_grad`` gets."""

    def after_grad(self, begun: Any, grads: Any, error: BaseException | None) -> None:
        """It has ended."""

    def stepped(self, optimizer: torch.optim.Optimizer, *, ended: bool) -> None:
        """A step of an optimizer begins, or has ended."""

    def zeroed(self, owner: Any) -> None:
        """``zero_grad`` of an optimizer or a module is called."""

    def scheduled(self, scheduler: Any) -> None:
        """A schedule takes a step."""

    def scaled(self, scaler: Any, result: Any) -> None:
        """A GradScaler has scaled a loss."""

    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        """A GradScaler divides the gradients of an optimizer by its factor."""


class _Inside(threading.local):
    """Whether a thread is in a backward, whose own calls are not the script's."""

    now = False


class Hooks:
    """The wrapped functions, from ``install`` to ``remove``."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._inside = _Inside()
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._handles: list[Any] = []

    def install(self) -> None:
        """Wrap them."""
        listener = self.listener
        self._replace(torch.Tensor, "backward", self._tensor_backward)
        self._replace(torch.autograd, "backward", self._backward)
        self._replace(torch.autograd, "grad", self._grad)
        self._replace(torch.optim.Optimizer, "zero_grad", lambda zero: _calling(zero, listener.zeroed))
        self._replace(torch.nn.Module, "zero_grad", lambda zero: _calling(zero, listener.zeroed))
        for kind in _with_own_step(lr_scheduler.LRScheduler):
            self._replace(kind, "step", self._schedule)
        self._replace(torch.amp.GradScaler, "scale", self._scale)
        self._replace(torch.amp.GradScaler, "unscale_", self._unscale)
        self._handles = [
            register_optimizer_step_pre_hook(lambda optimizer, *_: listener.stepped(optimizer, ended=False)),
            register_optimizer_step_post_hook(lambda optimizer, *_: listener.stepped(optimizer, ended=True)),
        ]

    def remove(self) -> None:
        """Put everything back, except where somebody else has replaced it since."""
        for handle in self._handles:
            handle.remove()
        for owner, name, original, own in reversed(self._replaced):
            if getattr(owner, name) is own:
                setattr(owner, name, original)
        self._handles, self._replaced = [], []

    def _replace(self, owner: Any, name: str, wrap: Any) -> None:
        original = getattr(owner, name)
        own = functools.wraps(original)(wrap(original))
        setattr(owner, name, own)
        self._replaced.append((owner, name, original, own))

    def _tensor_backward(self, original: Any) -> Any:
        inside, listener = self._inside, self.listener

        def backward(self: torch.Tensor, gradient: Any = None, *args: Any, **options: Any) -> Any:
            if inside.now:
                return original(self, gradient, *args, **options)
            inside.now = True
            begun, error = listener.before_backward([self], [gradient], sys._getframe(1)), None  # noqa: SLF001
            try:
                return original(self, gradient, *args, **options)
            except BaseException as raised:
                error = raised
                raise
            finally:
                listener.after_backward(begun, error)
                inside.now = False

        return backward

    def _backward(self, original: Any) -> Any:
        inside, listener = self._inside, self.listener

        def backward(tensors: Any, grad_tensors: Any = None, *args: Any, **options: Any) -> Any:
            if inside.now:
                return original(tensors, grad_tensors, *args, **options)
            inside.now = True
            losses, weights = _listed(tensors), _listed(grad_tensors)
            begun, error = listener.before_backward(losses, weights, sys._getframe(1)), None  # noqa: SLF001
            try:
                return original(tensors, grad_tensors, *args, **options)
            except BaseException as raised:
                error = raised
                raise
            finally:
                listener.after_backward(begun, error)
                inside.now = False

        return backward

    def _grad(self, original: Any) -> Any:
        inside, listener = self._inside, self.listener

        def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, *args: Any, **options: Any) -> Any:
            if inside.now:
                return original(outputs, inputs, grad_outputs, *args, **options)
            inside.now = True
            frame, found, error = sys._getframe(1), None, None  # noqa: SLF001
            begun = listener.before_grad(_listed(outputs), _listed(inputs), _listed(grad_outputs), frame)
            try:
                found = original(outputs, inputs, grad_outputs, *args, **options)
            except BaseException as raised:
                error = raised
                raise
            else:
                return found
            finally:
                listener.after_grad(begun, found, error)
                inside.now = False

        return grad

    def _schedule(self, original: Any) -> Any:
        listener = self.listener

        def step(self: Any, *args: Any, **options: Any) -> Any:
            if sys._getframe(1).f_code.co_filename != _SCHEDULES:  # noqa: SLF001 -- the first step is its own
                listener.scheduled(self)
            return original(self, *args, **options)

        return step

    def _scale(self, original: Any) -> Any:
        listener = self.listener

        def scale(self: Any, outputs: Any) -> Any:
            result = original(self, outputs)
            listener.scaled(self, result)
            return result

        return scale

    def _unscale(self, original: Any) -> Any:
        listener = self.listener

        def unscale_(self: Any, optimizer: Any) -> Any:
            listener.unscaled(optimizer)
            return original(self, optimizer)

        return unscale_


def _calling(original: Any, listen: Any) -> Any:
    def zero_grad(self: Any, *args: Any, **options: Any) -> Any:
        listen(self)
        return original(self, *args, **options)

    return zero_grad


def _listed(value: Any) -> list[Any]:
    if isinstance(value, torch.Tensor) or value is None:
        return [value]
    return list(value)


def _with_own_step(kind: type) -> list[type]:
    """A class and those below it that have a ``step`` of their own."""
    found: list[type] = [kind] if "step" in vars(kind) else []
    below: type
    for below in type.__subclasses__(kind):
        found += _with_own_step(below)
    return found
