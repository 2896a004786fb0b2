"""Somebody's own class of optimizers as a rule: ``package.module:Class``, or a class that was given in Python.

What is not known of it is not said: it has no formula, and nothing rests on how its steps behave. Its module is
imported where its row is first needed, which imports torch.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import math
import os
import re
import sys
from collections.abc import Iterator
from inspect import Parameter
from typing import Any

from msgspec import UNSET

import gdcli
from gdcli.errors import GdcliError, OutsideError
from gdcli.lang.suggest import did_you_mean
from gdcli.rules.row import RuleRow
from gdcli.torch_import import import_torch

_NO_PARAMETERS = frozenset(["foreach", "fused", "capturable", "differentiable"])
"""What chooses an implementation of PyTorch's and no rule."""
_MANY = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
_FEW = 6  # classes in a hint


class OwnRow(RuleRow, frozen=True, kw_only=True):
    """The row of an own class, ``made``. A parameter whose default cannot be written is UNSET.

    ``speaks`` says that what it prints goes to standard output: it was given in Python.
    """

    made: Any
    speaks: bool = False

    @property
    def path(self) -> str:
        """Its class as a script writes it."""
        return self.name.replace(":", ".")


class OwnRule(str):
    """The name of a class that was given in Python, with its ``row``."""

    row: OwnRow

    @classmethod
    def of(cls, made: type) -> OwnRule:
        """The name of a class.

        Raises:
            GdcliError: for a class that is no optimizer.
        """
        name = cls(f"{made.__module__}:{made.__qualname__}")
        name.row = _row(str(name), made, speaks=True)
        return name


def row_of(name: str) -> OwnRow:
    """The row of the class that a name stands for.

    Raises:
        GdcliError: for a module or a class that is not there, and a class that is no optimizer.
        OutsideError: for a module that raises an error when it is imported.
    """
    return name.row if isinstance(name, OwnRule) else _row_of_text(name)


@functools.cache
def _row_of_text(name: str) -> OwnRow:
    module, _, path = name.partition(":")
    import_torch()
    with quiet(), _current_directory():
        try:
            found: Any = importlib.import_module(module)
        except (Exception, SystemExit) as error:
            raise _not_imported(module, path, error) from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise _no_class(module, path, found)
        found = getattr(found, part)
    return _row(name, found)


@contextlib.contextmanager
def _current_directory() -> Iterator[None]:
    """Modules are found in the current directory first, as ``python -m`` finds them."""
    here = os.getcwd()  # noqa: PTH109 -- the form of sys.path
    sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the module may have changed it
            sys.path.remove(here)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the code of a module prints goes to standard error: standard output has the record alone."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if sys.stderr is not None:
            sys.stderr.flush()


def _not_imported(module: str, path: str, error: BaseException) -> GdcliError:
    if re.search(r"[/\\]|^\.|\.py$", module):
        *folders, name = re.split(r"[/\\]+", module.removesuffix(".py"))
        is_below = ".." not in folders and module[:1] not in ("/", "\\")
        dotted = ".".join([*(each for each in folders if is_below and each != "."), name.strip(".")])
        where = "" if is_below else ", in the folder of the module"
        hint = f"--optimizer {dotted}:{path}{where}"
        return GdcliError("optimizer", "a module is written with dots, without .py", hint)
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
        hint = "it is looked for in the current directory, and among the installed packages"
        return GdcliError("optimizer", f"there is no module '{error.name}'", hint)
    message = f"the module {module} cannot be imported: {described(error)}"
    return OutsideError("optimizer", message, place_of(error))


def _no_class(module: str, path: str, found: Any) -> GdcliError:
    names = [name for name, each in vars(found).items() if _is_optimizer(each)]
    hint = did_you_mean(path, names)
    if not hint and names:
        hint = f"its optimizers are {', '.join(names[:_FEW])}{', ...' if len(names) > _FEW else ''}"
    return GdcliError("optimizer", f"the module {module} has no class '{path}'", hint)


def _is_optimizer(made: Any) -> bool:
    from torch.optim import Optimizer

    return isinstance(made, type) and issubclass(made, Optimizer) and made is not Optimizer


def _row(name: str, made: Any, *, speaks: bool = False) -> OwnRow:
    if not _is_optimizer(made):
        hint = "a rule of your own is a class with torch.optim.Optimizer as its base, and a step()"
        if made is sys.modules["torch"].optim.Optimizer:
            raise GdcliError("optimizer", f"{name} is the base class itself", hint)
        what = "a class, but not a subclass" if isinstance(made, type) else f"a {type(made).__name__}, not a subclass"
        raise GdcliError("optimizer", f"{name} is {what} of torch.optim.Optimizer", hint)
    try:
        _, *rest = inspect.signature(made).parameters.values()
        closure = inspect.signature(made.step).parameters.get("closure")
    except (TypeError, ValueError):
        message = f"Python does not know the parameters of {name}"
        raise GdcliError("optimizer", message, "write its __init__ in Python") from None
    known = {each.name: each.default for each in rest if each.kind not in _MANY}
    lr = known.pop("lr", UNSET)
    takes_others = any(each.kind is Parameter.VAR_KEYWORD for each in rest)
    is_number = isinstance(lr, (int, float)) and not isinstance(lr, bool) and math.isfinite(lr)
    return OwnRow(
        name=name,
        made_by=name,
        made=made,
        parameters={key: _written(value) for key, value in known.items() if key not in _NO_PARAMETERS},
        lr=float(lr) if is_number else math.nan,
        needs_lr=lr is Parameter.empty,
        takes_lr=lr is not UNSET or takes_others,
        takes_others=takes_others,
        is_own=True,
        speaks=speaks,
        formula="",
        source="",
        method=f"steps of {name}",
        elementwise=False,
        evaluates=closure is not None and closure.default is Parameter.empty,
    )


def _written(default: Any) -> Any:
    """A default as settings can have it; UNSET for one that they cannot."""
    if isinstance(default, (list, tuple)):
        return tuple(default) if all(each is None or _is_finite(each) for each in default) else UNSET
    return default if default is None or isinstance(default, (bool, str)) or _is_finite(default) else UNSET


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def described(error: BaseException) -> str:
    """The kind of an error, and the first line of its text where it has one."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def place_of(error: BaseException) -> str:
    """The innermost line of somebody's code that raised an error, as a hint; empty where there is none."""
    found, step = "", error.__traceback__
    others = tuple(os.path.dirname(module.__file__ or "-") + os.sep for module in (gdcli, sys.modules["torch"]))  # noqa: PTH120
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if not path.startswith(("<frozen", *others)) and not _is_standard(path):
            found = f"it was raised in line {step.tb_lineno} of {os.path.basename(path)}"  # noqa: PTH119
        step = step.tb_next
    return found


def _is_standard(path: str) -> bool:
    """Whether a file belongs to the standard library, whose folder may have that of the installed packages in it."""
    library = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
    return path.startswith(library) and not path.startswith((library + "site-packages", library + "dist-packages"))
