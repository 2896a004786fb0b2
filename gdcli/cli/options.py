"""Which commands have an option: for the hints at an option that belongs to another command."""

from __future__ import annotations

from gdcli.contract.fields import EXPRESSIONS
from gdcli.errors import GdcliError


def commands_with(option: str) -> list[str]:
    """The commands that have an option, in the order of the help. All commands are loaded for it."""
    from gdcli.cli.app import COMMANDS, load

    return [name for name in COMMANDS if any(option in (*p.opts, *p.secondary_opts) for p in load(name).params)]


def commands_with_setting(name: str) -> list[str]:
    """The commands that have a setting: an option, or their expressions."""
    from gdcli.cli.app import COMMANDS, load

    if name in EXPRESSIONS:
        return [each for each in COMMANDS if any(name == param.name for param in load(each).params)]
    return commands_with("--" + name.replace("_", "-"))


def belongs_to_others(option: str, command: str) -> GdcliError | None:
    """The error for an option that only other commands have; None when no command has it."""
    others = commands_with(option)
    if not others:
        return None
    *most, last = others
    listed = f"{', '.join(most)} and {last}" if most else last
    return GdcliError("unknown-option", f"{command} has no option '{option}'", f"it is an option of {listed}")
