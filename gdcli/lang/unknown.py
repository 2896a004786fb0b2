"""What names mean that the language does not have: hints for functions, methods and modules. No torch here."""

from __future__ import annotations

from gdcli.lang.functions import FUNCTIONS, METHODS
from gdcli.lang.functions.elsewhere import DIFFERENT, NUMPY
from gdcli.lang.functions.modules import MODULES, WITH_PARAMETERS
from gdcli.lang.suggest import FOREIGN_FUNCTIONS, did_you_mean, lookalike

ALL_FUNCTIONS = "gdcli functions lists them all"
TENSOR_METHODS = {
    "item": "it takes the number out of the graph: leave it out, or write detach(x)",
    "backward": "gdcli calls backward() itself",
    "grad": "gdcli shows the gradient of every variable",
    "data": "write detach(x)",
    "requires_grad": "gdcli sets requires_grad itself; --wrt selects the variables",
    "requires_grad_": "gdcli sets requires_grad itself; --wrt selects the variables",
    "numpy": "it takes the numbers out of the graph: leave it out, or write detach(x)",
    "tolist": "it takes the numbers out of the graph: leave it out, or write detach(x)",
    "dtype": "gdcli ops shows the dtype of every result",
    "grad_fn": "gdcli grad shows the grad_fn of the result",
    "cuda": "--device sets the device of the tensors",
    "cpu": "--device sets the device of the tensors",
}


def hint_for_function(name: str) -> str:
    """The hint for a call of a name that is no function."""
    hint = lookalike(name, FUNCTIONS) or function_hint(name)
    if not hint and len(name) <= 2:
        hint = f"write a product as {name}*(...)"
    return hint or ALL_FUNCTIONS


def told_of_module_function(dotted: str) -> tuple[str, str]:
    """The message and the hint for a function that its module does not have, or the language does not know."""
    module, _, name = dotted.rpartition(".")
    message = f"'{dotted}' is not part of the expression language"
    if module in ("torch", "F", "nn", "linalg", "special") or module.startswith(("torch.", "nn.")):
        message = f"unknown function '{dotted}'"
    start, dot, rest = dotted.partition(".")
    if dotted in MODULES:
        message = f"'{dotted}' is a module, which is made before it is called"
        hint = f"write {dotted}()(x), or {MODULES[dotted].function}(x)"
    elif module.endswith("nn") and name in WITH_PARAMETERS:
        message, hint = f"'{dotted}' is not part of the expression language", WITH_PARAMETERS[name]
    elif different := DIFFERENT.get(f"{'np' if start in NUMPY else start}{dot}{rest}"):
        hint = different
    elif name in FUNCTIONS:
        hint = f"write {name}"
    elif FOREIGN_FUNCTIONS.get(name, "") in FUNCTIONS:
        hint = f"write {FOREIGN_FUNCTIONS[name]}"
    else:
        hint = function_hint(name) or ALL_FUNCTIONS
    return message, hint


def function_hint(name: str, *, methods: bool = False) -> str:
    """What is meant by an unknown name: as PyTorch calls it, or the nearest in spelling."""
    foreign = FOREIGN_FUNCTIONS.get(name) or FOREIGN_FUNCTIONS.get(name.lower())
    if foreign in FUNCTIONS:
        return f"PyTorch calls it '{foreign}'"
    return did_you_mean(name, METHODS if methods else FUNCTIONS)
