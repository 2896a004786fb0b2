"""Hints at errors of a magic: they speak of what is typed in a cell, and of what a name is in the notebook."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import FunctionType
from typing import Any

from gdcli.cli.app import COMMANDS
from gdcli.errors import GdcliError, MissingVariableError

_TAKE_FUNCTIONS = ("grad", "minimize", "compare", "plot")
_UNKNOWN = re.compile(r"unknown function '(\w+)'")
_PROGRAM = re.compile(r"gdcli (\w+) --file cell\.py")
_CELL = r"%%gdcli \1"


def is_value(name: str, value: Any) -> bool:
    """Whether a variable can have this value: a number, a tensor, an array, or lists of numbers."""
    from gdcli.data.given import array_given

    if isinstance(value, int | float):
        return True
    if isinstance(value, list | tuple):
        return all(is_value(name, each) for each in value)
    try:
        return array_given(name, value) is not None
    except GdcliError:
        return False


def hint_in_a_cell(error: GdcliError, words: Sequence[str], names: Mapping[str, Any]) -> str:
    """The hint at an error of a command line, whose variables have their values from ``names``."""
    if isinstance(error, MissingVariableError) and error.name in names:
        option = re.search(r"--(var )?\w+[ =]1$", error.hint)
        given = option[0] if option else f"--{error.name} 1"
        return f"{error.name} is {_kind(error.name, names[error.name])} in the notebook; give it a number: {given}"
    if (found := _UNKNOWN.fullmatch(error.message)) and callable(names.get(found[1])):
        return _as_a_call(found[1], words, names)
    if error.code == "save" and (file := _table_or_record(words)):
        return save_the_record(file)
    hint = error.hint
    if _PROGRAM.search(hint):
        return f"to run the loop as it is: %%gdcli watch; or {_PROGRAM.sub(_CELL, hint)}"
    for name in names:
        hint = re.sub(rf" --{re.escape(name)} 1\b", "", hint) if "gdcli " in hint else hint
    return re.sub(rf"(?<![%\w./])gdcli (?={'|'.join(COMMANDS)}\b)", "%gdcli ", hint)


def save_the_record(file: str) -> str:
    """The hint at what writes a file in a notebook."""
    return f'record = %gdcli ..., and then record.save("{file}")'


def _kind(name: str, value: Any) -> str:
    """What a value is that is no number: ``a str``, ``a list with a str``."""
    if value is None:
        return "None"
    if isinstance(value, list | tuple):
        other = next((each for each in value if not is_value(name, each)), None)
        return f"a {type(value).__name__} with {_kind(name, other)}"
    kind = (
        "function" if isinstance(value, FunctionType) else "class" if isinstance(value, type) else type(value).__name__
    )
    if str(getattr(value, "dtype", "")).startswith(("complex", "torch.complex")):
        kind = f"complex {kind}"
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


def _as_a_call(name: str, words: Sequence[str], names: Mapping[str, Any]) -> str:
    """The call that takes a function of the notebook in the place of an expression."""
    if words[0] not in _TAKE_FUNCTIONS:
        return f"{name} is a function of the notebook, which {words[0]} does not take"
    given = dict(pairwise(words))
    inside = re.search(rf"\b{name}\(([^()]*)\)", " ".join(words[1:]))
    variables = re.findall(r"[^\W\d]\w*", inside[1]) if inside else []
    values = {each: given.get(f"--{each}", each if each in names else "1") for each in dict.fromkeys(variables)}
    arguments = "".join(f", {each}={value}" for each, value in values.items())
    return f"a function of the notebook is given in Python: gdcli.{words[0]}({name}{arguments})"


def _table_or_record(words: Sequence[str]) -> str:
    """The name of the file of ``--save`` that holds the record or its table; an empty string for none."""
    files = [word for before, word in pairwise(words) if before == "--save"]
    files += [word.removeprefix("--save=") for word in words if word.startswith("--save=")]
    return next((file for file in files if file.lower().endswith((".json", ".csv"))), "")
