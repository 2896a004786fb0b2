"""``gdcli fit-linear``: the notebook's layer."""

from __future__ import annotations

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.contract.descent import FitLinearSettings


def complete(settings: FitLinearSettings) -> FitLinearSettings:
    """Fill in the notebook's example, and check the arguments."""
    from gdcli.complete.fit_linear import complete_fit_linear

    return complete_fit_linear(settings)


def run(settings: FitLinearSettings, output: Output) -> int:
    """Fit and print."""
    from gdcli.cli.descend import run_descent
    from gdcli.linear.model import fit_linear

    return run_descent(fit_linear(settings), output)


def code(settings: FitLinearSettings) -> str:
    """The equivalent PyTorch script."""
    from gdcli.codegen.descent import fit_linear_script

    return fit_linear_script(settings)


COMMAND = Command(
    name="fit-linear",
    settings=FitLinearSettings,
    complete=complete,
    run=run,
    help="Fit the matrix W of a layer activation(W @ x) to a target, by gradient descent on the squared error.",
    examples=(
        "gdcli fit-linear",
        "gdcli fit-linear --seed 3 --lr 0.03",
        "gdcli fit-linear --activation leaky_relu --steps 50",
        'gdcli fit-linear --W "zeros(2, 3)" --x 1,2,3 --target 4,5 --activation none --lr 0.02',
    ),
    features=("iterations", "numbers", "plot", "table", "surface", "picture", "animation", "page"),
    code=code,
    variables=("W", "x", "target"),
)
