"""Which commands have an option: for the hints at an option that belongs to another command."""

from __future__ import annotations

import inspect

from gdcli.contract.fields import EXPRESSIONS
from gdcli.errors import GdcliError


def commands_with(option: str) -> list[str]:
    """The commands that have an option, in the order of the help. The modules of all commands are imported for it."""
    from gdcli.cli.app import COMMANDS

    return [name for name in COMMANDS if _has(name, option)]


def _has(name: str, option: str) -> bool:
    """Whether a command has an option; one without settings is built where a parameter has this name."""
    from gdcli.cli.app import load, module_of
    from gdcli.cli.parameters import has_flag

    module = module_of(name)
    if hasattr(module, "COMMAND"):
        return has_flag(module.COMMAND, option)
    if option.lstrip("-") not in inspect.signature(getattr(module, name)).parameters:
        return False
    return any(option in (*p.opts, *p.secondary_opts) for p in load(name).params)


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
