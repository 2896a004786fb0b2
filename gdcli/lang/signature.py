"""What a function of the language is: its signature, its place in PyTorch, its help. No torch here.

The grammar of a signature is Python's, with the kind of a parameter in the place of its annotation::

    input, other: either, *, alpha: number = 1

A parameter without a kind is a tensor (a number given for it becomes a tensor). The kinds are

    tensor    a tensor; a plain number is made a tensor of the run's dtype
    either    a tensor or a plain number, passed on as it is (``add(x, 1)``)
    number    a plain number; or a tensor of one number, which PyTorch takes where no gradient is asked for it
    int, ints, sizes, bool
              a whole number; one or several of them; a shape (``2, 3`` or ``(2, 3)``); True or False
    index     a tensor of whole numbers (``gather``); a list of them is made an int64 tensor
    labels    a tensor of class labels, or of probabilities
    tensors   a list of tensors (``stack([x, y])``)
    operands  any number of tensors, one by one or in a list
    text      a text in quotes
    data      numbers in nested lists, as ``torch.tensor`` takes them
    lists     the same, but not one number alone
    any       a tensor, or a whole number that means a dimension (``max(x, 0)``); passed on as it is
    dtype     a dtype by its PyTorch name (``torch.float64``)
    'a'|'b'   one of these words (``number|'fro'``: or a number)

The facts of a function are what else is known about it. About the shape of its result::

    elementwise           the shape to which its tensors broadcast: each element depends on one element of each
    reduction             a scalar, when it is given only a tensor
    rows by columns       the shape of ``@``
    square                unknown; the number of elements may be the square of that of the input
    parts                 several tensors, possibly as many as the input has elements
    wide                  intermediate results have the elements of the input times the numbers that it is given

About the result itself::

    values and indices    it has ``.values`` and ``.indices``; gradients flow through the values
    input itself          it may be the input tensor itself
    conversion            it has the dtype of the function's name
    default dtype         when no dtype is given, it has PyTorch's default one
    dtype of its numbers  when no dtype is given, it is floating-point where one of the numbers is
    whole numbers         when no dtype is given, it has whole numbers in PyTorch
    requires_grad         it can be made a leaf: PyTorch's function takes ``requires_grad``

About its backward pass::

    product               each factor gets the gradient times the other factor
    inversion             of a matrix: as for a product, the derivative is not one number per element
    choice                the gradient goes to the element that was chosen
    bounds                where the input is clamped to a bound, no gradient flows
"""

from __future__ import annotations

import functools
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Form = Literal["pure", "constructor", "random", "size"]
Fact = Literal[
    "elementwise",
    "reduction",
    "rows by columns",
    "square",
    "parts",
    "wide",
    "values and indices",
    "input itself",
    "conversion",
    "default dtype",
    "dtype of its numbers",
    "whole numbers",
    "requires_grad",
    "product",
    "inversion",
    "choice",
    "bounds",
]


class Parameter(Struct, frozen=True):
    """One parameter of a function. ``choices`` lists the words that a parameter of kind "choice" takes."""

    name: str
    kind: str
    required: bool
    keyword_only: bool = False
    choices: tuple[str, ...] = ()


class Function(Struct, frozen=True):
    """One function of the language.

    ``path`` is where PyTorch keeps it. ``method`` says that PyTorch has ``x.name()`` too; ``methods`` are those of its
    other names that are methods where it is none itself. ``gradient`` is empty for a differentiable function and
    otherwise says why autograd gives no gradient, or a zero one. ``form`` is "constructor" for a function that makes a
    tensor of the run's dtype from plain numbers, "random" for one that draws from the seed, "size" for one whose result
    is a whole number of Python. ``facts`` are those of the lists above. ``other_names`` are its aliases in torch, and
    ``also`` the other paths at which PyTorch keeps it. ``usual`` is its own name, or for an alias the name of the
    original.
    """

    name: str
    signature: str
    help: str
    example: str
    path: str
    method: bool
    gradient: str
    form: Form
    facts: tuple[Fact, ...]
    other_names: tuple[str, ...]
    also: tuple[str, ...]
    methods: tuple[str, ...]
    usual: str

    def under(self, name: str) -> Function:
        """The same function under one of its other names."""
        return replace(
            self,
            name=name,
            help=f"alias for {self.name}",
            example=self.example.replace(f"{self.name}(", f"{name}(", 1),
            path=f"torch.{name}",
            method=self.method or name in self.methods,
            other_names=(),
            also=(),
        )

    @property
    def makes_a_tensor(self) -> bool:
        """Whether it makes a tensor of the run's dtype and device, rather than take one."""
        return self.form in ("constructor", "random")

    @property
    def bare_name(self) -> str:
        """Its name without a module, as a method has it: ``norm`` for ``linalg.norm``."""
        return self.name.rpartition(".")[2]

    @property
    def subject(self) -> Parameter:
        """The parameter that is the tensor before the dot, where it is called as a method."""
        parameters = self.parameters
        return next((p for p in parameters if p.name == "input"), parameters[0])

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
        """The minimum and maximum number of arguments; None when there is no maximum."""
        parameters = self.parameters
        unlimited = any(p.kind in ("sizes", "operands") for p in parameters)
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
        kind, _, rest = (kind or "tensor").partition("|") if not kind.startswith("'") else ("choice", "", kind)
        choices = tuple(word.strip("'") for word in rest.split("|") if word)
        found.append(Parameter(name.lstrip("*"), kind, not default, keyword_only, choices))
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
    module: str = "torch",
    method: bool = True,
    gradient: str = "",
    form: Form = "pure",
    facts: tuple[Fact, ...] = (),
    other_names: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    methods: tuple[str, ...] = (),
) -> Function:
    """A row of the table; ``module`` is where PyTorch keeps the function."""
    path = f"{module}.{name.rpartition('.')[2]}"  # linalg.norm is torch.linalg.norm
    return Function(
        name, signature, help, example, path, method, gradient, form, facts, other_names, also, methods, usual=name
    )
