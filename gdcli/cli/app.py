"""The app: all commands, in the order of the help. The module of a command is imported when the command is used."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gdcli.cli.style import styled
from gdcli.cli.topics import TOPICS
from gdcli.version import TESTED_TORCH, __version__

COMMANDS = {
    "ops": "Evaluate expressions, one per row.",
    "grad": "Show a value and its gradient, and explain them.",
    "minimize": "Minimize an expression by gradient descent.",
    "fit-linear": "Fit a regression to data, or a layer to a target.",
    "predict": "Predict from rows of data with a saved model.",
    "compare": "Compare optimizers on one problem.",
    "sweep": "Run many descents along one or two axes.",
    "watch": "Run a script, and show what its training loop did.",
    "plot": "Draw a function of one or two variables.",
    "functions": "List the functions of the expression language.",
    "optimizers": "List the update rules and learning rate schedules.",
    "problems": "List the published test problems.",
    "schema": "Print the JSON Schema of the records.",
    "completion": "Print a script that completes command lines in a shell.",
    "help": "Show the help of a command, or a page on a topic.",
}
_EPILOG = "gdcli COMMAND --help shows the options and examples of a command, and gdcli help TOPIC a page on a topic."


def module_of(name: str) -> Any:
    """The module of a command, imported."""
    return importlib.import_module(f"gdcli.cli.commands.{name.replace('-', '_')}")


@functools.cache
def load(name: str) -> Any:
    """The Typer command of this name."""
    from gdcli.cli import command

    module = module_of(name)
    alone = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    if hasattr(module, "COMMAND"):
        command.add(alone, module.COMMAND)
    else:
        command.add_function(alone, getattr(module, name), module.EXAMPLES)
    loaded = typer.main.get_command(alone)
    loaded.context_settings = {"help_option_names": ["--help", "-h"]}
    return loaded


class _Commands(dict[str, Any]):
    """The commands by name, each loaded when it is asked for."""

    def __missing__(self, name: str) -> Any:
        self[name] = load(name)
        return self[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The command, or ``default`` when there is none of this name."""
        return self[name] if name in COMMANDS else default

    def keys(self) -> Any:
        """The names, in the order of the help."""
        return COMMANDS.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)


class AppGroup(TyperGroup):
    """The group of all commands; its help loads none of them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments before the command."""
        from gdcli.cli.words import leave_as_typed

        leave_as_typed(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """The names, in the order of the help."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write a line for each command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        with formatter.section("Topics"):
            formatter.write_dl([(name, f"{title}.") for name, (title, _) in TOPICS.items()])

    def get_help(self, ctx: Any) -> str:
        """The help, with styles on a terminal."""
        return styled(super().get_help(ctx), ctx)


app = typer.Typer(
    name="gdcli",
    cls=AppGroup,
    help="Gradient descent in the terminal: PyTorch expressions, their gradients, and descents, digit for digit.",
    epilog=_EPILOG,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(asked: bool) -> None:
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        torch = f"torch {version('torch')}"  # from the files of the package: it is not imported
    except PackageNotFoundError:
        torch = "torch is not installed"
    typer.echo(f"gdcli {__version__}\n{torch} (digits tested with {TESTED_TORCH})")
    raise typer.Exit


@functools.cache
def group() -> Any:
    """The Typer group of all commands."""
    return typer.main.get_command(app)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 -- its callback answers
        bool, typer.Option("--version", help="show the version", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), color=ctx.color)
