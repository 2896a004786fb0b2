"""The app: every command, in the order of the help."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gdcli.cli import command, fit_linear, functions, grad, minimize, ops, optimizers, problems, schema
from gdcli.version import __version__

_EPILOG = "gdcli COMMAND --help shows the options and examples of a command."

app = typer.Typer(
    name="gdcli",
    cls=command.AppGroup,
    help="Gradient descent under a microscope: PyTorch expressions, their gradients, and descents, digit for digit.",
    epilog=_EPILOG,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gdcli {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 -- its callback answers
        bool, typer.Option("--version", help="show the version", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


_COMMANDS: tuple[command.Command[Any], ...] = (ops.COMMAND, grad.COMMAND, minimize.COMMAND, fit_linear.COMMAND)
for _command in _COMMANDS:
    command.add(app, _command)
functions.add(app)
optimizers.add(app)
problems.add(app)
schema.add(app)
