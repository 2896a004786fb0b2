"""Leaves that the loss does not reach, or that no optimizer holds."""

from __future__ import annotations

from gdcli.contract.envelope import listed
from gdcli.contract.watch import WatchFinding
from gdcli.watching.findings.case import Case
from gdcli.watching.findings.flow import cuts
from gdcli.watching.findings.source import mentions
from gdcli.watching.seen import Leaf, Place

_UNNAMED = "leaf "  # what the recorder calls tensors without a name in the script
_NAMED = 4  # names in a sentence


def not_held(case: Case) -> WatchFinding | None:
    """Leaves that get gradients in a loop with an optimizer, and that neither an optimizer nor the loop changes."""
    if not case.is_loop or not case.descent.optimizers or case.descent.count < 2 or case.descent.kind == "grad":
        return None
    inputs = _inputs_of_grad(case)
    left = [
        leaf
        for leaf in case.reached
        if leaf.requires_grad
        and leaf.is_leaf
        and not leaf.held
        and leaf.name not in inputs
        and not any(case.moves(leaf.name))
        and not _is_bound_anew(case, leaf)
    ]
    optimizing_inputs = all(leaf.module for leaf in left) and not any(leaf.module for leaf in case.reached if leaf.held)
    if not left or (optimizing_inputs and len(left) < len(case.reached)):
        return None
    optimizer = case.script.optimizers[case.descent.optimizers[0]]
    name = optimizer.variable or "the optimizer"
    names = _names(left)
    held = len(optimizer.holds)
    evidence = {"leaves": [leaf.name for leaf in left], "held": held, "reached": len(case.reached)}
    every = len(left) == len(case.reached)
    message = (
        f"{name} does not hold {names}: {'they get gradients' if len(left) > 1 else 'it gets gradients'} and never "
    )
    message += "move" if len(left) > 1 else "moves"
    if every:
        message += f"; none of the {held} tensors that it holds is one that the loss reaches"
    change = f"give {name} these too: {names}"
    if any(leaf.name.startswith(_UNNAMED) for leaf in left):
        change = f"give {name} these too; layers in a Python list are no parameters of a module: use nn.ModuleList"
    if every:
        change = f"make {name} after the model, with the parameters that the loss uses"
    return case.finding("not-held", message, case.made_at(optimizer), evidence, change)


def _inputs_of_grad(case: Case) -> set[str]:
    """Leaves that the script differentiates by itself (torch.autograd.grad): inputs, and no parameters."""
    seen = {name for each in case.script.descents if each.kind == "grad" for name in each.leaves}
    return seen | case.source.names_with_gradients


def _is_bound_anew(case: Case, leaf: Leaf) -> bool:
    """Whether a leaf is another tensor in each iteration, as inputs are."""
    states = [each.leaves[leaf.name] for each in case.iterations if leaf.name in each.leaves]
    if any(state.by == "rebound" for state in states):
        return True
    return leaf.variable is not None and any(
        case.source.is_in_loop(node.lineno) for node in case.source.bindings(leaf.variable)
    )


def not_reached(case: Case) -> WatchFinding | None:
    """Leaves that were made to learn, and that no loss of the script reaches; where the source cuts them off, there."""
    if not case.is_loop or case.descent.count < 2:
        return None
    everywhere = {leaf.name for each in case.script.descents for leaf in each.leaves.values() if leaf.reached}
    everywhere |= {name for each in case.script.descents for name in _variables(each.leaves.values())}
    left = [
        leaf
        for leaf in case.descent.frame
        if leaf.requires_grad and leaf.is_leaf and not leaf.reached and leaf.name not in everywhere
    ]
    left = [leaf for leaf in left if not _is_bound_anew(case, leaf) and _is_of_this(case, leaf)]
    if not left:
        return None
    names, own = _names(left), case.descent.place
    evidence = {"leaves": [leaf.name for leaf in left], "reached": [leaf.name for leaf in case.reached]}
    found = cuts(case.source, own.line, [leaf.name for leaf in left])
    if found:
        cut = found[0]
        message = f"the loss does not reach {names}: by the source, {cut.what} in this line cuts {_them(left)} off"
        return case.finding("detached", message, Place(own.file, cut.line, ""), evidence, cut.change,
                            guess=len(found) > 1)  # fmt: skip
    verb = "gets" if len(left) == 1 else "get"
    message = f"the loss does not reach {names}, which {verb} no gradient in {case.descent.count} iterations"
    change = f"use {names} in the loss, or make {_them(left)} without requires_grad"
    return case.finding("not-reached", message, None, evidence, change)


def _variables(leaves: object) -> list[str]:
    return [leaf.variable for leaf in leaves if leaf.reached and leaf.variable]  # type: ignore[attr-defined]


def _is_of_this(case: Case, leaf: Leaf) -> bool:
    """Whether a leaf belongs to this descent: its optimizer holds it, or, without one, the loop names it."""
    optimizers = [each for i, each in enumerate(case.script.optimizers) if i in case.descent.optimizers]
    if optimizers:
        return leaf.held and (len(case.script.optimizers) == 1 or any(leaf.name in each.holds for each in optimizers))
    variable = leaf.name.partition(".")[0].partition("[")[0]
    return not leaf.held and any(mentions(each, {variable}) for each in case.source.loop(case.descent.place.line))


def _them(leaves: list[Leaf]) -> str:
    return "it" if len(leaves) == 1 else "them"


def _called(leaf: Leaf) -> str:
    """The name of a leaf, or what is known of one that has none in the script."""
    shape = ", ".join(map(str, leaf.shape)) + ("," if len(leaf.shape) == 1 else "")
    return f"a tensor of shape ({shape})" if leaf.name.startswith(_UNNAMED) else leaf.name


def _names(leaves: list[Leaf]) -> str:
    names = [_called(leaf) for leaf in leaves]
    if len(names) <= _NAMED:
        return listed(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} others"
