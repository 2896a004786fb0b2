"""The leaves of a descent: their names, and what was in them when they were last looked at."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from msgspec import Struct

from gdcli.watching.amounts import amount, distance, extent, is_finite, is_zero, norm
from gdcli.watching.graph import leaves_of
from gdcli.watching.names import Named, named_tensors, namespaces, optimizers_in
from gdcli.watching.seen import FEW, Amount, Before, Extent, Leaf, LeafState, WatchedDescent

if TYPE_CHECKING:
    from gdcli.watching.recorder import Recorder

_MOST_FRAME = 200


class Tracked(Struct):
    """A leaf that a descent knows, with what its last iteration left.

    ``now`` is the value when backward began, where the iteration is like the last one. One that ``is_scalar`` has no
    dimension. ``strong`` holds a small one after the script has let it go: its last value is the result. ``copy`` has
    the memory for a copy of a large one, and ``is_copied`` whether the next iteration is compared with it.
    """

    key: int
    ref: weakref.ref[torch.Tensor]
    name: str
    few: bool
    order: int = 0
    variable: str | None = None
    strong: torch.Tensor | None = None
    version: int = 0
    grad_ref: weakref.ref[torch.Tensor] | None = None
    grad_version: int = 0
    state: LeafState | None = None
    before: Before = "none"
    grad_before: Amount = None
    now: Amount = None
    is_scalar: bool = False
    copy: torch.Tensor | None = None
    is_copied: bool = False

    def note_before(self) -> None:
        """Note what is in ``.grad`` when backward begins."""
        leaf = self.ref()
        grad = None if leaf is None else leaf.grad
        if grad is None:
            self.before, self.grad_before = "none", None
            return
        last = None if self.state is None else self.state.grad
        if self.few:
            self.grad_before = amount(grad)
            self.before = "zero" if is_zero(self.grad_before) else "kept" if self.grad_before == last else "other"
            return
        same = self.grad_ref is not None and self.grad_ref() is grad
        unchanged = same and self.grad_version == grad._version  # noqa: SLF001
        if unchanged and last is not None:
            self.before, self.grad_before = "kept", last
        else:
            zero = not bool(grad.any().item())
            self.before = "zero" if zero else "other"
            self.grad_before = Extent(grad.numel(), 0.0 if zero else norm(grad))

    def note(
        self, leaf: torch.Tensor, grad: torch.Tensor | None, value: Amount, gradient: Amount, *, closely: bool
    ) -> LeafState:
        """The state of the leaf after backward."""
        if not self.few and not closely and not (is_finite(value) and is_finite(gradient)):
            value, gradient = extent(leaf), None if grad is None else extent(grad)
        state = LeafState(value, gradient, self.grad_before, self.before)
        if not self.few:
            if grad is not None:
                self.grad_ref, self.grad_version = weakref.ref(grad), grad._version  # noqa: SLF001
            if closely:
                self._copy(leaf.detach())
            self.is_copied = closely
        self.version = leaf._version  # noqa: SLF001
        self.state = state
        return state

    def note_move(self, now: torch.Tensor, steps: Callable[[int], bool]) -> None:
        """Note how far the value is from ``now``, the tensor that has its name, and what moved it.

        ``steps`` says of a key whether an optimizer that holds its tensor has stepped.
        """
        state = self.state
        if state is None:
            return
        if not isinstance(state.value, Extent):
            state.moved = distance(state.value, amount(now))
        elif self.is_copied and self.copy is not None and self.copy.shape == now.shape:
            state.moved = norm(self.copy.sub_(now.detach()))
            self.is_copied = False
        if now is not self.ref():
            state.by = "rebound"
        elif state.moved or (state.moved is None and now._version != self.version):  # noqa: SLF001
            state.by = "step" if steps(self.key) else "in place"

    def _copy(self, leaf: torch.Tensor) -> None:
        """Copy the value, into the memory of the last copy: new memory takes far longer."""
        if self.copy is not None and self.copy.shape == leaf.shape:
            self.copy.copy_(leaf)
        else:
            self.copy = leaf.clone()


class Leaves:
    """The leaves of a descent by identity and by name; what is found of them is written to ``seen``."""

    def __init__(self, seen: WatchedDescent, recorder: Recorder) -> None:
        self.seen = seen
        self.recorder = recorder
        self.by_name: dict[str, Tracked] = {}
        self._orders: dict[str, int] = {}
        self._by_key: dict[int, Tracked] = {}
        self._others: dict[int, tuple[weakref.ref[torch.Tensor], Named]] = {}

    def __len__(self) -> int:
        return len(self.by_name)

    def known(self, leaf: torch.Tensor) -> Tracked | None:
        """What is known of a leaf; None for one that is new."""
        found = self._by_key.get(id(leaf))
        return found if found is not None and found.ref() is leaf else None

    def name_of(self, leaf: torch.Tensor) -> str | None:
        """The name of a leaf that is known."""
        found = self.known(leaf)
        return None if found is None else found.name

    def take(self, leaves: Iterable[torch.Tensor], frame: FrameType) -> list[torch.Tensor]:
        """Take leaves whose variables are known, and return those that have to be looked for."""
        rest = []
        space = None
        for leaf in leaves:
            space = frame.f_locals if space is None else space
            name = next((name for name, each in self.by_name.items()
                         if each.variable and space.get(each.variable) is leaf), None)  # fmt: skip
            if name is None:
                rest.append(leaf)
            else:
                self._add(leaf, name, self.by_name[name].variable)
        return rest

    def look(self, frame: FrameType, leaves: list[torch.Tensor]) -> None:
        """Find the names of leaves, and which other tensors and optimizers the frame has."""
        places, recorder = self.recorder.places, self.recorder
        for name, optimizer in optimizers_in(namespaces(frame, places)):
            recorder.number_of(optimizer, name)
        named = named_tensors(namespaces(frame, places))
        own = [(named.get(id(leaf)), leaf) for leaf in leaves]
        own.sort(key=lambda pair: math.inf if pair[0] is None else pair[0].order)
        for found, leaf in own:
            if self.known(leaf) is None:
                self._name(leaf, found)
        if self.seen.count:
            return
        reached = {id(leaf) for leaf in leaves}
        numbers = [each for each in named.values() if each.tensor.is_floating_point() or each.variable
                   or recorder.holders(id(each.tensor))]  # fmt: skip
        self.seen.frame = [self.facts(each.tensor, each.name, each, reached=key in reached)
                           for each in numbers[:_MOST_FRAME] for key in [id(each.tensor)]]  # fmt: skip
        self._others = {id(each.tensor): (weakref.ref(each.tensor), each) for each in named.values()
                        if id(each.tensor) not in reached and each.tensor.is_leaf}  # fmt: skip

    def _name(self, leaf: torch.Tensor, found: Named | None) -> None:
        name = self._by_optimizer(leaf) if found is None else found.name
        self._add(leaf, name, None if found is None else found.variable)
        if name in self.seen.leaves:
            self.seen.leaves[name].reached = True
        else:
            self.seen.leaves[name] = self.facts(leaf, name, found, reached=True)

    def _add(self, leaf: torch.Tensor, name: str, variable: str | None) -> None:
        if (old := self.by_name.get(name)) is not None:
            self._by_key.pop(old.key, None)
        few = leaf.numel() <= FEW
        tracked = Tracked(id(leaf), weakref.ref(leaf), name, few, self._order(name), variable, leaf if few else None)
        tracked.is_scalar = leaf.dim() == 0 and not leaf.is_complex()
        self.by_name[name] = self._by_key[id(leaf)] = tracked

    def _order(self, name: str) -> int:
        """The place of a name among those of the descent, in the order in which they were found."""
        return self._orders.setdefault(name, len(self._orders))

    def _by_optimizer(self, leaf: torch.Tensor) -> str:
        for index in self.recorder.holders(id(leaf)):
            number = list(self.recorder.held[index]).index(id(leaf))
            return f"{self.recorder.seen.optimizers[index].variable or 'optimizer'}[{number}]"
        return f"leaf {1 + sum(name.startswith('leaf ') for name in self.seen.leaves)}"

    def facts(self, tensor: torch.Tensor, name: str, found: Named | None, *, reached: bool) -> Leaf:
        """What a leaf is."""
        op = None if tensor.grad_fn is None else tensor.grad_fn.name()
        dtype = str(tensor.dtype).removeprefix("torch.")
        variable, module = (None, None) if found is None else (found.variable, found.module)
        held = bool(self.recorder.holders(id(tensor)))
        return Leaf(name, list(tensor.shape), dtype, tensor.requires_grad, tensor.is_leaf, op, variable, module,
                    reached, held)  # fmt: skip

    def note_held(self) -> None:
        """Note which leaves optimizers hold; what the optimizers of this descent hold besides are leaves too."""
        optimizers = self.recorder.seen.optimizers
        for index, held in self.recorder.held.items():
            for i, ref in enumerate(held.values()):
                leaf = ref()
                if leaf is None:
                    continue
                other = self._others.get(id(leaf))
                found = other[1] if other is not None and other[0]() is leaf else None
                name = self.name_of(leaf) or (found.name if found is not None else None)
                if name in self.seen.leaves:
                    self.seen.leaves[name].held = True
                elif index in self.seen.optimizers:
                    name = name or f"{optimizers[index].variable or 'optimizer'}[{i}]"
                    self.seen.leaves[name] = self.facts(leaf, name, found, reached=False)
                if name is not None and i < len(optimizers[index].holds):
                    optimizers[index].holds[i] = name


def rebound(tracked: Iterable[Tracked], space: Any, *, only_computed: bool = False) -> dict[str, torch.Tensor]:
    """The tensors that variables of leaves are bound to now, where those were computed from the leaves.

    That is what ``x = x - lr * x.grad`` makes of ``x``. A new leaf of the same shape, as ``detach`` makes it, counts
    too, unless ``only_computed``.
    """
    found = {}
    for each in tracked:
        if each.variable is not None:
            bound, leaf = space.get(each.variable), each.ref()
            if bound is not leaf and _follows(bound, leaf, only_computed=only_computed):
                found[each.name] = bound
    return found


def _follows(bound: Any, leaf: torch.Tensor | None, *, only_computed: bool) -> bool:
    """Whether a tensor is a leaf of the same shape as another one, or was computed from it."""
    if not isinstance(bound, torch.Tensor) or leaf is None or bound.shape != leaf.shape:
        return False
    if bound.grad_fn is None:
        return bound.requires_grad and not only_computed
    return any(each is leaf for each in leaves_of(bound.grad_fn))
