"""``gdcli fit-linear``: the notebook's layer; with data from files, a regression."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.contract.descent import FitLinearSettings
from gdcli.contract.regression import RegressionSettings
from gdcli.errors import ExitCode, GdcliError

if TYPE_CHECKING:
    from gdcli.cli.workers import Workers
    from gdcli.regression.together import Together


def complete(settings: FitLinearSettings) -> FitLinearSettings:
    """Fill in the notebook's example, and check the arguments."""
    from gdcli.complete.fit_linear import complete_fit_linear

    return complete_fit_linear(settings)


@contextlib.contextmanager
def around(output: Output) -> Iterator[Output]:
    """Where a launcher has started several processes, they make one fit."""
    from gdcli.cli.ranks import ranks_of

    if ranks_of(os.environ) is None:
        yield output
        return
    from gdcli.cli.workers import together

    with together(output) as joined:
        yield joined


def run(settings: FitLinearSettings, output: Output) -> int:
    """Fit and print; of several processes the first does so, since there are no data to share."""
    if output.meeting is not None and output.meeting.rank > 0:
        return ExitCode.OK
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
    """Fit and print; of several processes, the first prints."""
    from gdcli.cli.regress import run_regression, run_share
    from gdcli.regression.fit import Fit

    workers = output.meeting
    fit = Fit(settings, None if workers is None else _together(settings, workers))
    if output.checkpoint is not None:
        fit.keep_in(output.checkpoint, resume=output.resume)
    return run_regression(fit, output) if workers is None or workers.rank == 0 else run_share(fit, output)


def _together(settings: RegressionSettings, workers: Workers) -> Together:
    """The processes of a fit, once they have met."""
    from gdcli.complete.regression import as_descent, data_of
    from gdcli.regression.together import Together
    from gdcli.tensors import on_device

    if settings.optimizer == "newton":
        message = "newton takes second derivatives of all rows, and each of the processes has a share of them"
        raise GdcliError("optimizer", message, "use --optimizer lbfgs, or run one process")
    device = on_device(as_descent(settings)).device
    together = Together.of(workers.store, workers.rank, workers.size, device, workers.lost)
    seen = together.gather(data_of(settings).sha256)
    if other := next((rank for rank, sha256 in enumerate(seen) if sha256 != seen[0]), None):
        message = f"rank {other} sees other data than rank 0"
        raise GdcliError("data", message, "put the files where all processes see the same")
    return together


def given_with_data(settings: RegressionSettings, output: Output) -> RegressionSettings:
    """The settings of the command line, whose options about checkpoints go together."""
    if output.resume and output.checkpoint is None:
        message = "--resume goes on from a checkpoint, and no folder of checkpoints is named"
        raise GdcliError("usage", message, "add --checkpoint DIR")
    if output.checkpoint is not None and output.format == "code":
        message = "--code runs nothing, so there is nothing to keep"
        raise GdcliError("usage", message, "leave out --checkpoint or --code")
    if output.checkpoint is not None and output.live:
        message = "--live can end a run early, or go on with other settings, and a checkpoint is of one run"
        raise GdcliError("usage", message, "leave out --live or --checkpoint")
    return settings


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
    given=given_with_data,
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
    around=around,
    with_data=WITH_DATA,
)
