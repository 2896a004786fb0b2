"""The figure of a function alone: over a line, or over a plane."""

from __future__ import annotations

import torch

from gdcli.complete.plot import Spread, complete_plot, spread_of
from gdcli.complete.problem import expression_of
from gdcli.complete.sources import given
from gdcli.contract.fields import in_record
from gdcli.contract.figure import Figure, Panel
from gdcli.contract.plot import PlotResult, PlotSettings, notices_about
from gdcli.contract.short import in_a_title
from gdcli.contract.sources import described
from gdcli.errors import ExpressionError
from gdcli.landscape.panels import Subject, function_panel, plain_contours
from gdcli.landscape.section import along_unknowns, in_order
from gdcli.landscape.window import same_scale
from gdcli.lang.objective import build, tensor_result
from gdcli.lang.parsing import parse
from gdcli.lang.values import bind_some
from gdcli.tensors import Problem, check_scalar, environment, on_device, tensor_of

_LONGEST = 40  # characters of a value in a caption


def plot(settings: PlotSettings) -> PlotResult:
    """Evaluate a function over the windows of its variables.

    Raises:
        GdcliError: for an expression, a value or a window that does not fit; a result that is not one number.
    """
    settings = on_device(complete_plot(settings))
    values = given(settings).items()
    spreads = {name: spread for name, value in values if (spread := spread_of(name, value)) is not None}
    problem = _prepared(settings, spreads)
    _check_result(problem, field=settings.field)
    figure = _figure(settings, problem, spreads)
    return PlotResult(
        settings=in_record(settings),
        message=figure.panels[0].title,
        figure=figure,
        warnings=notices_about(figure),
    )


def _prepared(settings: PlotSettings, spreads: dict[str, Spread]) -> Problem:
    """The problem, its variables in the middle of their windows; those with windows are the unknowns."""
    expression = parse(expression_of(settings), settings.values)
    run = environment(settings)
    fixed = bind_some(expression, {name: value for name, value in given(settings).items() if name not in spreads})
    tensors: dict[str, torch.Tensor] = {}
    for name in expression.variables:
        if name in spreads:
            numbers = [item if isinstance(item, float) else sum(item) / 2 for item in spreads[name].items]
            listed = numbers[0] if spreads[name].scalar else numbers
            tensors[name] = torch.tensor(listed, dtype=run.dtype, device=run.device).requires_grad_()
        else:
            tensors[name] = tensor_of(fixed[name], run, tensors)
    wrt = tuple(name for name in expression.variables if name in spreads)
    return Problem(build(expression, run, tensors), run, tensors, wrt)


def _check_result(problem: Problem, *, field: bool) -> None:
    """Raise ExpressionError unless the result is one number; with a ``field``, one that has a gradient."""
    expression = problem.objective.expression
    value = problem.value()
    if field:
        check_scalar(value, expression, problem.wrt)
    elif value.numel() != 1:
        source = expression.source
        message = f"the result has shape {tuple(value.shape)}, but only a single number can be plotted"
        raise ExpressionError("not-scalar", message, "sum it: sum(...)", source=source, span=expression.place)
    tensor_result(value, expression)


def _figure(settings: PlotSettings, problem: Problem, spreads: dict[str, Spread]) -> Figure:
    items = [item for name in problem.wrt for item in spreads[name].items]
    free = in_order(problem, [i for i, item in enumerate(items) if isinstance(item, tuple)])
    windows = [item for i in free if isinstance(item := items[i], tuple)]
    origin = torch.tensor([0.0 if isinstance(item, tuple) else item for item in items], dtype=torch.float64)
    section = along_unknowns(problem, free, origin)
    subject = Subject(problem)
    if len(windows) == 1:
        panel: Panel = function_panel(subject, section, over=windows[0], derivative=settings.field)
    else:
        x, y = windows
        panel = plain_contours(subject, section, (x, y), equal=same_scale(x, y), field=settings.field)
    subject.say_if_random()
    return Figure(in_a_title(settings.expression), _subtitle(settings, problem, spreads), [panel], subject.remarks)


def _subtitle(settings: PlotSettings, problem: Problem, spreads: dict[str, Spread]) -> str:
    """The formula of a problem that has a name, and what stays as it is."""
    parts = [] if expression_of(settings) == settings.expression else [expression_of(settings)]
    for name in problem.objective.variables:
        if name not in spreads:
            parts.append(_fixed(settings, name, problem.tensors[name]))
            continue
        items = spreads[name].items
        parts += [f"{name}[{i}] = {item:g}" for i, item in enumerate(items) if isinstance(item, float)]
    return ", ".join(parts)


def _fixed(settings: PlotSettings, name: str, x: torch.Tensor) -> str:
    """A variable that stays as it is, in a caption: data by its shape, and by its file if it has one."""
    if described(settings, name) != name:
        return described(settings, name)
    text = str(settings.values[name])
    if len(text) <= _LONGEST:
        return f"{name} = {text}"
    return f"{name} ({'x'.join(map(str, x.shape))})" if x.dim() else f"{name} = {x.item():g}"
