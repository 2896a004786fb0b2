"""One of several choices, also as PyTorch spells it: ``torch.optim.Adam``, ``ReLU``, ``StepLR``, ``torch.float64``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gdcli.errors import GdcliError
from gdcli.lang.suggest import closest, typographic
from gdcli.rules.catalogue import RULES, SCHEDULES

_MODULE = re.compile(r"(torch|optim|lr_scheduler|nn|functional|F)\.")
_DTYPES = {"double": "float64", "half": "float16"}
_MODULE_DTYPES = {"float": "float32"}  # only as torch.float: Python's float has 64 bits
_OTHER_NAMES = {"gpu": "did you mean 'cuda'?", "float": "torch.float is float32, and torch.double is float64"}


def choice_of(word: str, choices: Sequence[str]) -> str | None:
    """The choice that a word names, or None: case and PyTorch's modules are ignored, and ``_`` is the same as ``-``."""
    if word in choices:
        return word
    plain = word
    while module := _MODULE.match(plain):
        plain = plain[module.end() :]
    other = _DTYPES | (_MODULE_DTYPES if plain != word else {})
    other |= {row.class_name: row.name for row in SCHEDULES.values()}
    if other.get(plain) in choices:
        return other[plain]
    a_class = plain != word or plain != plain.lower()  # LeakyReLU is leaky_relu
    names = {_key(choice, joined=a_class): choice for choice in choices}
    return names.get(_key(plain, joined=a_class))


def _key(name: str, *, joined: bool) -> str:
    return re.sub("[-_]", "" if joined else "-", name.lower())


def hint_at(word: str, choices: Sequence[str]) -> str:
    """A hint at the choice that was probably meant; an empty string when none is near."""
    if hint := _OTHER_NAMES.get(word.lower(), ""):
        return hint if any(choice in hint for choice in choices) else ""
    if hint := typographic(word):
        return hint
    match = closest(_MODULE.sub("", word), choices)
    return f"did you mean '{match}'?" if match else ""


def optimizer_named(word: str) -> str:
    """The name of an update rule.

    Raises:
        GdcliError: for a word that names none.
    """
    name = choice_of(word, list(RULES))
    if name is None:
        raise unknown("optimizer", word, list(RULES))
    return name


_LISTS = {"optimizer": "gdcli optimizers lists them all", "schedule": "gdcli optimizers lists the schedules too"}


def unknown(noun: str, word: str, choices: Sequence[str]) -> GdcliError:
    """The error for a word that names no optimizer or schedule."""
    hint = " ".join(filter(None, [hint_at(word, choices), _LISTS[noun]]))
    return GdcliError(f"unknown-{noun}", f"there is no {noun} '{word}'", hint)
