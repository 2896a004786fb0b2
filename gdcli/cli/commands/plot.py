"""``gdcli plot``: a picture of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.cli.show import show
from gdcli.contract.plot import PlotSettings
from gdcli.errors import ExitCode

if TYPE_CHECKING:
    from gdcli.contract.plot import PlotResult


def complete(settings: PlotSettings) -> PlotSettings:
    """Fill in the example and the windows, and check the arguments."""
    from gdcli.complete.plot import complete_plot

    return complete_plot(settings)


def run(settings: PlotSettings, output: Output) -> int:
    """Evaluate and draw."""
    from gdcli.landscape.function import plot
    from gdcli.render.figure_csv import plot_csv

    record = plot(settings)
    show(
        record, output, table=_picture, csv=plot_csv, figure=lambda: record.figure, page=lambda: (record.figure, record)
    )
    return ExitCode.OK


def _picture(record: PlotResult, _digits: int, _width: int) -> Any:
    from gdcli.render.terminal.picture import Picture

    return Picture(record.figure)


COMMAND = Command(
    name="plot",
    settings=PlotSettings,
    complete=complete,
    run=run,
    help="Draw a function of one or two variables: a variable takes a window (--x -2:2) or a value (--a 3).",
    examples=(
        "gdcli plot",
        "gdcli plot rastrigin --x -2:2",
        'gdcli plot "sin(x)/x" --x -10:10 --field',
        'gdcli plot "x**2 - y**2" --x -2:2 --y -1:3 --field',
        'gdcli plot "a*sin(x + p)" --x -pi:pi --a 2 --p 1',
        "gdcli plot rosenbrock --surface --save surface.png",
        'gdcli plot "x[0]**2 + x[0]*x[1] + x[2]**2" --x "-2:2, -2:2, 1"',
    ),
    features=("surface", "picture", "page"),
)
