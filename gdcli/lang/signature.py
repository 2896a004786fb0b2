"""What a function of the language is: its signature, its place in PyTorch, its help. No torch here.

The grammar of a signature is Python's, with the kind of a parameter in the place of its annotation::

    input, other: either, *, alpha: number = 1

A parameter without a kind is a tensor (a number given for it becomes a tensor). The kinds are

    tensor    a tensor; a plain number is made a tensor of the run's dtype
    either    a tensor or a plain number, passed on as it is (``add(x, 1)``)
    number    a plain number, known before the run
    int, ints, sizes, bool
              a whole number; one or several of them; a shape (``2, 3`` or ``(2, 3)``); True or False
    index     a tensor of whole numbers (``gather``); a list of them is made an int64 tensor
    tensors   a list of tensors (``stack([x, y])``)
    data      numbers in nested lists, as ``torch.tensor`` takes them
    any       a tensor, or a whole number that means a dimension (``max(x, 0)``); passed on as it is
    dtype     a dtype by its PyTorch name (``torch.float64``)
    'a'|'b'   one of these words
"""

from __future__ import annotations

import functools
from typing import Literal

from msgspec import Struct

Form = Literal["pure", "constructor", "random"]


class Parameter(Struct, frozen=True):
    """One parameter of a function. ``choices`` is not empty for a parameter that takes one of some words."""

    name: str
    kind: str
    required: bool
    keyword_only: bool = False
    choices: tuple[str, ...] = ()


class Function(Struct, frozen=True):
    """One function of the language.

    ``path`` is where PyTorch keeps it. ``method`` says that ``x.name()`` is PyTorch too. ``gradient`` is empty
    for a differentiable function and otherwise says why autograd gives no gradient, or a zero one.
    ``form`` is "constructor" for a function that makes a tensor of the run's dtype from plain numbers,
    "random" for one that draws from the seed.
    """

    name: str
    signature: str
    help: str
    example: str
    path: str
    method: bool
    gradient: str
    form: Form

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, in PyTorch's order."""
        return _parameters(self.signature)

    @property
    def usage(self) -> str:
        """How it is called: ``add(input, other, *, alpha=1)``."""
        return f"{self.name}({', '.join(_plain(part) for part in self.signature.split(', ') if part)})"

    @property
    def arity(self) -> tuple[int, int | None]:
        """The least and the greatest number of arguments; None when there is no limit."""
        parameters = self.parameters
        unlimited = any(p.kind == "sizes" for p in parameters)
        return sum(p.required for p in parameters), None if unlimited else len(parameters)


@functools.cache
def _parameters(signature: str) -> tuple[Parameter, ...]:
    found: list[Parameter] = []
    keyword_only = False
    for part in signature.split(", ") if signature else []:
        if part == "*":
            keyword_only = True
            continue
        declaration, _, default = part.partition(" = ")
        name, _, kind = declaration.partition(": ")
        choices = tuple(word.strip("'") for word in kind.split("|")) if kind.startswith("'") else ()
        found.append(Parameter(name, "choice" if choices else kind or "tensor", not default, keyword_only, choices))
    return tuple(found)


def _plain(part: str) -> str:
    declaration, _, default = part.partition(" = ")
    name = declaration.partition(": ")[0]
    return f"{name}={default}" if default else name


def function(  # noqa: PLR0913 -- a row of the table
    name: str,
    signature: str,
    help: str,
    example: str,
    *,
    path: str = "",
    method: bool = True,
    gradient: str = "",
    form: Form = "pure",
) -> Function:
    """A row of the table; ``path`` is ``torch.<name>`` unless it is given."""
    return Function(name, signature, help, example, path or f"torch.{name}", method, gradient, form)
