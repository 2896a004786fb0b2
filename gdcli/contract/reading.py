"""Reading settings from the arguments of a command line, a config, or a Python call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean

S = TypeVar("S", bound=msgspec.Struct)


def read(settings: type[S], given: Mapping[str, Any], *, naming: str = "{}", text: bool = False) -> S:
    """Settings from unchecked values.

    ``naming`` is how an error names a key (``--{}`` on a command line), and ``text`` says that the values are strings
    from a command line, to be converted to the types of the fields.

    Raises:
        GdcliError: for an unknown key or a value of the wrong type or out of bounds.
    """
    fields = {field.name: field for field in msgspec.structs.fields(settings)}
    checked: dict[str, Any] = {}
    for key, value in given.items():
        if key not in fields:
            hint = did_you_mean(key, fields) or f"the keys are {', '.join(fields)}"
            raise GdcliError("unknown-setting", f"unknown setting '{key}'", hint)
        checked[key] = _checked(
            naming.format(key.replace("_", "-") if text else key), value, fields[key].type, text=text
        )
    return settings(**checked)


def _checked(name: str, value: Any, kind: Any, *, text: bool) -> Any:
    try:
        converted = msgspec.convert(value, kind, strict=not text)
    except msgspec.ValidationError:
        wrong = True
    else:
        wrong = isinstance(converted, float) and not math.isfinite(converted)
    if wrong:
        shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        raise GdcliError(
            "setting", f"{name} must be {describe(kind)}, not '{shown}'", did_you_mean(shown, _choices(kind))
        )
    return converted


def _choices(kind: Any) -> tuple[str, ...]:
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_args(plain) if get_origin(plain) is Literal else ()


def describe(kind: Any) -> str:
    """What a field takes, in words: "a number of at least 0"."""
    plain, meta = get_args(kind)[0], get_args(kind)[1]
    if meta.extra and meta.extra.get("words"):
        return str(meta.extra["words"])
    if choices := _choices(kind):
        return "one of " + ", ".join(choices)
    if type(None) in get_args(plain):  # an optional setting is described as the type it has when it is given
        plain = next(part for part in get_args(plain) if part is not type(None))
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
    if plain in words:
        bounds = f" of at least {meta.ge}" if meta.ge is not None else ""
        if meta.le is not None and meta.le < 10**9:
            bounds = f" from {meta.ge} to {meta.le}"
        return words[plain] + bounds
    if get_origin(plain) is dict:
        return "a table of names and values"
    return "a list of strings"


def plain(text: str) -> Any:
    """A word as a parameter of a rule: a number, true, false, none, a list of these (``0.9,0.95``), or text."""
    if "," in text:
        return [plain(part.strip()) for part in text.split(",")]
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            continue
    return text
