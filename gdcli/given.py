"""What is given in Python where the commands take text: functions, classes, and values of variables, as settings."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping
from typing import Any

from gdcli.contract.sources import GIVEN, Source
from gdcli.data.given import MOST_NUMBERS, array_given, in_settings, listed_array, sha256_of
from gdcli.errors import GdcliError
from gdcli.lang.given_function import given_function
from gdcli.rules.catalogue import RULES
from gdcli.rules.parameters import OWN_OPTIONS


def objective(
    command: str, expression: Any, given: Mapping[str, Any], variables: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The expression as settings take it, and the values of those parameters of a function that keep their defaults.

    ``given`` are the settings of the call, and ``variables`` the values.

    Raises:
        GdcliError: for what is no text and no function, and for a function that cannot be called.
    """
    if isinstance(expression, str):
        return expression, {}
    if not callable(expression):
        check_text(expression, command)
    wrt = given.get("wrt") or ()
    found = given_function(expression, variables, wrt.split(",") if isinstance(wrt, str) else wrt)
    return found, {name: value for name, value in found.defaults.items() if name not in variables}


def check_text(expression: Any, command: str) -> None:
    """Raise GdcliError for an expression that is no text, where a function has no place."""
    if not isinstance(expression, str):
        what = "a function" if callable(expression) else f"of type {type(expression).__name__}"
        message = f"an expression must be text, but this one is {what}"
        raise GdcliError("argument", message, f'for example: gdcli.{command}("x**2", x=3)')


def optimizer_in(words: Mapping[str, Any]) -> dict[str, Any]:
    """The settings ``optimizer`` and ``opt`` of a call where it gives classes; nothing where it gives names alone.

    A class of torch.optim is its rule here. ``functools.partial(Class, beta=0.9)`` gives parameters, and ``lr``.

    Raises:
        GdcliError: for a class that is no optimizer, and a call that is none of a class.
    """
    if "optimizer" not in words:
        return {}
    given = words["optimizer"]
    for each in given if isinstance(given, (list, tuple)) else [given]:
        _check_no_object(each)
    if isinstance(given, (list, tuple)):
        return _racers(given, words)
    if not callable(given):
        return {}
    made, parameters = _taken_apart(given)
    found: dict[str, Any] = {"optimizer": _named(made)}
    if "lr" in parameters:
        found["lr"] = words.get("lr", parameters.pop("lr"))
    own = {name: words.get(name, parameters.pop(name)) for name in OWN_OPTIONS if name in parameters}
    return found | own | ({"opt": {**parameters, **words.get("opt", {})}} if parameters else {})


def values_in(
    given: Mapping[str, Any],
    values: Mapping[str, Any] | None,
    variables: Mapping[str, Any],
    *,
    moving: Collection[str] | None,
) -> dict[str, Any]:
    """The settings ``values`` and ``sources``: of numbers that are too many for the first, the second has a hash.

    ``given`` are settings that may have both already, and ``moving`` the variables that may move; None for all.
    """
    moving = moving.split(",") if isinstance(moving, str) else moving
    found, sources = dict(given.get("values", {})), dict(given.get("sources") or {})
    for name, value in {**mapping_in("values", values), **variables}.items():
        sources.pop(name, None)
        array = array_given(name, value)
        if array is None or math.prod(array.shape) <= MOST_NUMBERS:
            listed = plain(value if array is None or hasattr(value, "tolist") else value.__array__())
        else:
            listed = None
        if array is None:
            _check_value(name, value, listed)
            array = listed_array(name, listed)
            found[name] = listed if array is None else None
        else:
            found[name] = in_settings(array, listed, moves=moving is None or name in moving)
        if array is not None and found[name] is None:
            found[name], sources[name] = GIVEN, Source.of(GIVEN, array, sha256_of(array))
    return {"values": found, **({"sources": sources} if sources or "sources" in given else {})}


def _check_value(name: str, value: Any, listed: Any) -> None:
    if isinstance(listed, int | float | str | list):
        return
    shown = "None" if value is None else f"of type {type(value).__name__}"
    is_it = "not" if value is None else "but it is"
    message = f"'{name}' must be a number, a list, text, a tensor or an array, {is_it} {shown}"
    raise GdcliError("argument", message, f"for example: {name}=3" if name.isidentifier() else "")


def mapping_in(name: str, given: Any) -> Mapping[str, Any]:
    """A mapping, or none: the second argument of most functions is easily taken for the value of a variable."""
    if given is None or isinstance(given, Mapping):
        return given or {}
    example = "x=3, or values={'x': 3}" if name == "values" else "steps=10, or settings={'steps': 10}"
    message = f"'{name}' must be a mapping, but it is of type {type(given).__name__}"
    raise GdcliError("argument", message, f"for example: {example}")


def plain(value: Any) -> Any:
    """A value in the types of JSON; a tensor or an array becomes a number or nested lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, type):  # torch.optim.Adam
        return value.__name__
    if type(value).__module__ == "torch":  # torch.float64, a device
        return str(value)
    if isinstance(value, (list, tuple)) and any(isinstance(each, type) for each in value):
        return [plain(each) for each in value]
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):  # {50: 0.5}: iterations may be numbers here
        return {str(name): each for name, each in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _check_no_object(given: Any) -> None:
    """Raise GdcliError for an optimizer that was made already, with variables of its own."""
    if hasattr(given, "param_groups") and not isinstance(given, type):
        name = type(given).__name__
        path = f"torch.optim.{name}" if type(given).__module__.startswith("torch.optim.") else name
        message = f"an optimizer must be a name or a class, but this one is an object of {name}"
        hint = f"give the class, which is called with the variables: optimizer={path}"
        raise GdcliError("optimizer", message, hint)


def _racers(given: Any, words: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a comparison, whose parameters are by rule."""
    names: list[Any] = []
    opt: dict[str, Any] = {}
    for each in given:
        made, parameters = _taken_apart(each) if callable(each) else (each, {})
        name = _named(made)
        names.append(name)
        opt |= {f"{name}.{key}": value for key, value in parameters.items()}
    return {"optimizer": names, **({"opt": {**opt, **words.get("opt", {})}} if opt else {})}


def _taken_apart(given: Any) -> tuple[Any, dict[str, Any]]:
    """A class, and the parameters that a partial call of it gives."""
    if not isinstance(given, functools.partial):
        return given, {}
    if given.args:
        message = "a partial call of an optimizer gives its parameters by name, and this one has others"
        raise GdcliError("optimizer", message, "for example: functools.partial(MyOptimizer, beta=0.9)")
    return given.func, {name: list(v) if isinstance(v, tuple) else v for name, v in given.keywords.items()}


def _named(made: Any) -> Any:
    """The name of a class: that of the catalogue, or one that has the class."""
    if not isinstance(made, type):
        if callable(made):
            message = f"an optimizer must be a name or a class, but this one is of type {type(made).__name__}"
            raise GdcliError("optimizer", message, "for example: functools.partial(MyOptimizer, beta=0.9)")
        return made
    path = f"torch.optim.{made.__name__}"
    known = [row.name for row in RULES.values() if row.path == path and not row.fixed]
    if known and made.__module__.startswith("torch.optim."):
        return known[0]
    from gdcli.rules.own import OwnRule

    return OwnRule.of(made)
