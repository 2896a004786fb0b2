"""The state of a run as tensors, from which it goes on to the same bits: what a checkpoint has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import torch

_RULE = frozenset(["variables", "tensors", "given", "no_grad", "problem", "rates"])  # what is made anew
_LIMIT = 2**63


def packed(state: Any) -> dict[str, torch.Tensor]:
    """Nested dicts and lists of tensors, numbers and texts as tensors alone, on the CPU, by name."""
    tensors: list[torch.Tensor] = []
    text = msgspec.msgpack.encode(_outline(state, tensors))
    found = {f"tensor-{place}": tensor for place, tensor in enumerate(tensors)}
    return found | {"outline": torch.frombuffer(bytearray(text), dtype=torch.uint8)}


def unpacked(found: Mapping[str, torch.Tensor]) -> Any:
    """The state that was packed."""
    outline = msgspec.msgpack.decode(bytes(found["outline"].tolist()))
    return _filled(outline, found)


def _outline(state: Any, tensors: list[torch.Tensor]) -> Any:
    """The state with the place of each tensor: a list of what it is and what is in it."""
    if isinstance(state, torch.Tensor):
        tensors.append(state.detach().cpu().clone())
        return ["tensor", len(tensors) - 1]
    if isinstance(state, Mapping):
        return ["dict", [[_outline(key, tensors), _outline(value, tensors)] for key, value in state.items()]]
    if isinstance(state, (list, tuple)):
        return [type(state).__name__, [_outline(each, tensors) for each in state]]
    if state is None or isinstance(state, (bool, float, str)) or (isinstance(state, int) and abs(state) < _LIMIT):
        return ["plain", state]
    raise TypeError(f"a checkpoint has no place for a {type(state).__name__}")


def _filled(outline: Any, found: Mapping[str, torch.Tensor]) -> Any:
    kind, inside = outline
    if kind == "tensor":
        return found[f"tensor-{inside}"]
    if kind == "dict":
        return {_filled(key, found): _filled(value, found) for key, value in inside}
    if kind in ("list", "tuple"):
        items = [_filled(each, found) for each in inside]
        return items if kind == "list" else tuple(items)
    return inside


def state_of_rule(rule: Any) -> dict[str, Any]:
    """What a rule remembers from step to step: the state of an optimizer of torch.optim, or that of a rule by hand."""
    if hasattr(rule, "optimizer"):
        state: dict[str, Any] = rule.optimizer.state_dict()
        return state
    return {name: value for name, value in vars(rule).items() if name not in _RULE}


def restore_rule(rule: Any, state: dict[str, Any]) -> None:
    """Have a rule that has just been made remember that state; its rates are those that it has been given."""
    if hasattr(rule, "optimizer"):
        rule.optimizer.load_state_dict(state)
        return
    for name, value in state.items():
        setattr(rule, name, value)


def moved(state: Any, device: str) -> Any:
    """A state with its tensors on a device."""
    if isinstance(state, torch.Tensor):
        return state.to(device)
    if isinstance(state, dict):
        return {key: moved(each, device) for key, each in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(moved(each, device) for each in state)
    return state


def line_of(numbers: torch.Tensor | float | None) -> Any:
    """A snapshot as plain numbers, which float64 holds exactly."""
    return numbers.tolist() if isinstance(numbers, torch.Tensor) else numbers


def snapshot_of(line: Any, dtype: torch.dtype, device: str) -> Any:
    """The snapshot again."""
    return torch.tensor(line, dtype=dtype, device=device) if isinstance(line, list) else line
