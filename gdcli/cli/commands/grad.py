"""``gdcli grad``: a value and its gradient."""

from __future__ import annotations

import functools

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.cli.save import targets
from gdcli.cli.show import show
from gdcli.contract.grad import GradSettings
from gdcli.errors import ExitCode, GdcliError


def complete(settings: GradSettings) -> GradSettings:
    """Fill in the notebook's example, and check the arguments."""
    from gdcli.cli.points import check
    from gdcli.complete.grad import complete_grad

    settings = complete_grad(settings)
    check(settings)
    return settings


def run(settings: GradSettings, output: Output) -> int:
    """Differentiate and print."""
    from gdcli.cli.points import print_each, stream_points
    from gdcli.gradient import grad
    from gdcli.lang.functions import MATRIX_OPERATIONS
    from gdcli.render.explanations_csv import EXCLUSIVE, explained_csv
    from gdcli.render.gradient import grad_report

    if (settings.points or settings.each) and _saves_tape(output):
        raise GdcliError("usage", "a tape is that of a single point", "leave out --each or --points")
    if settings.points:
        return stream_points(settings, output)
    if settings.each:
        return print_each(settings, output)
    if output.format == "jsonl":
        raise GdcliError("usage", "--jsonl needs many points: --each or --points", "use --json for a single point")
    asked = [f"--{name}" for name in EXCLUSIVE if getattr(settings, name)]
    if output.format == "csv" and len(asked) > 1:
        message = f"--csv prints one table, and {' and '.join(asked)} were requested"
        raise GdcliError("usage", message, "keep one of them, or use --json")
    saves_tape = _saves_tape(output)
    taped = grad(replace(settings, explain=True)) if saves_tape else None
    if taped is not None and settings.explain:
        record = taped
    elif taped is not None:
        record = replace(taped, settings=replace(taped.settings, explain=False), tape=UNSET)
    else:
        record = grad(settings)
    report = functools.partial(grad_report, matrix_operations=MATRIX_OPERATIONS)
    show(record, output, table=report, csv=explained_csv, tape=lambda: taped or record)
    disagrees = not isinstance(record.check, UnsetType) and record.check.verdict == "disagree"
    return ExitCode.CHECK_FAILED if disagrees else ExitCode.OK


def _saves_tape(output: Output) -> bool:
    return any(target.kind == "tape" for target in targets(output.save, COMMAND.saves))


def code(settings: GradSettings) -> str:
    """The equivalent PyTorch script."""
    from gdcli.codegen.grad import grad_script

    return grad_script(settings)


COMMAND = Command(
    name="grad",
    settings=GradSettings,
    complete=complete,
    run=run,
    help="Show the value of an expression and its gradient, as autograd computes them.",
    examples=(
        "gdcli grad",
        'gdcli grad "log(x**2+y**2)" --x 15 --y 24',
        'gdcli grad "tan(1 + x**2)" --x 1 --digits 8',
        'gdcli grad "log(x**2 + y**2)" --x 15 --y 24 --save tape.svg',
        'gdcli grad "sum(relu(W @ x))" --W "rand(3, 4)" --x "arange(4)" --wrt W',
        'gdcli grad "x**3 - x" --x "linspace(-2, 2, 9)" --each',
        "printf 'x,y\\n15,24\\n3,4\\n' | gdcli grad --points -",
        'gdcli grad "x**2 * sin(y)" --x 1.5 --y 2 --symbolic --check',
        'gdcli grad "(1 - x)**2 + 100*(y - x**2)**2" --x 1 --y 1 --hessian',
    ),
    features=("numbers", "points", "table", "tape"),
    code=code,
)
