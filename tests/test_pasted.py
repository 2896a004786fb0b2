"""What people paste: PyTorch's other names and forms, each with PyTorch's own value, gradient and script.

The oracle is Python, which evaluates the same text over ``from torch import *``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 -- as everybody writes it

from gdcli.lang.functions import METHODS, SPELLINGS

_ALIAS = re.compile(r"(?i)alias (?:for|of) :(?:func|meth):`~?([\w.]+)")


def aliases() -> Iterator[tuple[str, str]]:
    """Every name that PyTorch's own documentation calls an alias of another."""
    modules = {"torch": torch, "torch.special": torch.special, "torch.linalg": torch.linalg, "torch.nn.functional": F}
    for path, module in modules.items():
        for name in dir(module):
            text = getattr(getattr(module, name), "__doc__", None)
            if isinstance(text, str) and (found := _ALIAS.search(text)):
                yield f"{path}.{name}", found[1]


def test_pytorch_names_its_aliases() -> None:
    assert len(list(aliases())) > 40


@pytest.mark.parametrize(("alias", "original"), [pytest.param(*pair, id=pair[0]) for pair in aliases()])
def test_an_alias_of_a_function_is_a_function(alias: str, original: str) -> None:
    if original in SPELLINGS:
        assert alias in SPELLINGS
        assert alias.rpartition(".")[2] in SPELLINGS or alias.count(".") > 1


def leads_to(name: str) -> str:
    """The function of the table that a method of a tensor is documented to be; empty where there is none."""
    found = re.match(r"(?s)[^`]*\bSee :func:`(torch[\w.]*)`", getattr(torch.Tensor, name).__doc__ or "")
    return found[1] if found and found[1] in SPELLINGS else ""


METHOD_NAMES = [name for name in dir(torch.Tensor) if not name.startswith("_") and leads_to(name)]


def test_most_functions_are_methods() -> None:
    assert len(METHOD_NAMES) > 150


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_method_that_leads_to_a_function_is_one(name: str) -> None:
    assert name in METHODS  # test_functions.py compares its values
