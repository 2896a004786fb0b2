"""``gdcli fit-linear``: the notebook's layer; with data from files, a regression."""

from __future__ import annotations

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.contract.descent import FitLinearSettings
from gdcli.contract.regression import RegressionSettings


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


def complete_with_data(settings: RegressionSettings) -> RegressionSettings:
    """Look at the data, fill in what is not said, and check the arguments."""
    from gdcli.complete.regression import complete_regression

    return complete_regression(settings)


def run_with_data(settings: RegressionSettings, output: Output) -> int:
    """Fit and print."""
    from gdcli.cli.regress import run_regression
    from gdcli.regression.fit import Fit

    return run_regression(Fit(settings), output)


def code_with_data(settings: RegressionSettings) -> str:
    """The equivalent PyTorch script."""
    from gdcli.codegen.regression import regression_script

    return regression_script(settings)


WITH_DATA = Command(
    name="fit-linear",
    settings=RegressionSettings,
    complete=complete_with_data,
    run=run_with_data,
    help="",
    examples=(),
    features=("iterations", "model", "numbers", "plot", "table", "surface", "picture", "animation", "page"),
    code=code_with_data,
)
COMMAND = Command(
    name="fit-linear",
    settings=FitLinearSettings,
    complete=complete,
    run=run,
    help="Fit a linear or logistic regression to data from files by gradient descent, and show the exact answer beside "
    "it. Without data, fit the matrix W of a layer activation(W @ x) to a target.",
    examples=(
        "gdcli fit-linear data.csv --target price",
        'gdcli fit-linear data.csv --target price --features area,rooms --feature "log(area)" --epochs 500',
        "gdcli fit-linear data.csv --target sold --loss logistic --batch-size 32 --validate 0.2",
        "gdcli fit-linear",
        "gdcli fit-linear --seed 3 --lr 0.03",
        "gdcli fit-linear --activation leaky_relu --steps 50",
        'gdcli fit-linear --W "zeros(2, 3)" --x 1,2,3 --target 4,5 --activation none --lr 0.02',
    ),
    features=("iterations", "numbers", "plot", "table", "surface", "picture", "animation", "page"),
    code=code,
    variables=("W", "x", "target"),
    with_data=WITH_DATA,
)
