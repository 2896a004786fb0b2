"""The script of ``grad``."""

from __future__ import annotations

from gdcli.codegen.script import Script, broken, not_shown, surely_has_gradient
from gdcli.complete.sources import given
from gdcli.contract.grad import GradSettings
from gdcli.contract.short import in_a_title
from gdcli.errors import GdcliError
from gdcli.lang.nodes import Application, Binary, Call, Expression, Index, ListOf, Reference
from gdcli.lang.parsing import parse
from gdcli.lang.values import bind


def grad_script(settings: GradSettings) -> str:
    """A script that prints the value, its grad_fn, and each gradient; ``settings`` are complete.

    With ``jacobian`` it prints the rows of the Jacobian in the place of gradients, with ``hessian`` those of the
    Hessian after them.

    Raises:
        GdcliError: for many points.
    """
    for many in ("each", "points"):
        if getattr(settings, many):
            raise GdcliError("code", f"a script evaluates one point, but '{many}' asks for many", f"leave out --{many}")
    expression = parse(settings.expression, settings.values)
    script = Script(settings, [expression], bind([expression], given(settings)))
    value, run = script.result(expression, "value")
    maker = f"{value}.grad_fn.name()" if _has_grad_fn(expression) else f"{value}.grad_fn and {value}.grad_fn.name()"
    numbers = "tolist" if settings.jacobian else "item"
    shown = [f'print("value", {value}.{numbers}())', f'print("grad_fn", {maker})']
    backward = [f"{value}.backward()"]
    if settings.jacobian:
        backward = [f"if {value}.numel() == 1:  # backward() needs a scalar", f"    {value}.backward()"]
    gradients = [_gradient_line(script, settings, name) for name in script.values]
    asked = {name: getattr(settings, name) for name in ("explain", "symbolic", "check")}
    parts = [not_shown(asked), script.declarations(settings.wrt), script.functions()]
    if settings.hessian or settings.jacobian:
        # Before backward(), which frees the graph.
        derivatives, number = script.new_name("derivatives"), script.new_name("number")
        row = f"{derivatives}({number}, retain_graph=True)"
        parts += [run, shown, _derivatives(script, settings, derivatives, number)]
        if settings.hessian:
            parts.append(_rows("hessian", number, f"{derivatives}({value}, create_graph=True)", row))
        if settings.jacobian:
            parts.append(_rows("jacobian", number, f"{value}.flatten()", row))
        parts += [[*backward, *gradients]]
    else:
        parts += [[*run, *backward], [*shown, *gradients]]
    return script.text(f"The gradient of {in_a_title(settings.expression)}.", *parts)


def _has_grad_fn(expression: Expression) -> bool:
    """Whether the value is surely the result of an operation, and not a variable itself."""
    root = expression.root
    while isinstance(root, (Reference, Application)):
        root = root.value
    if isinstance(root, Call):
        return "input itself" not in root.function.facts
    return isinstance(root, (Binary, Index, ListOf))


def _gradient_line(script: Script, settings: GradSettings, name: str) -> str:
    x = script.names[name]
    numbers = f"{x}.grad.{script.item(name)}()"
    if name not in settings.wrt:
        return f'print("{name}.grad", {x}.grad)  # None: {x} does not require a gradient'
    if settings.jacobian or not surely_has_gradient(script.expressions[0], name):
        numbers = f"None if {x}.grad is None else {numbers}"
    return f'print("{name}.grad", {numbers})'


def _derivatives(script: Script, settings: GradSettings, derivatives: str, number: str) -> list[str]:
    """The function ``derivatives``, which differentiates one number by every variable."""
    keep, parts, part = (script.new_name(name) for name in ("keep", "parts", "part"))
    variables = [script.names[name] for name in settings.wrt]
    zeros = " + ".join(f"{x}.numel()" for x in variables)
    return [
        "",
        f"def {derivatives}({number}, **{keep}):  # for all variables, concatenated",
        f"    if not {number}.requires_grad:  # independent of them",
        f"        return torch.zeros({zeros}, dtype={number}.dtype)",
        *broken(
            f"    {parts} = torch.autograd.grad({number}, [{', '.join(variables)}], materialize_grads=True, **{keep})"
        ),
        f"    return torch.cat([{part}.flatten() for {part} in {parts}])",
        "",
    ]


def _rows(label: str, number: str, numbers: str, row: str) -> list[str]:
    return [f"for {number} in {numbers}:", f'    print("{label}", {row}.tolist())']
