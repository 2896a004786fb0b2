"""Reading ``--config FILE``: TOML or JSON, with the keys of ``settings``."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Collection
from pathlib import Path
from shlex import quote
from typing import Any

import msgspec

from gdcli.cli.config_syntax import check_keys_once, syntax_error
from gdcli.cli.output import FORMATS, Output
from gdcli.contract.fields import EXPRESSIONS
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean, setting_meant, setting_of_others
from gdcli.unreadable import unreadable

_MOST_BYTES = 64_000_000


def read_config(path: str, command: str, settings: Collection[str]) -> dict[str, Any]:
    """The settings of a command in a file. A whole record of a run counts as its ``settings``; ``-`` is standard input.

    ``settings`` are the keys that the command has.

    Raises:
        OutsideError: when the file cannot be read.
        GdcliError: when it is not TOML or JSON, gives a key twice, contains no table, is the record of another command,
            or has other keys.
    """
    try:
        content = _read(path)
    except OSError as error:
        raise unreadable("config", f"the config {path}", path, error, (".toml", ".json", ".jsonl")) from error
    content = content.removeprefix(codecs.BOM_UTF8)  # Windows writes one
    toml = path.lower().endswith(".toml")
    try:
        config = _toml(content.decode()) if toml else msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        wrong = syntax_error(path, content, error, toml=toml)
        if b'"record":"settings"' in content.partition(b"\n")[0]:
            wrong.hint = f"the first line has the settings: head -n 1 {quote(path)} | gdcli {command} --config -"
            wrong.source = ""
        raise wrong from error
    if not toml:
        check_keys_once(path, content.decode())
    if isinstance(config, dict) and "gdcli" in config:
        config = _settings_of_record(path, config, command)
    if isinstance(config, dict) and isinstance(config.get("command"), str):
        _check_command(path, config.pop("command"), command)
    if not isinstance(config, dict):
        example = "lr = 0.1" if toml else '{"lr": 0.1}'
        raise GdcliError("config", f"the config {path} contains no table of settings", f"for example: {example}")
    for key in [key for key in config if key not in settings]:
        hint = _meant(key, config, command, settings, toml=toml)
        raise GdcliError("unknown-setting", f"unknown setting '{key}'", hint)
    values = config.get("values")
    if isinstance(values, dict) and "expression" in values and "expression" in settings and "expression" not in config:
        message = f"'expression' in {path} stands in the table of the values, so it would be a variable"
        raise GdcliError("setting", message, f"put it {'above [values]' if toml else 'outside of values'}")
    if path != "-" and isinstance(values, dict):
        from gdcli.data.reference import is_reference, relative_to

        folder = str(Path(path).parent)
        config["values"] = {n: relative_to(folder, v) if is_reference(v) else v for n, v in values.items()}
    if path != "-" and "data" in config:
        config["data"] = _from(Path(path).parent, config["data"])
    if "lrs" in settings and isinstance(config.get("lr"), dict):
        message = f"'lr' in {path} must be a number of at least 0, or auto, not a table"
        raise GdcliError("setting", message, f"the table of the rates of variables is {'[lrs]' if toml else 'lrs'}")
    return config


def _from(folder: Path, files: Any) -> Any:
    """Files of data that stand in a config of this folder, as they are meant from the present one."""
    if isinstance(files, str):
        return _from(folder, [files])
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        return files
    return [file if file == "-" or file.startswith("~") else str(folder / file) for file in files]


def _read(path: str) -> bytes:
    """The bytes of a file, of which a device may have no end.

    Raises:
        GdcliError: for a config that is too long.
    """
    if path == "-":
        content = sys.stdin.buffer.read(_MOST_BYTES + 1)
    else:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise GdcliError("config", f"the config {path} is longer than {_MOST_BYTES // 1_000_000} MB")
    return content


def _settings_of_record(path: str, record: dict[str, Any], command: str) -> Any:
    """The settings in the record of a run, which must be one of this command."""
    if "settings" not in record:
        hint = f"the record of a run has settings: gdcli {command} --json"
        raise GdcliError("config", f"the config {path} is a record without settings", hint)
    if (other := record.get("command", command)) != command:
        message = f"the config {path} is the record of {other}, not of {command}"
        raise GdcliError("config", message, f"gdcli {other} --config {quote(path)} runs it again")
    return record["settings"]


def _check_command(path: str, named: str, command: str) -> None:
    """Raise GdcliError when a config names another command."""
    from gdcli.cli.app import COMMANDS

    if named == command:
        return
    if named in COMMANDS:
        message = f"the config {path} is for {named}, not for {command}"
        raise GdcliError("config", message, f"gdcli {named} --config {quote(path)} runs it")
    hint = did_you_mean(named, COMMANDS) or "--help shows the commands"
    raise GdcliError("config", f"the config {path} names the command '{named}', which there is not", hint)


def _misplaced(key: str, value: Any, command: str, settings: Collection[str]) -> str:
    """The hint for a key that is known, but not here or not in this form; empty for another."""
    from gdcli.cli.app import COMMANDS
    from gdcli.cli.options import commands_with

    if key in COMMANDS and isinstance(value, dict):
        return f"the settings of {key} stand at the top level, not in a table '{key}'"
    if key == "settings" and isinstance(value, dict):
        return "its keys stand at the top level, without a table 'settings'"
    if (name := key.replace("-", "_")) in settings:
        return f"did you mean '{name}'?"
    if key == "config":
        return "leave it out: a config does not name another"
    option = "--" + key.replace("_", "-")
    if (key in FORMATS or key in Output.__struct_fields__) and command in commands_with(option):
        return f"use the option {option}, which is not for a config"
    if name in EXPRESSIONS and (found := next((each for each in EXPRESSIONS if each in settings), "")):
        return f"did you mean '{found}'?"
    return ""


def _meant(key: str, config: dict[str, Any], command: str, settings: Collection[str], *, toml: bool) -> str:
    """The hint for a key that is no setting of the command."""
    from gdcli.cli.options import commands_with_setting

    name = key.replace("-", "_")
    if hint := _misplaced(key, config[key], command, settings):
        return hint
    if setting_of_others(name) not in settings and (others := commands_with_setting(name)):
        return f"it is a setting of {', '.join(others)}"
    value = config[key]
    shown = msgspec.json.encode(value).decode()

    def table(variable: str) -> str:
        return f"[values], with {variable} = {shown} below it" if toml else f'"values": {{"{variable}": {shown}}}'

    text = str(config.get("expression", config.get("expressions", "")))
    if re.search(rf"\b{re.escape(key)}\b", text):
        return f"the values of variables stand in a table: {table(key)}"
    if meant := setting_meant(name, settings):
        if meant == "values" and not isinstance(value, dict):
            return f"the values of variables stand in a table: {table('x')}"
        return f"did you mean '{meant}'?"
    if (elsewhere := setting_of_others(name)) and (others := commands_with_setting(elsewhere)):
        return f"'{elsewhere}' is a setting of {', '.join(others)}"
    if key.isidentifier() and "values" in settings:
        return f"if '{key}' is a variable, its value stands in a table: {table(key)}"
    return f"gdcli {command} --help lists the settings"


def _toml(text: str) -> dict[str, Any]:
    import tomllib  # costs as much to import as all of gdcli's command line

    return tomllib.loads(text)
