"""``gdcli schema``: the JSON Schema of the records."""

from __future__ import annotations

from typing import Annotated

import typer

from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean

EXAMPLES = ("gdcli schema", "gdcli schema minimize")


def schema(
    command: Annotated[str | None, typer.Argument(metavar="COMMAND", help="command whose records to describe")] = None,
) -> None:
    """Print the JSON Schema of the JSON output of a command, or of all commands."""
    import msgspec

    from gdcli.cli.output import Output
    from gdcli.contract.records import RECORDS
    from gdcli.render import documents

    if command is not None and command not in RECORDS:
        hint = did_you_mean(command, RECORDS) or f"the commands are {', '.join(RECORDS)}"
        raise GdcliError("usage", f"there is no command '{command}' with a record", hint)
    with Output().open() as file:
        file.write(msgspec.json.format(msgspec.json.encode(documents.schema(command)), indent=2) + b"\n")
