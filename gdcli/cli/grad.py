"""``gdcli grad``: a value and its gradient."""

from __future__ import annotations

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.cli.show import show
from gdcli.errors import ExitCode, GdcliError
from gdcli.settings import GradSettings


def complete(settings: GradSettings) -> GradSettings:
    """Fill in the notebook's example, and check the words."""
    from gdcli.cli.points import check
    from gdcli.defaults import complete_grad

    settings = complete_grad(settings)
    check(settings)
    return settings


def run(settings: GradSettings, output: Output) -> int:
    """Differentiate and print."""
    from gdcli.cli.points import print_each, stream_points
    from gdcli.gradient import grad
    from gdcli.render.documents import grad_csv
    from gdcli.render.gradient import grad_report

    if settings.points:
        return stream_points(settings, output)
    if settings.each:
        return print_each(settings, output)
    if output.format == "jsonl":
        raise GdcliError("usage", "--jsonl is for many points: --each or --points", "--json prints the one record")
    show(grad(settings), output, table=grad_report, csv=grad_csv)
    return ExitCode.OK


def code(settings: GradSettings) -> str:
    """The PyTorch script of the same derivative."""
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
        'gdcli grad "sum(relu(W @ x))" --W "rand(3, 4)" --x "arange(4)" --wrt W',
    ),
    many_points=True,
    code=code,
)
