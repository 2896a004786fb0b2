"""One of several choices, also as PyTorch spells it: ``torch.optim.Adam``, ``ReLU``, ``StepLR``, ``torch.float64``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder

from gdcli.errors import GdcliError
from gdcli.lang.suggest import FOREIGN_FUNCTIONS, closest, typographic
from gdcli.rules.catalogue import RULES, SCHEDULES, is_own

_MODULE = re.compile(r"(torch|optim|lr_scheduler|nn|functional|F)\.")
_OTHER_NAMES = {
    "double": "float64",
    "half": "float16",
    "identity": "none",  # torch.nn.Identity is no activation
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "fp16": "float16",
    "fp32": "float32",
    "fp64": "float64",
    "bf16": "bfloat16",
}
_MODULE_NAMES = {"float": "float32"}  # only as torch.float: Python's float has 64 bits
_HINTS = {
    "gpu": "did you mean 'cuda'?",
    "numba": "did you mean 'fast'?",
    "float": "torch.float is float32, and torch.double is float64",
}


def choice_of(word: str, choices: Sequence[str]) -> str | None:
    """The choice that a word names, or None: case, ``-``, ``_`` and PyTorch's modules make no difference."""
    if word in choices:
        return word
    plain = word.strip()
    while module := _MODULE.match(plain):
        plain = plain[module.end() :]
    others = _OTHER_NAMES | (_MODULE_NAMES if plain != word.strip() else {}) | _schedules()
    names = {other: choice for other, choice in others.items() if choice in choices}
    names |= {_key(choice): choice for choice in choices}
    return names.get(_key(plain))


def _schedules() -> dict[str, str]:
    """The names of PyTorch's classes for the schedules, also without the LR at their ends."""
    return {
        _key(name): row.name
        for row in SCHEDULES.values()
        for name in (row.class_name, row.class_name.removesuffix("LR"))
    }


def _key(name: str) -> str:
    return re.sub("[-_]", "", name.lower())


def hint_at(word: str, choices: Sequence[str]) -> str:
    """A hint at the choice that was probably meant; an empty string when none is near."""
    plain = _MODULE.sub("", word)
    if hint := _HINTS.get(word.lower(), ""):
        return hint if any(choice in hint for choice in choices) else ""
    if hint := typographic(word):
        return hint
    if (called := FOREIGN_FUNCTIONS.get(plain.lower(), "")) in choices:
        return f"PyTorch calls it '{called}'"
    match = closest(plain, choices)
    return f"did you mean '{match}'?" if match else ""


def optimizer_named(word: str) -> str:
    """The name of an update rule; that of somebody's own class as it is.

    Raises:
        GdcliError: for a word that names none.
    """
    name = word if is_own(word) else choice_of(word, list(RULES))
    if name is None:
        raise unknown("optimizer", word, list(RULES))
    return name


_LISTS = {"optimizer": "gdcli optimizers lists them all", "schedule": "gdcli optimizers lists the schedules too"}


def unknown(noun: str, word: str, choices: Sequence[str]) -> GdcliError:
    """The error for a word that names no optimizer or schedule."""
    near = hint_at(word, choices)
    hint = " ".join(filter(None, [near, _LISTS[noun]]))
    if noun == "optimizer" and _may_be_own(word, is_near=bool(near)):
        hint += "; a class of your own is written module:Class"
    return GdcliError(f"unknown-{noun}", f"there is no {noun} '{word}'", hint)


def _may_be_own(word: str, *, is_near: bool) -> bool:
    """Whether a word that names no rule was perhaps meant as somebody's own class, or is the name of its module."""
    if ":" in word:
        return True
    if is_near or _MODULE.match(word):
        return False
    if "." in word or word != word.lower():
        return True
    found = PathFinder.find_spec(word, [os.getcwd(), *sys.path]) if word.isidentifier() else None  # noqa: PTH109
    return found is not None and found.origin is not None
