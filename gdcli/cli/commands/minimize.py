"""``gdcli minimize``: gradient descent on an expression."""

from __future__ import annotations

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.contract.descent import MinimizeSettings


def complete(settings: MinimizeSettings) -> MinimizeSettings:
    """Fill in the notebook's example, and check the arguments."""
    from gdcli.complete.minimize import complete_minimize

    return complete_minimize(settings)


def run(settings: MinimizeSettings, output: Output) -> int:
    """Descend and print."""
    from gdcli.cli.descend import run_descent
    from gdcli.descent.minimize import minimize

    return run_descent(minimize(settings), output)


def code(settings: MinimizeSettings) -> str:
    """The equivalent PyTorch script."""
    from gdcli.codegen.descent import minimize_script

    return minimize_script(settings)


COMMAND = Command(
    name="minimize",
    settings=MinimizeSettings,
    complete=complete,
    run=run,
    help="Minimize an expression by gradient descent, and show loss, x and grad at each iteration.",
    examples=(
        "gdcli minimize",
        "gdcli minimize --lr 0.1 --steps 100 --json",
        'gdcli minimize "(1 - x)**2 + 100*(y - x**2)**2" --x -1.2 --y 1 --lr 1e-3 --steps 1000',
        "gdcli minimize --optimizer sgd --momentum 0.9 --walk --steps 5",
        "gdcli minimize --update rebind",
        "gdcli minimize --code",
        "gdcli minimize rosenbrock --lr 1e-3 --steps 1000 --plot",
        "gdcli minimize rosenbrock --lr 1e-3 --steps 1000 --save run.png --save run.html",
    ),
    features=("iterations", "numbers", "plot", "table", "surface", "picture", "animation", "page"),
    code=code,
)
