"""Sizes: whole numbers that follow from the shape of a tensor, and are numbers of Python where an expression runs."""

from __future__ import annotations

from functools import partial

from gdcli.lang.signature import function

CATEGORY = "sizes"
_size = partial(function, form="size", gradient="the result is a whole number of Python")

FUNCTIONS = (
    _size("len", "input", "the size of the first dimension", "len([1, 2, 3])", module="builtins", method=False),
    _size("numel", "input", "the number of elements", "numel([[1, 2], [3, 4]])", methods=("nelement",)),
    _size(
        "size", "input, dim: int = None", "the shape, or the size along dim", "size([[1, 2]], 1)", module="torch.Tensor"
    ),
    _size("dim", "input", "the number of dimensions", "dim([[1, 2]])", module="torch.Tensor", methods=("ndimension",)),
)
