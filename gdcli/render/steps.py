"""The steps of a descent as columns of numbers, in several forms: elements, norms, or below each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from gdcli.contract.descent import Step
from gdcli.contract.fields import Nested
from gdcli.contract.nested import items, size
from gdcli.render.columns import NARROWEST, Columns, Fitted, Form, Layout, fitted
from gdcli.render.numbers import USUAL, aligned, elements, norm, number

_STACKED = 4  # elements up to which they stand below each other, where the columns of the elements do not fit
_STACKED_EXACT = 8  # the same where many digits are wanted


def fitted_steps(steps: Sequence[Step], digits: int, width: int) -> Fitted:
    """The steps as columns of at most ``width`` cells together, the column of the iterations included.

    Where they do not fit, gradients and tensors become norms, or the elements of a step stand below each other.
    """
    counted = max(len(str(step.iteration)) for step in steps)
    layouts = [Layout(max(len(name), counted) + gap, gap, name) for name, gap in (("iteration", 3), ("iter", 2))]
    return fitted(list(_forms(steps, digits, width)), layouts, digits, width)


def _forms(steps: Sequence[Step], digits: int, width: int) -> Iterator[Form]:
    """The ways to show the steps, the best first."""
    first = steps[0].values
    count = sum(map(size, first.values()))
    if (2 * count + 1) * NARROWEST <= width:
        yield Form(lambda digits: _elementwise(steps, digits), exact=True)
    stacked = Form(lambda digits: _below_each_other(steps, digits), exact=True)
    if digits > USUAL and count <= _STACKED_EXACT:
        yield stacked
    one_gradient = f"|grad| is the norm of {'all gradients' if len(first) > 1 else 'the gradient'}"
    if count > 1 and (count + 2) * NARROWEST <= width:
        named = count > _STACKED and not any(isinstance(value, list) for value in first.values())
        yield Form(lambda digits: _values(steps, digits) | _all_gradients(steps, digits), one_gradient, preferred=named)
    if digits <= USUAL and count <= _STACKED:
        yield stacked
    if any(isinstance(value, list) for value in first.values()):
        norms = "tensors are shown as norms"
        yield Form(lambda digits: _by_variable(steps, digits), norms, exact=True)
        if len(first) > 1:
            yield Form(
                lambda digits: _by_variable(steps, digits, gradients=False) | _all_gradients(steps, digits),
                f"{norms}, {one_gradient}",
            )
    yield Form(lambda digits: _norms(steps, digits), "|values| and |grad| are norms over all variables")
    yield Form(lambda digits: _losses(steps, digits), "only the loss is shown")


def step_columns(steps: Sequence[Step], digits: int, width: int) -> Columns:
    """The columns of a descent that is shown live: each element if they fit, otherwise the norm of each tensor.

    The cells are not aligned, and the norms may be wider than ``width``.
    """
    count = sum(map(size, steps[0].values.values()))
    if (2 * count + 1) * NARROWEST <= width:
        whole = _elementwise(steps, digits)
        # iteration, and three cells between columns
        if 12 + sum(max(map(cell_len, [header, *aligned(cells)])) + 3 for header, cells in whole.items()) <= width:
            return whole
    return _by_variable(steps, digits)


def _elementwise(steps: Sequence[Step], digits: int) -> Columns:
    """The loss, and each element of the variables and of the gradients."""
    columns = _values(steps, digits)
    for name, value in steps[0].values.items():
        rows = [_flat(step.grads[name], size(value)) for step in steps]
        for (label, _), cells in zip(elements(name, value), zip(*rows, strict=True), strict=True):
            columns[f"grad {label}"] = [number(cell, digits) for cell in cells]
    return columns


def _values(steps: Sequence[Step], digits: int) -> Columns:
    """The loss, and each element of the variables."""
    columns = _losses(steps, digits)
    for name, value in steps[0].values.items():
        rows = [_flat(step.values[name], size(value)) for step in steps]
        for (label, _), cells in zip(elements(name, value), zip(*rows, strict=True), strict=True):
            columns[label] = [number(cell, digits) for cell in cells]
    return columns


def _by_variable(steps: Sequence[Step], digits: int, *, gradients: bool = True) -> Columns:
    """The loss, and each variable with its gradient: a number itself, or the norm of a tensor."""
    columns = _losses(steps, digits)
    for name, value in steps[0].values.items():
        tensor = isinstance(value, list)
        columns[f"|{name}|" if tensor else name] = [_size(step.values[name], digits) for step in steps]
        if gradients:
            header = f"|grad {name}|" if tensor else f"grad {name}"
            columns[header] = [_size(step.grads[name], digits) for step in steps]
    return columns


def _norms(steps: Sequence[Step], digits: int) -> Columns:
    """The loss, and the norms over all variables."""
    values = [number(math.hypot(*(norm(value) or 0.0 for value in step.values.values())), digits) for step in steps]
    return {**_losses(steps, digits), "|values|": values, **_all_gradients(steps, digits)}


def _all_gradients(steps: Sequence[Step], digits: int) -> Columns:
    """The norm of all gradients together; None where there is none."""
    found = [[norm(grad) for grad in step.grads.values()] for step in steps]
    sizes = [None if None in norms else math.hypot(*(each for each in norms if each is not None)) for norms in found]
    return {"|grad|": [number(each, digits) for each in sizes]}


def _losses(steps: Sequence[Step], digits: int) -> Columns:
    return {"loss": [number(step.loss, digits) for step in steps]}


def _below_each_other(steps: Sequence[Step], digits: int) -> Columns:
    """The loss, and below it each element with its gradient: a step takes several lines."""
    labels = [label for name, value in steps[0].values.items() for label, _ in elements(name, value)]
    values = zip(*_values(steps, digits).values(), strict=True)
    gradients = zip(*list(_elementwise(steps, digits).values())[1 + len(labels) :], strict=True)
    longest = max(map(cell_len, ["loss", *labels]))
    names = [label + " " * (longest - cell_len(label)) for label in ["loss", *labels]]
    return {
        "": ["\n".join(names)] * len(steps),
        "value": ["\n".join(cells) for cells in values],
        "gradient": ["\n".join(["", *cells]) for cells in gradients],
    }


def _flat(value: Nested, count: int) -> list[Nested]:
    """The numbers of a tensor; None for each of a gradient that autograd does not have."""
    return [None] * count if value is None else items(value)


def _size(value: Nested, digits: int) -> str:
    return number(norm(value) if isinstance(value, list) else value, digits)
