"""``gdcli help``: the help of a command, and pages on topics."""

from __future__ import annotations

from typing import Annotated

import typer

from gdcli.errors import GdcliError
from gdcli.lang.suggest import closest

EXAMPLES = ("gdcli help", "gdcli help minimize", "gdcli help expressions")


def help(  # noqa: A001 -- the name of the command
    subject: Annotated[str | None, typer.Argument(metavar="SUBJECT", help="a command or a topic")] = None,
) -> None:
    """Show the help of a command, or a page on a topic."""
    from gdcli.cli.app import COMMANDS, group
    from gdcli.cli.topics import TOPICS

    name = (subject or "").lower()
    if name in TOPICS:
        _show(name)
    elif not name or name in COMMANDS:
        group()(args=[name, "--help"] if name else ["--help"], prog_name="gdcli", standalone_mode=False)
    else:
        near = closest(name, [*TOPICS, *COMMANDS])
        hint = f"did you mean '{near}'?" if near else f"the topics are {', '.join(TOPICS)}"
        raise GdcliError("usage", f"there is no command and no topic '{subject}'", hint)


def _show(topic: str) -> None:
    from gdcli.cli.output import Output
    from gdcli.cli.show import print_report
    from gdcli.cli.topics import TOPICS
    from gdcli.render.topic import page

    title, parts = TOPICS[topic]
    print_report([lambda width: page(title, parts(), width)], Output())
