"""Updates that do nothing or are lost: a name bound anew, no step at all, a rate of 0, a schedule that comes first."""

from __future__ import annotations

import ast

from gdcli.contract.envelope import listed
from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding, WatchRemedy
from gdcli.watching.findings.case import EPS, Case, nothing, size_of
from gdcli.watching.findings.graphs import copy_updated
from gdcli.watching.findings.remedies import other_rate
from gdcli.watching.findings.source import is_update
from gdcli.watching.seen import Event, Leaf, Place


def rebound(case: Case) -> WatchFinding | None:
    """A name that the update binds to a new tensor, which gets no gradient or which no optimizer holds."""
    for leaf in case.reached:
        statement = None if leaf.variable is None else case.source.rebinding(case.descent.place.line, leaf.variable)
        if (
            statement is None
            or not (case.is_loop or is_update(statement))
            or not (what := _what_is_lost(case, leaf, statement))
        ):
            continue
        code = case.source.text(statement)
        message = f"`{code}` binds {leaf.name} to a new tensor: {what}"
        change = f"change {leaf.name} in place, under torch.no_grad()"
        remedy = _in_place(case, statement, leaf.variable or "")
        if remedy is not None:
            change += f": {remedy.text}"
        evidence = {"leaf": leaf.name, "iterations": case.descent.count}
        return case.finding("rebound", message, Place(case.descent.place.file, statement.lineno, ""), evidence, change,
                            remedy=remedy)  # fmt: skip
    return None


def _what_is_lost(case: Case, leaf: Leaf, statement: ast.Assign) -> str:
    """What goes wrong because of a rebinding; empty when nothing does."""
    states = [(each.number, each.leaves[leaf.name]) for each in case.iterations if leaf.name in each.leaves]
    states += [(case.descent.count, state) for name, state in case.descent.result.items() if name == leaf.name]
    no_leaf = next((number for number, state in states if not state.is_leaf), None)
    if no_leaf is not None:
        return f"from iteration {no_leaf} on it is no leaf, and its .grad is None"
    kept = _keeps_its_graph(statement)
    missed = [each.number for each in case.iterations[1:] if leaf.name not in each.reached]
    failure = case.script.failure
    if (missed or (failure is not None and case.failed)) and not kept:
        since = missed[0] if missed else case.descent.count
        if missed or (failure is not None and "NoneType" in failure.message):
            return f"from iteration {since} on it does not require a gradient, and its .grad is None"
    held = [each for each in case.optimizers if each.steps]
    if held and leaf.held and any(state.by == "rebound" for _, state in states):
        return f"{held[0].variable or 'the optimizer'} holds the one before, and its steps change that one alone"
    return ""


def _keeps_its_graph(statement: ast.Assign) -> bool:
    """Whether the new tensor is made a leaf again."""
    return any(
        (isinstance(each, ast.Attribute) and each.attr == "requires_grad_")
        or (isinstance(each, ast.keyword) and each.arg == "requires_grad")
        for each in ast.walk(statement.value)
    )


def _in_place(case: Case, statement: ast.Assign, name: str) -> WatchRemedy | None:
    """``x -= lr * x.grad`` for ``x = x - lr * x.grad``, under no_grad where that is not so already."""
    value = statement.value
    if not (isinstance(value, ast.BinOp) and isinstance(value.left, ast.Name) and value.left.id == name):
        return None
    if not isinstance(value.op, ast.Sub | ast.Add):
        return None
    sign = "-" if isinstance(value.op, ast.Sub) else "+"
    under = "" if case.source.is_without_grad(statement.lineno) else "with torch.no_grad(): "
    return WatchRemedy(statement.lineno, f"{under}{name} {sign}= {ast.unparse(value.right)}", ast.unparse(statement))


def never_stepped(case: Case) -> WatchFinding | None:
    """Leaves that get gradients and are never changed: no step of their optimizer, or no update by hand."""
    if not case.is_loop or case.descent.count < 2 or case.descent.kind != "backward":
        return None
    if any(each.steps for each in case.optimizers):
        return None
    idle = [leaf for leaf in case.reached if _gets_gradients(case, leaf) and not any(case.moves(leaf.name))]
    if not idle or not all(case.moves(leaf.name) for leaf in idle):
        return None
    if not case.stands_still:
        moved = (state.by for each in case.iterations for state in each.leaves.values() if state.moved)
        if all(by == "rebound" for by in moved):  # inputs that are made anew
            return None
        idle = [leaf for leaf in idle if _would_move(case, leaf)]
        if not idle:
            return None
    names = listed(leaf.name for leaf in idle[:4]) + (" and others" if len(idle) > 4 else "")
    evidence = {"leaves": [leaf.name for leaf in idle], "iterations": case.descent.count}
    waiting = [each for each in case.script.optimizers if not each.steps]
    if waiting and case.stands_still and case.update is None:
        name = waiting[0].variable or "optimizer"
        message = f"{name}.step() is never called: {names} {_did(idle)} not move in {case.descent.count} iterations"
        remedy = WatchRemedy(case.descent.place.line + 1, f"{name}.step()")
        return case.finding(
            "never-stepped", message, None, evidence, f"add {name}.step() after this line", remedy=remedy
        )
    if case.stands_still and (found := copy_updated(case, idle)) is not None:
        return found
    if len(idle) == len(case.reached):
        return None  # gradients that are computed without an update, or another finding
    message = (
        f"{names} {_got(idle)} a gradient in each of {case.descent.count} iterations and never moved, unlike the others"
    )
    return case.finding(
        "never-stepped", message, None, evidence, f"update {names} too, or make it without requires_grad"
    )


def _would_move(case: Case, leaf: Leaf) -> bool:
    """Whether the rate of the others would change a leaf by more than the rounding of its dtype."""
    iteration = case.iterations[0]
    rates = []
    for state in iteration.leaves.values():
        size = size_of(state.grad)
        if state.moved and size > 0:
            rates.append(state.moved / size)
    own = iteration.leaves.get(leaf.name)
    if not rates or own is None:
        return False
    return min(rates) * size_of(own.grad) > 10 * EPS.get(leaf.dtype, 2.0**-23) * size_of(own.value)


def _did(leaves: list[Leaf]) -> str:
    return "does" if len(leaves) == 1 else "do"


def _got(leaves: list[Leaf]) -> str:
    return "gets" if len(leaves) == 1 else "get"


def _gets_gradients(case: Case, leaf: Leaf) -> bool:
    states = [each.leaves[leaf.name] for each in case.iterations if leaf.name in each.reached]
    return bool(states) and not any(nothing(state.grad) for state in states) and leaf.requires_grad


def lr_zero(case: Case) -> WatchFinding | None:
    """A learning rate of 0: from the start, by a schedule, or in an update by hand."""
    if case.descent.optimizers:
        return _of_optimizer(case)
    if not case.stands_still or case.update is None or case.source.rate(case.update) != 0:
        return None
    slope = max(map(case.slope, case.iterations), default=0.0)
    if not slope > 0:
        return None
    code = case.source.text(case.update)
    message = f"the rate in `{code}` is 0: the gradient has norm {short(slope, 4)}, and nothing moves"
    evidence = {"lr": 0.0, "gradient_norm": slope, "iterations": case.descent.count}
    change = "use a rate that is greater than 0, such as 0.1"
    return case.finding("lr-zero", message, case.update_place, evidence, change, remedy=other_rate(case, 0.1))


def _of_optimizer(case: Case) -> WatchFinding | None:
    """A rate of 0 at the end, for more than half of the iterations."""
    rates = [
        (each, max(each.lr) if isinstance(each.lr, list) else each.lr)
        for each in case.iterations
        if each.lr is not None
    ]
    if not rates or rates[-1][1] != 0:
        return None
    zeros = [each for each, lr in rates if lr == 0]
    positive = [(each, lr) for each, lr in rates if lr]
    if 2 * len(zeros) <= len(rates):
        return None
    slope = case.slope(rates[-1][0])
    evidence = {"lr": 0.0, "since": zeros[0].number, "gradient_norm": slope}
    if not positive:
        message = f"the learning rate is 0: the gradient has norm {short(slope, 4)}, and nothing moves"
        change = "use a rate that is greater than 0, such as 0.1"
        return case.finding("lr-zero", message, case.rate_place, evidence, change, remedy=other_rate(case, 0.1))
    since = positive[-1][0].number + 1
    place = next((event.place for each in case.iterations for event in each.events if event.kind == "schedule"), None)
    message = (
        f"from iteration {since} on the learning rate is 0, where it was {short(positive[-1][1], 4)} before: nothing "
        f"moves in the last {case.descent.count - since} of {case.descent.count} iterations, with a gradient of norm "
        f"{short(slope, 4)}"
    )
    change = "make the schedule end later, or not at 0" if place is not None else "do not set the rate to 0"
    return case.finding("lr-zero", message, place or case.rate_place, evidence | {"since": since}, change)


def schedule_before_step(case: Case) -> WatchFinding | None:
    """A schedule whose first step comes before the first one of its optimizer, which leaves out the first rate."""
    events = [*case.script.loose_events]
    for each in case.iterations:
        if each.number > 1:
            break
        events += each.events
    first = _first_schedule(events)
    if first is None:
        return None
    facts = case.script.optimizers[first.optimizer or 0]
    if not facts.steps or first.optimizer not in case.descent.optimizers:
        return None
    used = next((each.lr for each in case.iterations if each.lr is not None), None)
    given = facts.groups[0].get("initial_lr", facts.groups[0].get("lr")) if facts.groups else None
    message = "the schedule steps before the optimizer does, and so is one step ahead of it"
    evidence = {"initial_lr": given, "first_lr": used}
    if isinstance(given, int | float) and isinstance(used, int | float) and given != used:
        message += f": its first rate, {short(given, 4)}, is left out, and the first step uses {short(used, 4)}"
    change = f"move this line after {facts.variable or 'optimizer'}.step()"
    return case.finding("schedule-before-step", message, first.place, evidence, change)


def _first_schedule(events: list[Event]) -> Event | None:
    """The first step of a schedule whose optimizer has not stepped before."""
    stepped = set()
    for event in events:
        if event.kind == "step":
            stepped.add(event.optimizer)
        if event.kind == "schedule" and event.optimizer is not None:
            return None if event.optimizer in stepped else event
    return None
