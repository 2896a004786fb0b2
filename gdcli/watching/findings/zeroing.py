"""Gradients that are never set to zero, or before they are used; steps that come before backward."""

from __future__ import annotations

from decimal import Decimal

from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding, WatchRemedy
from gdcli.watching.amounts import flat
from gdcli.watching.findings.case import Case, nothing, size_of
from gdcli.watching.seen import Event, Iteration, Place

_BY_EVENTS = frozenset(["zero_grad", "backward", "grad"])


def zero_grad_forgotten(case: Case) -> WatchFinding | None:
    """A gradient that is added to one which an update has used already."""
    if case.descent.kind == "grad":  # it leaves .grad alone
        return None
    for one, other in case.descent.pairs():
        for name in other.reached:
            before, after = one.leaves.get(name), other.leaves.get(name)
            if before is None or after is None or nothing(after.grad_before) or not _was_used(case, name, one):
                continue
            if after.before == "kept" or _is_left_over(one):
                return _forgotten(case, name, one, other)
    return None


def _was_used(case: Case, name: str, iteration: Iteration) -> bool:
    """Whether the leaf has moved since its gradient was computed.

    Where that is not known, of a large tensor, whether an optimizer that holds it stepped, and moves it at all.
    """
    state = iteration.leaves[name]
    if state.moved is not None:
        return state.moved > 0 and state.by != "rebound"
    known = case.moves(name)
    stepped = any(event.kind == "step" for event in iteration.events)
    return stepped and case.descent.leaves[name].held and (not known or any(known))


def _is_left_over(iteration: Iteration) -> bool:
    """Whether nothing has set the gradients to zero after the last step, and no other backward has added to them."""
    steps = [i for i, event in enumerate(iteration.events) if event.kind == "step"]
    if not steps or iteration.more_events:
        return False
    return not any(event.kind in _BY_EVENTS for event in iteration.events[steps[-1] :])


def _forgotten(case: Case, name: str, one: Iteration, other: Iteration) -> WatchFinding:
    state = other.leaves[name]
    numbers, left = flat(state.grad), flat(state.grad_before)
    if numbers and len(numbers) == len(left):
        i = max(range(len(left)), key=lambda k: abs(left[k]))
        element = name if len(numbers) == 1 else f"element {i} of {name}"
        new = numbers[i] - left[i]
        sign, size = ("-", -new) if new < 0 else ("+", new)
        sum_text = _sum(left[i], sign, size, numbers[i])
        told = f"the gradient of {element} in iteration {other.number} is {sum_text}, the last one plus the new one"
        evidence = {"iteration": other.number, "leaf": name, "last": left[i], "new": new, "sum": numbers[i]}
    else:
        last, total = size_of(state.grad_before), size_of(state.grad)
        told = (
            f"in iteration {other.number} {name}.grad still held the gradient of iteration {one.number} (norm "
            f"{short(last, 4)}), and the new one was added to it (norm of the sum {short(total, 4)})"
        )
        evidence = {"iteration": other.number, "leaf": name, "last": last, "sum": total}
    text = case.zero_grad_text(name)
    change = f"set the gradients to zero before this line: {text}"
    remedy = WatchRemedy(case.descent.place.line, text)
    return case.finding("zero-grad-forgotten", told, None, evidence, change, remedy=remedy)


def _sum(last: float, sign: str, size: float, total: float) -> str:
    """A sum with as many digits as it takes for the printed numbers to add up."""
    for digits in range(4, 10):
        one, other, both = (short(each, digits) for each in (last, size, total))
        if Decimal(one) + Decimal(f"{sign}{other}") == Decimal(both):
            return f"{one} {sign} {other} = {both}"
    return f"{short(last, 4)} {sign} {short(size, 4)} = {short(total, 4)}, rounded"


def zero_grad_before_step(case: Case) -> WatchFinding | None:
    """Gradients that are set to zero between backward and the step that should use them."""
    if case.descent.kind == "grad":
        return None
    if not case.stands_still and not any(map(_zeroed_first, case.iterations)):
        return None
    pairs = [(each, found) for each in case.iterations if (found := _zeroed_first(each)) is not None]
    used = sum(any(event.kind == "step" for event in each.events) for each in case.iterations)
    if pairs and 2 * len(pairs) > used and _is_without_effect(case):
        first, (zeroed, step) = pairs[0]
        if _stands_before_backward(case, step):
            return _step_first(case, step)
        slope = case.slope(first)
        message = (
            f"zero_grad comes between backward (line {case.descent.place.line}) and step (line {step.place.line}): in "
            f"iteration {first.number} backward made a gradient of norm {short(slope, 4)}, and the step had none"
        )
        evidence = {"iteration": first.number, "gradient_norm": slope, "step_line": step.place.line}
        change = "move this line before backward, or after the step"
        return case.finding("zero-grad-before-step", message, zeroed.place, evidence, change)
    return _by_hand(case)


def _zeroed_first(iteration: Iteration) -> tuple[Event, Event] | None:
    """A zero_grad and a step after it, with no backward before them since that of this iteration, or between them."""
    zeroed = None
    for event in iteration.events:
        if event.kind in ("backward", "grad"):
            return None
        if event.kind == "step":
            return None if zeroed is None or zeroed.optimizer not in (None, event.optimizer) else (zeroed, event)
        if event.kind == "zero_grad":
            zeroed = event
    return None


def _is_without_effect(case: Case) -> bool:
    """Whether the leaves do not move where that is known."""
    known = [move for leaf in case.reached for move in case.moves(leaf.name)]
    return not any(known)


def _stands_before_backward(case: Case, step: Event) -> bool:
    """Whether the step was made in the same round of the loop before backward."""
    if any(event.kind == "step" and event.optimizer == step.optimizer for event in case.script.loose_events):
        return True
    own = case.descent.place
    return step.place.file == own.file and step.place.function == own.function and step.place.line < own.line


def _step_first(case: Case, step: Event) -> WatchFinding:
    message = (
        f"the step stands before backward (line {case.descent.place.line}), and zero_grad between two rounds leaves it "
        f"no gradient: nothing moved in {case.descent.count} iterations"
    )
    evidence = {"iterations": case.descent.count, "backward_line": case.descent.place.line}
    return case.finding("step-before-backward", message, step.place, evidence, "move this line after backward")


def _by_hand(case: Case) -> WatchFinding | None:
    """The same of a loop without an optimizer: the line that zeroes stands before the line that updates."""
    if case.descent.optimizers or case.update is None or not case.stands_still:
        return None
    names = [leaf.variable for leaf in case.reached if leaf.variable]
    own = case.descent.place
    zeroing = next((found for name in names if (found := case.source.zeroing(own.line, name)) is not None), None)
    slope = max(map(case.slope, case.iterations), default=0.0)
    if zeroing is None or not own.line < zeroing.lineno < case.update.lineno or not slope > 0:
        return None
    message = (
        f"the gradient is set to zero between backward (line {own.line}) and the update (line {case.update.lineno}): "
        f"backward made a gradient of norm {short(slope, 4)}, and nothing moved"
    )
    evidence = {"gradient_norm": slope, "update_line": case.update.lineno}
    change = "move this line after the update, or before backward"
    return case.finding("zero-grad-before-step", message, Place(own.file, zeroing.lineno, ""), evidence, change)
