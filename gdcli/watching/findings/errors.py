"""What PyTorch's errors in a loop mean, told at the line that raised them."""

from __future__ import annotations

import ast

from gdcli.contract.envelope import listed
from gdcli.contract.watch import WatchFinding
from gdcli.watching.findings.case import Case
from gdcli.watching.findings.flow import cuts
from gdcli.watching.findings.graphs import changed_in_place, no_leaf
from gdcli.watching.findings.remedies import replaced
from gdcli.watching.findings.source import Sources, is_no_grad, mentions, receiver, root, statements_in
from gdcli.watching.seen import Failure, Leaf, Place, WatchedScript

_IN_PLACE = "leaf Variable that requires grad is being used in an in-place operation"
_NOT_FLOAT = "floating point and complex dtype can require gradients"
_AGAIN = "backward through the graph a second time"
_CHANGED = "modified by an inplace operation"
_NO_LEAF = "can't optimize a non-leaf Tensor"
_NO_GRAPH = "does not require grad and does not have a grad_fn"


def of_script(script: WatchedScript, sources: Sources) -> WatchFinding | None:
    """The cause of the error that ended a script, where it is one of PyTorch's that a loop makes."""
    failure = script.failure
    if failure is None or failure.place is None:
        return None
    if _IN_PLACE in failure.message:
        return _outside_no_grad(failure, failure.place, sources)
    if _NOT_FLOAT in failure.message:
        return _integer(failure.place, sources)
    if _NO_LEAF in failure.message:
        return no_leaf(script, failure.place, sources)
    if failure.type in ("TypeError", "AttributeError") and "NoneType" in failure.message:
        if script.descents:
            return no_leaf(script, failure.place, sources)
        return _no_gradient_yet(failure.place, sources)
    return None


def of_descent(case: Case) -> WatchFinding | None:
    """The cause of the error that a backward raised."""
    failure = case.descent.failure
    if failure is None:
        return None
    if _AGAIN in failure.message:
        return _again(case)
    if _CHANGED in failure.message:
        return changed_in_place(case, failure.message)
    if _NO_GRAPH in failure.message:
        return _no_graph(case)
    return None


def _finding(code: str, message: str, place: Place, change: str, **evidence: object) -> WatchFinding:
    return WatchFinding(code, message, place.file, place.line, evidence, change)  # type: ignore[arg-type]


def _outside_no_grad(failure: Failure, place: Place, sources: Sources) -> WatchFinding:
    """A leaf that is changed in place while autograd records."""
    source = sources.of(place)
    statement = source.statement(place.line)
    code = "" if statement is None else source.text(statement)
    what = f"`{code}` changes" if code and "\n" not in code else "this line changes"
    message = (
        f"{what} in place a tensor that requires a gradient, while autograd records: PyTorch raises {failure.type}"
    )
    return _finding(
        "update-outside-no-grad", message, place, "put this line under `with torch.no_grad():`", error=failure.message
    )


def _integer(place: Place, sources: Sources) -> WatchFinding:
    """A tensor of whole numbers that is to have a gradient."""
    source = sources.of(place)
    statement = source.statement(place.line)
    code = "" if statement is None else source.text(statement)
    message = "a gradient is asked of a tensor of whole numbers, and only floating point tensors have gradients"
    change = "write a number with a point (1.0), or dtype=torch.float32"
    return _finding("integer-parameter", message, place, change, statement=code)


def _no_gradient_yet(place: Place, sources: Sources) -> WatchFinding | None:
    """An update that uses ``.grad`` before the first backward."""
    source = sources.of(place)
    statement = source.statement(place.line)
    if statement is None or not any(
        isinstance(each, ast.Attribute) and each.attr == "grad" for each in ast.walk(statement)
    ):
        return None
    backward = next((each.lineno for each in statements_in(source.loop(place.line)) if _is_backward(each)), None)
    if backward is None or backward <= place.line:
        return None
    message = f"the update uses .grad, which is None: backward (line {backward}) comes after it"
    return _finding(
        "step-before-backward", message, place, f"move this line after line {backward}", backward_line=backward
    )


def _is_backward(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and any(
        isinstance(each, ast.Attribute) and each.attr == "backward" for each in ast.walk(statement)
    )


def _again(case: Case) -> WatchFinding:
    """A second backward on one graph: a loss from before the loop, or a tensor that carries the last graph along."""
    line, source = case.descent.place.line, case.source
    count = case.descent.count
    message = f"iteration {count} goes through a graph that backward has used and freed"
    change = "compute the loss anew in each iteration"
    evidence: dict[str, object] = {"iteration": count}
    guess, remedy = False, None
    name = receiver(source, line)
    earlier = [each.place for each in case.script.descents if each.count and each.place.line != line]
    inside = [each for each in statements_in(source.loop(line)) if isinstance(each, ast.Assign | ast.AugAssign)]
    if name is not None and not any(name in _targets(each) for each in inside) and source.bindings(name):
        made = source.bindings(name)[0].lineno
        message += f": {name} is computed once, in line {made}, before the loop"
        change = f"compute {name} inside the loop, before this line"
        evidence |= {"name": name, "made_at": made}
    elif not count and (before := next((p for p in earlier if p.function == case.descent.place.function), None)):
        message = f"this backward goes through a graph that the backward of line {before.line} has used and freed"
        change = "add the losses and call backward once"
        if name is not None and name == receiver(source, before.line):
            change = f"call backward once, if both are of one {name}; of two losses, add them and call backward once"
        evidence |= {"first_backward": before.line}
    elif (carried := next((each for each in inside if _carried(each) is not None), None)) is not None:
        kept, guess = _carried(carried), True
        message += f"; by the source, {kept} (line {carried.lineno}) carries it from one iteration to the next"
        evidence |= {"name": kept, "made_at": carried.lineno}
        if isinstance(carried, ast.AugAssign):
            change = f"call backward on the loss of this iteration alone, and add numbers to {kept}: .item()"
        else:
            change = f"cut the graph in line {carried.lineno}: use {kept}.detach() there (of a tuple, of each part)"
            used = next(each for each in ast.walk(carried.value) if isinstance(each, ast.Name) and each.id == kept)
            remedy = replaced(case, used, f"{kept}.detach()")
    return case.finding("two-backwards", message, None, evidence, change, guess=guess, remedy=remedy)


def _targets(statement: ast.Assign | ast.AugAssign) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]


def _carried(statement: ast.Assign | ast.AugAssign) -> str | None:
    """The name that a statement binds to something made of its own value before."""
    names = _targets(statement)
    if isinstance(statement, ast.AugAssign):
        return names[0] if names else None
    return next((name for name in names if mentions(statement.value, {name})), None)


def _no_graph(case: Case) -> WatchFinding:
    """A loss without a graph: nothing requires a gradient, it was cut off, or it was made under no_grad."""
    wanted = [leaf for leaf in case.descent.frame if leaf.requires_grad and leaf.is_leaf]
    rebound = [
        leaf
        for leaf in case.descent.leaves.values()
        if case.source.rebinding(case.descent.place.line, leaf.variable or "")
    ]
    if rebound and (case.descent.count or not wanted):
        return _lost(case, rebound[0])
    if not wanted:
        return _none_requires(case)
    names = listed(leaf.name for leaf in wanted[:4]) + (" and others" if len(wanted) > 4 else "")
    found = cuts(case.source, case.descent.place.line, [leaf.name for leaf in wanted])
    evidence: dict[str, object] = {"leaves": [leaf.name for leaf in wanted]}
    if found:
        cut = found[0]
        message = f"the loss has no graph: by the source, {cut.what} in this line cuts it off from {names}"
        return case.finding("detached", message, Place(case.descent.place.file, cut.line, ""), evidence, cut.change,
                            guess=len(found) > 1)  # fmt: skip
    message = f"the loss has no graph, though {names} require{'s' if len(wanted) == 1 else ''} a gradient"
    change = "compute the loss where autograd records"
    under = _no_grad_line(case)
    if under is not None:
        evidence["no_grad_line"] = under
        message += f": by the source, it is computed under no_grad (line {under})"
        change = f"compute the loss outside of the no_grad of line {under}"
    return case.finding("no-gradient", message, None, evidence, change, guess=under is None)


def _no_grad_line(case: Case) -> int | None:
    """A line of the loop, or of a function that it calls, that turns autograd off."""
    loop = case.source.loop(case.descent.place.line)
    called = {root(each.func) for node in loop for each in ast.walk(node) if isinstance(each, ast.Call)}
    for statement in statements_in(loop):
        if isinstance(statement, ast.With) and any(is_no_grad(item.context_expr) for item in statement.items):
            return statement.lineno
    for node in ast.walk(case.source.tree):
        if isinstance(node, ast.FunctionDef) and (node.name in called or node.name == "forward"):
            found = next((each.lineno for each in node.decorator_list if is_no_grad(each)), None)
            inside = (each for each in ast.walk(node) if isinstance(each, ast.With))
            found = found or next(
                (each.lineno for each in inside if any(is_no_grad(i.context_expr) for i in each.items)), None
            )
            if found is not None:
                return found
    return None


def _none_requires(case: Case) -> WatchFinding:
    """No tensor that the loop sees requires a gradient."""
    held = [name for each in case.script.optimizers for name in each.holds]
    loss = receiver(case.source, case.descent.place.line)
    seen = [leaf.name for leaf in case.descent.frame if not leaf.requires_grad and leaf.variable != loss]
    if case.script.optimizers or any("." in name for name in seen):
        message = "no tensor requires a gradient: all parameters have requires_grad=False"
        change = "set requires_grad = True for the parameters that are to learn"
    else:
        message = f"no tensor requires a gradient: {listed(seen[:4]) if seen else 'none'} has requires_grad=False"
        message = message if len(seen) == 1 else message.replace(" has requires", " have requires")
        change = f"make {seen[0] if len(seen) == 1 else 'the variables'} with requires_grad=True"
    evidence = {"tensors": seen[:20], "held": len(held)}
    return case.finding("no-requires-grad", message, None, evidence, change)


def _lost(case: Case, leaf: Leaf) -> WatchFinding:
    """A name that was rebound under no_grad, so that nothing requires a gradient any more."""
    statement = case.source.rebinding(case.descent.place.line, leaf.variable or "")
    line = case.descent.place.line if statement is None else statement.lineno
    message = (
        f"this line binds {leaf.name} to a new tensor that does not require a gradient: backward has nothing to do"
    )
    change = f"change {leaf.name} in place: {leaf.name} -= ..."
    return case.finding("rebound", message, line, {"leaf": leaf.name}, change)
