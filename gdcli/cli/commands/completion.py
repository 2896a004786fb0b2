"""``gdcli completion``: the script that completes command lines in a shell."""

from __future__ import annotations

from typing import Annotated

import typer

from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean

EXAMPLES = ("gdcli completion bash", "gdcli completion zsh", "gdcli completion fish", "gdcli completion powershell")


def completion(
    shell: Annotated[str | None, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell")] = None,
) -> None:
    """Print the script that completes commands, options and values in a shell, when the Tab key is pressed."""
    from importlib.resources import files

    from gdcli.cli.output import Output
    from gdcli.cli.shell.answer import SCRIPTS

    name = {"pwsh": "powershell"}.get(shell or "", shell or "")
    if name not in SCRIPTS:
        message = f"there is no completion for '{shell}'" if shell else "completion needs the name of a shell"
        hint = did_you_mean(name, SCRIPTS) if shell else ""
        raise GdcliError("usage", message, hint or f"the shells are {', '.join(SCRIPTS)}")
    with Output().open() as file:
        file.write((files("gdcli.cli.shell") / SCRIPTS[name]).read_bytes())
