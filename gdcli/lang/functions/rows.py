"""What the rows of several categories share: reasons for no gradient, parts of signatures, and kinds of rows."""

from __future__ import annotations

from functools import partial

from gdcli.lang.signature import function

# Why there is no gradient, or a zero one.
STEP = "piecewise constant: the gradient is zero"
UNDERIVED = "piecewise constant: PyTorch has no derivative for it"
BOOL = "the result is boolean"
WHOLE = "the result has an integer dtype"
RANDOM = "random numbers have no gradient"
NUMBERS = "it is made of plain numbers"

# Parts that many signatures share.
ALONG = "dim: ints = None, keepdim: bool = False"
ALONG_ONE = "dim: int = None, keepdim: bool = False"
DTYPE = "*, dtype: dtype = None"

# Where PyTorch keeps a function, and whether it is a method too.
free = partial(function, method=False)
nn = partial(function, module="torch.nn.functional", method=False)
linalg = partial(function, module="torch.linalg", method=False)
tensor_method = partial(function, module="torch.Tensor")

# What is true of all functions of a kind.
elementwise = partial(function, facts=("elementwise",))
special = partial(function, module="torch.special", method=False, facts=("elementwise",))
activation = partial(function, module="torch.nn.functional", method=False, facts=("elementwise",))
step = partial(function, gradient=STEP, facts=("elementwise",))
truth = partial(function, gradient=BOOL, facts=("elementwise",))
conversion = partial(function, module="torch.Tensor", facts=("elementwise", "conversion", "input itself"))
constructor = partial(function, method=False, gradient=NUMBERS, form="constructor", facts=("requires_grad",))
draw = partial(function, method=False, gradient=RANDOM, form="random", facts=("requires_grad",))
