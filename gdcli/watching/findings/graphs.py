"""Graphs that go wrong: of a tensor that is no leaf, changed in place before backward, too long, or walked twice."""

from __future__ import annotations

import ast
import re

from gdcli.contract.envelope import listed
from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding, WatchRemedy
from gdcli.watching.amounts import flat
from gdcli.watching.findings.case import Case, nothing, size_of
from gdcli.watching.findings.remedies import replaced
from gdcli.watching.findings.source import Sources, mentions, path, receiver, root, statements_in
from gdcli.watching.seen import Iteration, Leaf, Place, WatchedDescent, WatchedScript

_NEEDED = re.compile(r"\[\S+ \[([\d, ]*)\]\](?:, which is output \d+ of (\w+?)(?:Backward\d*)?,)? is at version")
_VIEWS = frozenset(["AsStrided", "T", "View", "Transpose", "Permute", "Slice", "Select"])
_GRAPHS = 4  # that have to show that a graph grows
_TOLERANCE = 1e-5  # of a norm that is twice another one


def no_leaf(script: WatchedScript, place: Place, sources: Sources) -> WatchFinding | None:
    """An update of a tensor that is the result of an operation, and so has no gradient, or its optimizer."""
    source = sources.of(place)
    statement = source.statement(place.line)
    if statement is None or hasattr(statement, "body"):
        return None
    names = {root(each) for each in ast.walk(statement) if isinstance(each, ast.Name | ast.Attribute)}
    for name in sorted(each for each in names if each):
        made = source.bindings(name)
        if len(made) != 1 or not _has_leaf_inside(made[0].value) or source.is_in_loop(made[0].lineno):
            continue
        op = next((leaf.op for each in script.descents for leaf in each.frame
                   if leaf.variable == name and not leaf.is_leaf), None)  # fmt: skip
        if op is None and script.descents:
            continue
        which = f" ({_operation(op)})" if op else ""
        message = (
            f"{name} is no leaf: it is the result of an operation{which} on a tensor that requires a gradient, and "
            f"backward leaves its .grad None, which fails in line {place.line}"
        )
        if not script.descents:
            message = (
                f"{name} is no leaf: by the source, it is the result of an operation on a tensor that requires a "
                f"gradient; the optimizer in line {place.line} cannot change it"
            )
        text = f"({ast.unparse(made[0].value)}).detach().requires_grad_()"
        code = ast.unparse(made[0])
        remedy = WatchRemedy(made[0].lineno, f"{ast.unparse(made[0].targets[0])} = {text}", code)
        evidence = {"name": name, "operation": _operation(op), "used_at": place.line}
        change = f"make the result the leaf: {remedy.text}"
        return WatchFinding("no-leaf", message, place.file, made[0].lineno, evidence, change, remedy)
    return None


def _operation(op: str | None) -> str:
    return (op or "").partition("Backward")[0].lower()


def _has_leaf_inside(value: ast.expr) -> bool:
    """Whether an expression makes a tensor with ``requires_grad`` and then computes something of it."""
    for node in ast.walk(value):
        if node is value or not isinstance(node, ast.Call):
            continue
        if any(each.arg == "requires_grad" for each in node.keywords) or (path(node.func) or "").endswith("Parameter"):
            return not _ends_as_leaf(value)
    return False


def _ends_as_leaf(value: ast.expr) -> bool:
    """Whether the last thing that is done makes a leaf."""
    if (path(getattr(value, "func", value)) or "").endswith("Parameter"):
        return True
    names = {each.attr for each in ast.walk(value) if isinstance(each, ast.Attribute)}
    return not names.isdisjoint({"detach", "requires_grad_", "data", "parameters"})


def changed_in_place(case: Case, message: str) -> WatchFinding | None:
    """A tensor that backward needs, and that was changed in place after it was used."""
    found = _NEEDED.search(message)
    shape, op = (found[1], found[2]) if found else ("", None)
    what = f"a tensor of shape ({shape}{',' if shape and ',' not in shape else ''})" if found else "a tensor"
    what += f", the result of {op.lower()}," if op and op not in _VIEWS else ""
    told = f"backward needs {what} as it was in forward, and it was changed in place since"
    evidence: dict[str, object] = {"shape": shape, "operation": (op or "").lower(), "iteration": case.descent.count}
    line, source = case.descent.place.line, case.source
    if (carried := _carried(case)) is not None:
        name, statement = carried
        told += f"; by the source, {name} (line {statement.lineno}) has the graphs of the iterations before"
        change = f"call backward on the loss of this iteration alone, and add numbers to {name}: {name} += loss.item()"
        return case.finding("changed-in-place", told, None, evidence, change)
    before = [each for each in statements_in(source.loop(line)) if each.lineno < line]
    changing = [each for each in before if _is_in_place(each)]
    if len(changing) == 1:
        one = changing[0]
        code = source.text(one)
        told += f"; by the source, `{code}` does that"
        change = "use an operation that makes a new tensor"
        remedy = None
        if isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name):
            value = ast.BinOp(one.target, one.op, one.value)
            remedy = WatchRemedy(one.lineno, f"{one.target.id} = {ast.unparse(value)}", code)
            change += f": {remedy.text}"
        return case.finding("changed-in-place", told, one.lineno, evidence, change, remedy=remedy)
    steps = [each for each in before if _is_step(each)]
    if steps and not changing:
        told += f"; by the source, the step in line {steps[-1].lineno} comes between forward and this backward"
        change = "call backward on all losses before the step, or compute the loss after it"
        return case.finding("changed-in-place", told, None, evidence, change, guess=True)
    if changing:
        told += f"; by the source, one of lines {listed(str(each.lineno) for each in changing)} does that"
    change = "look for += and for methods with a name that ends in _, and make new tensors there"
    return case.finding("changed-in-place", told, None, evidence, change, guess=True)


def _is_in_place(statement: ast.stmt) -> bool:
    """Whether a statement changes a tensor in place, as far as the source tells; gradients are not meant."""
    if isinstance(statement, ast.AugAssign):
        return not isinstance(statement.value, ast.Constant) or isinstance(statement.value.value, int | float)
    if isinstance(statement, ast.Assign):
        return any(isinstance(each, ast.Subscript) for each in statement.targets)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        return (
            isinstance(function, ast.Attribute)
            and function.attr.endswith("_")
            and not function.attr.endswith("__")
            and not (isinstance(function.value, ast.Attribute) and function.value.attr == "grad")
            and not (path(function) or "").startswith("torch.nn.utils")
        )
    return False


def _is_step(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "step"


def _carried(case: Case) -> tuple[str, ast.stmt] | None:
    """What a loop adds up, or makes of its own value before, and the loss is or is made of: its name and its line.

    A name that an earlier line of the loop binds to something else begins anew in each iteration.
    """
    source, line = case.source, case.descent.place.line
    loss = receiver(source, line)
    if loss is None or not source.is_in_loop(line):
        return None
    inside = [each for each in statements_in(source.loop(line)) if each.lineno < line]
    needed = {loss}
    for statement in reversed(inside):
        if isinstance(statement, ast.Assign) and needed.intersection(map(_name, statement.targets)):
            needed |= {each.id for each in ast.walk(statement.value) if isinstance(each, ast.Name)}
    for name in sorted(needed - {leaf.variable for leaf in case.descent.leaves.values()}):
        first = next((each for each in inside if _binds(each, name)), None)
        if isinstance(first, ast.AugAssign) and isinstance(first.op, ast.Add | ast.Sub):
            return name, first
        if isinstance(first, ast.Assign) and mentions(first.value, {name}) and not _cuts(first.value):
            return name, first
    return None


def _binds(statement: ast.stmt, name: str) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return any(isinstance(each, ast.Name) and each.id == name for target in targets if target is not None
               for each in ast.walk(target))  # fmt: skip


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _cuts(value: ast.expr) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr in ("detach", "item", "data", "detach_")
               for each in ast.walk(value))  # fmt: skip


def grows(case: Case) -> WatchFinding | None:
    """A graph that becomes longer by as much in each iteration, since the loss has those before in it."""
    graphs = [each for each in case.descent.graphs if not each.left_out]
    if len(graphs) < _GRAPHS or (carried := _carried(case)) is None:
        return None
    name, statement = carried
    first, last = graphs[0], graphs[-1]
    each, rest = divmod(len(last.nodes) - len(first.nodes), last.iteration - first.iteration)
    if each < 1 or rest or any(
        len(one.nodes) - len(first.nodes) != each * (one.iteration - first.iteration) for one in graphs
    ):  # fmt: skip
        return None
    message = (
        f"{name} has the graphs of all iterations before: the graph of the loss has {len(first.nodes)} operations in "
        f"iteration {first.iteration} and {len(last.nodes)} in iteration {last.iteration}, and so grow its time and "
        "its memory"
    )
    evidence = {"name": name, "first": len(first.nodes), "last": len(last.nodes), "iteration": last.iteration}
    change = f"cut it off: use {name}.detach() here"
    remedy = None
    if isinstance(statement, ast.AugAssign):
        change = f"call backward on the loss of this iteration alone, and add numbers to {name}: .item()"
    elif isinstance(statement, ast.Assign):
        used = next(
            (node for node in ast.walk(statement.value) if isinstance(node, ast.Name) and node.id == name), None
        )
        remedy = None if used is None else replaced(case, used, f"{name}.detach()")
    return case.finding("graph-grows", message, statement.lineno, evidence, change, remedy=remedy)


def same_loss_twice(case: Case) -> WatchFinding | None:
    """A second backward of one loss in the same iteration, which adds the same gradient once more."""
    line, source = case.descent.place.line, case.source
    earlier = _before(case)
    if case.descent.kind == "grad" or not earlier or not case.iterations:
        return None
    name = receiver(source, line)
    between = [each for each in statements_in(source.loop(line)) if earlier.place.line < each.lineno < line]
    if name is None or receiver(source, earlier.place.line) != name or any(_binds(each, name) for each in between):
        return None
    losses = {each.number: each.loss for each in earlier.iterations}
    its = [each for each in case.iterations if each.number in losses]
    if not its or not all(each.loss == losses[each.number] and _is_doubled(each) for each in its):
        return None
    first = its[0]
    leaf = next(each for each in case.reached if each.name in first.reached)
    state = first.leaves[leaf.name]
    grads, before = flat(state.grad), flat(state.grad_before)
    if grads:
        i = max(range(len(grads)), key=lambda k: abs(grads[k]))
        before_, sum_ = before[i], grads[i]
        which = leaf.name if len(grads) == 1 else f"element {i} of {leaf.name}"
        told = f"the gradient of {which} is {short(before_, 6)} after the first and {short(sum_, 6)} after this one"
    else:
        before_, sum_ = size_of(state.grad_before), size_of(state.grad)
        ends = f"{short(before_, 6)} after the first and {short(sum_, 6)} after this one"
        told = f"the norm of the gradient of {leaf.name} is {ends}"
    message = f"backward of {name} is called twice in each iteration, in line {earlier.place.line} and here: {told}"
    evidence = {"iteration": first.number, "leaf": leaf.name, "first": before_, "sum": sum_,
                "first_backward": earlier.place.line}  # fmt: skip
    return case.finding("two-backwards", message, None, evidence, f"leave out this line: one backward of {name} does")


def _before(case: Case) -> WatchedDescent | None:
    """The descent of an earlier line of the same function and as many iterations, if there is one alone."""
    own = case.descent
    found = [
        each for each in case.script.descents
        if each is not own and each.kind == "backward" and each.count == own.count and each.run == own.run
        and (each.place.file, each.place.function) == (own.place.file, own.place.function)
        and each.place.line < own.place.line
    ]  # fmt: skip
    return found[-1] if found else None


def _is_doubled(iteration: Iteration) -> bool:
    """Whether each gradient is twice what was there before, and one of them is not 0."""
    states = [iteration.leaves[name] for name in iteration.reached if name in iteration.leaves]
    for state in states:
        if state.grad_before is None or state.grad is None:
            return False
        grads, before = flat(state.grad), flat(state.grad_before)
        if len(grads) != len(before) or any(a != 2 * b for a, b in zip(grads, before, strict=True)):
            return False
        size = size_of(state.grad)
        if abs(size - 2 * size_of(state.grad_before)) > _TOLERANCE * size:
            return False
    return any(not nothing(state.grad) for state in states)


def copy_updated(case: Case, idle: list[Leaf]) -> WatchFinding | None:
    """An update that changes a copy of a leaf, where the leaf itself stands still."""
    line, source = case.descent.place.line, case.source
    inside = [*statements_in(source.loop(line))]
    for leaf in idle:
        for statement in source.updates(line):
            target = root(statement.target) if isinstance(statement, ast.AugAssign) else None
            if leaf.variable is None or target in (None, leaf.variable) or not mentions(statement, {leaf.variable}):
                continue
            made = next((each for each in inside if _binds(each, target or "") and isinstance(each, ast.Assign)
                         and mentions(each.value, {leaf.variable})), None)  # fmt: skip
            if made is None or not isinstance(statement, ast.AugAssign):
                continue
            code, slope = source.text(statement), max(map(case.slope, case.iterations))
            message = (
                f"`{code}` changes {target}, which line {made.lineno} makes of {leaf.name}: {leaf.name} itself does "
                f"not move in {case.descent.count} iterations, with a gradient of norm {short(slope, 4)}"
            )
            remedy = None
            if isinstance(statement.target, ast.Name):
                text = ast.unparse(ast.AugAssign(ast.Name(leaf.variable), statement.op, statement.value))
                remedy = WatchRemedy(statement.lineno, text, code)
            change = f"change {leaf.name} itself" + (f": {remedy.text}" if remedy else "")
            evidence = {"leaves": [leaf.name], "copy": target, "iterations": case.descent.count}
            return case.finding("never-stepped", message, statement.lineno, evidence, change, remedy=remedy)
    return None
