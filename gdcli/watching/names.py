"""The names of tensors: those of the caller's frame, with attributes, items and the parameters of modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import torch

from gdcli.watching.places import Places

_MOST_ITEMS = 1000
_MOST_FRAMES = 20


class Named(NamedTuple):
    """A tensor with its name; ``variable`` is it too where it is a variable alone, ``module`` the class of its module.

    ``order`` counts the names that were looked at before.
    """

    tensor: torch.Tensor
    name: str
    order: int
    variable: str | None = None
    module: str | None = None


def namespaces(frame: FrameType, places: Places) -> Iterator[Mapping[str, Any]]:
    """The variables of a frame, of its module, and of the frames of user code around it."""
    seen = {id(frame.f_globals)}
    around: FrameType | None = frame
    own = []
    for _ in range(_MOST_FRAMES):
        if around is None:
            break
        if (around is frame or places.is_own(around.f_code)) and around.f_locals is not around.f_globals:
            own.append(around.f_locals)
        around = around.f_back
    inner = frame.f_locals is not frame.f_globals
    if inner:
        yield own[0]
    yield frame.f_globals
    yield from own[inner:]
    around = frame.f_back
    for _ in range(_MOST_FRAMES):
        if around is None:
            return
        if places.is_own(around.f_code) and id(around.f_globals) not in seen:
            seen.add(id(around.f_globals))
            yield around.f_globals
        around = around.f_back


def named_tensors(spaces: Iterator[Mapping[str, Any]]) -> dict[int, Named]:
    """The tensors that have names, by ``id``; a variable of its own goes before an item of something."""
    found: dict[int, Named] = {}

    def add(tensor: Any, name: str, variable: str | None = None, module: str | None = None) -> None:
        if isinstance(tensor, torch.Tensor) and id(tensor) not in found:
            found[id(tensor)] = Named(tensor, name, len(found), variable, module)

    for space in spaces:
        items = [(name, value) for name, value in space.items() if not name.startswith("__")]
        items.sort(key=lambda item: item[0].startswith("_"))  # the names that a notebook gives come last
        for name, value in items:
            add(value, name, variable=name)
        for name, value in items:
            for tensor, more, module in _inside(value, depth=2):
                add(tensor, name + more, module=module)
    return found


def optimizers_in(spaces: Iterator[Mapping[str, Any]]) -> list[tuple[str, torch.optim.Optimizer]]:
    """The optimizers of namespaces, also those that are attributes, by name."""
    found: dict[int, tuple[str, torch.optim.Optimizer]] = {}
    for space in spaces:
        for name, value in list(space.items()):
            if isinstance(value, torch.optim.Optimizer):
                found.setdefault(id(value), (name, value))
            for attribute, held in _attributes(value):
                if isinstance(held, torch.optim.Optimizer):
                    found.setdefault(id(held), (f"{name}.{attribute}", held))
    return list(found.values())


def _inside(value: Any, depth: int) -> Iterator[tuple[torch.Tensor, str, str | None]]:
    """The tensors inside of a value, each with the rest of its name."""
    if isinstance(value, torch.nn.Module):
        for name, parameter in value.named_parameters():
            owner, _, _ = name.rpartition(".")
            yield parameter, f".{name}", type(value.get_submodule(owner)).__name__
        for name, buffer in value.named_buffers():
            yield buffer, f".{name}", None
        return
    if depth == 0 or isinstance(value, (torch.optim.Optimizer, ModuleType, type)):
        return
    parts: Iterator[tuple[str, Any]]
    if isinstance(value, dict):
        parts = ((f"[{key!r}]", item) for key, item in list(value.items())[:_MOST_ITEMS] if isinstance(key, (str, int)))
    elif isinstance(value, (list, tuple)):
        parts = ((f"[{i}]", item) for i, item in enumerate(value[:_MOST_ITEMS]))
    else:
        parts = ((f".{name}", item) for name, item in _attributes(value))
    for more, item in parts:
        if isinstance(item, torch.Tensor):
            yield item, more, None
        elif not isinstance(item, (int, float, str)):
            for tensor, rest, module in _inside(item, depth - 1):
                yield tensor, more + rest, module


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """The attributes of an object of a class that somebody wrote."""
    if isinstance(value, (torch.Tensor, torch.nn.Module, torch.optim.Optimizer, ModuleType, type)):
        return []
    held = getattr(value, "__dict__", None)
    return list(held.items())[:_MOST_ITEMS] if type(held) is dict else []
