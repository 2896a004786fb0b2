"""The script of ``grad``."""

from __future__ import annotations

from gdcli.codegen.script import Script, not_shown, surely_has_gradient
from gdcli.errors import GdcliError
from gdcli.lang.nodes import Binary, Call, Expression, Index, ListOf
from gdcli.lang.syntax import parse
from gdcli.lang.values import bind
from gdcli.settings import GradSettings


def grad_script(settings: GradSettings) -> str:
    """A script that prints the value, its grad_fn, and each gradient; ``settings`` are complete.

    With ``jacobian`` it prints the rows of the Jacobian in the place of gradients, with ``hessian`` those of the
    Hessian after them.

    Raises:
        GdcliError: for many points.
    """
    for many in ("each", "points"):
        if getattr(settings, many):
            raise GdcliError("code", f"a script is about one point, and '{many}' asks for many", f"leave out --{many}")
    expression = parse(settings.expression)
    script = Script(settings, [expression], bind([expression], settings.values))
    value = script.own("value")
    run = [f"{value} = {script.print(expression)}"]
    maker = f"{value}.grad_fn.name()" if _has_grad_fn(expression) else f"{value}.grad_fn and {value}.grad_fn.name()"
    shown = [f'print("value", {value}.item())', f'print("grad_fn", {maker})']
    rows: list[list[str]] = []
    if settings.jacobian:
        shown[0] = f'print("value", {value}.tolist())'
        rows.append(_rows(script, "jacobian", f"{value}.flatten()"))
    else:
        run.append(f"{value}.backward({'retain_graph=True' if settings.hessian else ''})")
        shown += [_gradient_line(script, settings, name) for name in script.values]
    if settings.hessian:
        rows.append(_rows(script, "hessian", f"{script.own('derivatives')}({value})"))
    asked = {name: getattr(settings, name) for name in ("explain", "symbolic", "check")}
    parts = [not_shown(asked), script.declarations(settings.wrt), run, shown]
    if rows:
        parts += [_derivatives(script, settings), *rows]
    return script.text(f"The gradient of {settings.expression}.", *parts)


def _has_grad_fn(expression: Expression) -> bool:
    """Whether the value is surely the result of an operation, and not a variable itself."""
    root = expression.root
    may_be_its_input = ("torch.positive", "torch.flatten", "torch.ravel")
    if isinstance(root, Call):
        return not root.function.path.startswith("torch.Tensor.") and root.function.path not in may_be_its_input
    return isinstance(root, (Binary, Index, ListOf))


def _gradient_line(script: Script, settings: GradSettings, name: str) -> str:
    x = script.names[name]
    numbers = f"{x}.grad.{script.item(name)}()"
    if name not in settings.wrt:
        return f'print("{name}.grad", {x}.grad)  # None: {x} has no requires_grad'
    if not surely_has_gradient(script.expressions[0], name):
        numbers = f"None if {x}.grad is None else {numbers}"
    return f'print("{name}.grad", {numbers})'


def _derivatives(script: Script, settings: GradSettings) -> list[str]:
    """A function that differentiates one number by every variable."""
    number, parts, part = script.own("number"), script.own("parts"), script.own("part")
    variables = [script.names[name] for name in settings.wrt]
    zeros = " + ".join(f"{x}.numel()" for x in variables)
    return [
        "",
        f"def {script.own('derivatives')}({number}):  # by every variable, one after the other",
        f"    if not {number}.requires_grad:  # it does not depend on them",
        f"        return torch.zeros({zeros}, dtype={number}.dtype)",
        f"    {parts} = torch.autograd.grad(",
        f"        {number}, [{', '.join(variables)}], create_graph=True, materialize_grads=True",
        "    )",
        f"    return torch.cat([{part}.flatten() for {part} in {parts}])",
        "",
    ]


def _rows(script: Script, label: str, numbers: str) -> list[str]:
    number = script.own("number")
    return [f"for {number} in {numbers}:", f'    print("{label}", {script.own("derivatives")}({number}).tolist())']
