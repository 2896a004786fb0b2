"""The script of ``grad``."""

from __future__ import annotations

from gdcli.codegen.script import Script, not_shown, surely_has_gradient
from gdcli.lang.syntax import parse
from gdcli.lang.values import bind
from gdcli.settings import GradSettings


def grad_script(settings: GradSettings) -> str:
    """A script that prints the value, its grad_fn, and each gradient; ``settings`` are complete."""
    expression = parse(settings.expression)
    script = Script(settings, [expression], bind([expression], settings.values))
    value = script.own("value")
    asked = {name: getattr(settings, name) for name in ("explain", "symbolic", "check", "each", "points")}
    keep = "retain_graph=True" if settings.hessian else ""
    run = [f"{value} = {script.print(expression)}", f"{value}.backward({keep})"]
    shown = [f'print("value", {value}.item())', f'print("grad_fn", {value}.grad_fn.name())']
    shown += [_gradient_line(script, settings, name) for name in script.values]
    parts = [not_shown(asked), script.declarations(settings.wrt), run, shown]
    if settings.hessian:
        parts += _hessian(script, settings, value)
    return script.text(f"The gradient of {settings.expression}.", *parts)


def _gradient_line(script: Script, settings: GradSettings, name: str) -> str:
    x = script.names[name]
    numbers = f"{x}.grad.{script.item(name)}()"
    if name not in settings.wrt:
        return f'print("{name}.grad", {x}.grad)  # None: {x} has no requires_grad'
    if not surely_has_gradient(script.expressions[0], name):
        numbers = f"None if {x}.grad is None else {numbers}"
    return f'print("{name}.grad", {numbers})'


def _hessian(script: Script, settings: GradSettings, value: str) -> list[list[str]]:
    """A function that differentiates one number, and its use on the gradient."""
    derivatives, y, row, part = (script.own(name) for name in ("derivatives", "y", "row", "part"))
    variables = f"[{', '.join(script.names[name] for name in settings.wrt)}]"
    function = [
        "",
        f"def {derivatives}({y}):  # of one number by every variable; zeros where it does not depend on them",
        f"    {part}s = torch.autograd.grad({y}, {variables}, create_graph=True, materialize_grads=True)",
        f"    return torch.cat([{part}.flatten() for {part} in {part}s])",
        "",
    ]
    return [function, [f"for {row} in {derivatives}({value}):", f'    print("hessian", {derivatives}({row}).tolist())']]
