"""The Python API: the commands as functions, typed, without printing. torch is imported on first use.

Values of variables are keyword arguments (``x=4``), or a mapping where a name is taken (``{"lr": 3}``): numbers, lists,
tensors, arrays of NumPy, text in the expression language (``"rand(3, 4)"``), or a file (``"@ex1.csv:population"``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, overload

from msgspec.structs import replace

from gdcli.contract.compare import CompareSettings
from gdcli.contract.descent import FitLinearSettings, MinimizeSettings
from gdcli.contract.fields import READ
from gdcli.contract.grad import GradSettings
from gdcli.contract.ops import OpsSettings
from gdcli.contract.plot import PlotSettings
from gdcli.contract.predict import PredictSettings
from gdcli.contract.reading import read
from gdcli.contract.regression import DataSource, RegressionSettings
from gdcli.contract.sources import GIVEN
from gdcli.contract.sweep import SweepSettings
from gdcli.errors import GdcliError, MissingVariableError, UnknownVariableError
from gdcli.given import check_text, mapping_in, objective, optimizer_in, plain, values_in
from gdcli.lang.given_function import GivenFunction
from gdcli.lang.suggest import setting_meant
from gdcli.torch_import import import_torch

if TYPE_CHECKING:
    from pathlib import Path

    from gdcli.contract.compare import CompareResult
    from gdcli.contract.descent import FitLinearResult, MinimizeResult
    from gdcli.contract.grad import GradResult, PointsResult
    from gdcli.contract.ops import OpsResult
    from gdcli.contract.plot import PlotResult
    from gdcli.contract.predict import PredictResult
    from gdcli.contract.sweep import SweepResult
    from gdcli.descent.run import Descent
    from gdcli.regression.fit import Fit
    from gdcli.watching.block import Watched


def ops(
    *expressions: str,
    values: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    seed: int = 0,
    device: str = "cpu",
    **variables: Any,
) -> OpsResult:
    """Evaluate expressions; without any, those of the notebook's table.

    Returns:
        The record of ``gdcli ops``: one row per expression, with its value or its error.

    Raises:
        GdcliError: for a value that is missing, unused, or cannot be read.
    """
    import_torch()
    from gdcli.operations import ops as run

    for expression in expressions:
        check_text(expression, "ops")
    settings = {"dtype": plain(dtype), "seed": seed, "device": plain(device)}
    given = {"expressions": list(expressions), **settings, **values_in({}, values, variables, moving=())}
    with _suggesting(OpsSettings, variables):
        return run(read(OpsSettings, given))


def grad(
    expression: str | Callable[..., Any] = "",
    values: Mapping[str, Any] | None = None,
    *,
    wrt: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> GradResult:
    """Evaluate and differentiate an expression, or a function of tensors.

    The settings of ``gdcli grad`` (``dtype``, ``explain``, ``hessian``, ...) are keyword arguments next to the
    variables, or a mapping.

    Returns:
        The record of ``gdcli grad``: ``value``, ``grads`` by variable (None outside ``wrt``), ``grad_fn``, and the
        explanations that were requested.

    Raises:
        GdcliError: for an invalid expression or value; a result that is not a single number.
    """
    import_torch()
    from gdcli.gradient import grad as run

    given, variables = _split(GradSettings, settings, {**more, "wrt": wrt})
    given["expression"], variables = _objective("grad", expression, given, values, variables)
    given |= values_in(given, values, variables, moving=wrt or None)
    with _suggesting(GradSettings, variables, given["expression"]):
        return run(read(GradSettings, given))


def grad_each(
    expression: str | Callable[..., Any] = "",
    values: Mapping[str, Any] | None = None,
    *,
    wrt: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> PointsResult:
    """Evaluate and differentiate an expression at many points, like ``gdcli grad --each``.

    Each variable lists its values at the points along the first dimension, or is a single number for all points.

    Returns:
        The record: ``points``, each with ``values``, ``value`` and ``grads``.

    Raises:
        GdcliError: for lists of unequal length; an invalid expression or value.
    """
    import_torch()
    from gdcli.explain.points import grad_each as run

    given, variables = _split(GradSettings, settings, {**more, "wrt": wrt})
    given["expression"], variables = _objective("grad_each", expression, given, values, variables)
    given["each"] = True
    given |= values_in(given, values, variables, moving=wrt or None)
    with _suggesting(GradSettings, variables, given["expression"]):
        return run(read(GradSettings, given))


def minimize(
    expression: str | Callable[..., Any] = "",
    values: Mapping[str, Any] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> Descent[MinimizeResult]:
    """Minimize an expression, or a function of tensors, by gradient descent.

    The settings of ``gdcli minimize`` (``lr``, ``steps``, ``optimizer``, ``momentum``, ``dtype``, ...) are keyword
    arguments next to the variables, or a mapping.

    Returns:
        A descent: iterate over it to get its steps, or call ``result()`` to get the whole record.

    Raises:
        GdcliError: for an invalid expression, value or setting.
    """
    import_torch()
    from gdcli.descent.minimize import minimize as run

    given, variables = _split(MinimizeSettings, settings, more)
    given["expression"], variables = _objective("minimize", expression, given, values, variables)
    given |= values_in(given, values, variables, moving=given.get("wrt") or None)
    with _suggesting(MinimizeSettings, variables, given["expression"]):
        return run(read(MinimizeSettings, given))


@overload
def fit_linear(
    values: Mapping[str, Any] | None = None, *, settings: Mapping[str, Any] | None = None, **more: Any
) -> Descent[FitLinearResult]: ...
@overload
def fit_linear(
    *,
    data: str | Path | Sequence[str | Path] | Mapping[str, Any],
    target: str,
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> Fit: ...
def fit_linear(
    values: Mapping[str, Any] | None = None, *, settings: Mapping[str, Any] | None = None, **more: Any
) -> Descent[FitLinearResult] | Fit:
    """Fit a regression to ``data`` by gradient descent; without data, the matrix ``W`` of a layer.

    ``data`` is a file, a list of files, a folder, or the columns by their names (a mapping, a DataFrame), and
    ``target`` the column to predict. Without data, ``W`` of ``activation(W @ x)`` has shape (outputs, inputs), ``x``
    (inputs,) or (inputs, samples), ``target`` that of ``W @ x``; its loss is the squared error.
    The settings of ``gdcli fit-linear`` are keyword arguments next to these, or a mapping.

    Returns:
        A descent or a fit: iterate over it to get its steps or epochs, or call ``result()`` to get the whole record.

    Raises:
        GdcliError: for an invalid value or setting, or data without what the settings name.
    """
    import_torch()
    if "data" in {**mapping_in("settings", settings), **more}:
        return _fit_to_data(values, settings, more)
    from gdcli.linear.model import fit_linear as run

    given, variables = _split(FitLinearSettings, settings, more)
    given |= values_in(given, values, variables, moving=["W"])
    with _suggesting(FitLinearSettings, variables):
        return run(read(FitLinearSettings, given))


def _fit_to_data(values: Mapping[str, Any] | None, settings: Mapping[str, Any] | None, more: Mapping[str, Any]) -> Fit:
    """The fit to data that are in files, or were given."""
    from gdcli.data.rows.given import GivenRows
    from gdcli.regression.fit import Fit

    given, others = _split(RegressionSettings, settings, {name: word for name, word in more.items() if name != "data"})
    for name in {**mapping_in("values", values), **others}:
        hint = setting_meant(name, RegressionSettings.__struct_fields__)
        message = f"'{name}' is no setting of a fit to data"
        raise GdcliError("unknown-setting", message, f"did you mean '{hint}'?" if hint else "")
    paths, columns = _files_or_columns(more.get("data", given.get("data")))
    if columns is None:
        return Fit(read(RegressionSettings, {**given, "data": paths}))
    rows = GivenRows(columns)
    source = DataSource.of(rows, rows.sha256, None)
    return Fit(replace(read(RegressionSettings, {**given, "data": paths}), source=source))


def _files_or_columns(data: Any) -> tuple[list[str], dict[str, Any] | None]:
    """The paths of files, or the columns by their names."""
    if hasattr(data, "items"):
        return [GIVEN], {str(name): column for name, column in data.items()}
    paths = [data] if isinstance(data, str | PathLike) else data
    if not isinstance(paths, Sequence) or not all(isinstance(path, str | PathLike) for path in paths) or not paths:
        message = f"'data' must be files or columns, but it is of type {type(data).__name__}"
        raise GdcliError("argument", message, 'for example: data="ex1.csv", or data={"x": [1, 2], "y": [3, 5]}')
    return [fspath(path) for path in paths], None


def predict(
    model: str | Path | Fit,
    data: str | Path | Sequence[str | Path] | Mapping[str, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> PredictResult:
    """Predict from rows of data with a model: that of a fit to data, or a file that ``--save-model`` has written.

    ``data`` is a file, a list of files, a folder, or the columns by their names. A fit that has not ended is run to its
    end. The settings of ``gdcli predict`` (``keep``, ``missing``) are keyword arguments, or a mapping.

    Returns:
        The record of ``gdcli predict``: a prediction for each row, None for one with a missing value.

    Raises:
        GdcliError: for a file that is no model, data without the columns that it needs, and a fit that diverged.
    """
    import_torch()
    from gdcli.complete.predict import complete_predict
    from gdcli.regression.fit import Fit
    from gdcli.regression.model import Predictor, model_of

    given, others = _split(PredictSettings, settings, more)
    for name in others:
        hint = setting_meant(name, PredictSettings.__struct_fields__)
        message = f"'{name}' is no setting of predict"
        raise GdcliError("unknown-setting", message, f"did you mean '{hint}'?" if hint else "")
    source: object = model
    if not isinstance(source, str | PathLike | Fit):
        message = f"'model' must be a file or a fit to data, but it is of type {type(model).__name__}"
        raise GdcliError("argument", message, 'for example: gdcli.predict("model.json", "new.csv")')
    path, fitted = GIVEN, None
    if isinstance(model, Fit):
        if not model.has_ended:
            model.result()
        fitted = model_of(model)
    else:
        path = fspath(model)
    paths, columns = _files_or_columns(data)
    read_settings = read(PredictSettings, {**given, "model": path, "data": paths})
    predictor = Predictor(complete_predict(read_settings, fitted, columns))
    return predictor.result().made_by(predictor)


def compare(
    expression: str | Callable[..., Any] = "",
    values: Mapping[str, Any] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> CompareResult:
    """Compare optimizers on a problem of the catalogue or an expression, from the same starts to the same goal.

    The settings of ``gdcli compare`` (``optimizer`` as a list, ``starts``, ``tune``, ``steps``, ...) are keyword
    arguments next to the variables, or a mapping.

    Returns:
        The record of ``gdcli compare``: the standings, best first, each with its runs.

    Raises:
        GdcliError: for an invalid expression, value or setting.
    """
    import_torch()
    from gdcli.race.race import Race

    given, variables = _split(CompareSettings, settings, more)
    given["expression"], variables = _objective("compare", expression, given, values, variables)
    given |= values_in(given, values, variables, moving=given.get("wrt") or None)
    with _suggesting(CompareSettings, variables, given["expression"]):
        return Race(read(CompareSettings, given)).result()


def sweep(
    expression: str = "",
    values: Mapping[str, Any] | None = None,
    *,
    cells: bool = False,
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> SweepResult:
    """Run a descent in each cell of a grid along one or two axes, such as ``over=["x=-2:2:400", "lr=1e-3:1:log:300"]``.

    The settings of ``gdcli sweep`` (``over``, ``zoom``, ``measure``, ``lr``, ``steps``, ...) are keyword arguments next
    to the variables, or a mapping.

    Returns:
        The record of ``gdcli sweep``; its ``grid`` has every cell where ``cells`` asks for it.

    Raises:
        GdcliError: for an invalid expression, value, axis or setting.
    """
    import_torch()
    from gdcli.complete.sweep import complete_sweep, too_large_for_memory
    from gdcli.sweeps.sweep import Sweep

    check_text(expression, "sweep")
    given, variables = _split(SweepSettings, settings, more)
    if isinstance(over := given.get("over"), str):
        given["over"] = [over]
    for name in ("lr", "momentum"):
        if isinstance(several := given.get(name), list | tuple) and several:
            text = ",".join(map(str, several))
            message = f"{name} must be a number, not a list"
            raise GdcliError("argument", message, f'to run with each of them: over="{name}={text}"')
    given |= {"expression": expression, **values_in(given, values, variables, moving=given.get("wrt") or None)}
    with _suggesting(SweepSettings, variables):
        complete = complete_sweep(read(SweepSettings, given))
        if error := too_large_for_memory(complete, "gdcli.sweep"):
            raise error
        run = Sweep(complete)
    for _ in run:
        pass
    return run.record(cells=cells)


def plot(
    expression: str | Callable[..., Any] = "",
    values: Mapping[str, Any] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> PlotResult:
    """Evaluate a function of one or two variables over windows, as ``gdcli plot`` draws it.

    A variable takes a window as text (``x="-2:2"``), a value, or for a vector a list of both.
    The settings of ``gdcli plot`` (``field``, ``dim``, ``dtype``) are keyword arguments next to the variables, or a
    mapping.

    Returns:
        The record of ``gdcli plot``: its ``figure`` holds the grid and the values.

    Raises:
        GdcliError: for an invalid expression, value or window; a result that is not a single number.
    """
    import_torch()
    from gdcli.landscape.function import plot as run

    given, variables = _split(PlotSettings, settings, more)
    given["expression"], variables = _objective("plot", expression, given, values, variables)
    given |= values_in(given, values, variables, moving=())
    with _suggesting(PlotSettings, variables, given["expression"]):
        return run(read(PlotSettings, given))


def _objective(
    command: str,
    expression: Any,
    given: Mapping[str, Any],
    values: Mapping[str, Any] | None,
    variables: Mapping[str, Any],
) -> tuple[str, dict[str, Any]]:
    """An expression, or a function in its place; and the variables, with those that have their values from it."""
    text, defaults = objective(command, expression, given, {**mapping_in("values", values), **variables})
    return text, {**defaults, **variables}


@contextlib.contextmanager
def watch(keep: int = 2000) -> Iterator[Watched]:
    """Watch the loops of the code inside of ``with``: what ``gdcli watch`` shows of a script.

    Args:
        keep: How many iterations of a loop are kept, its first and last ones; 0 keeps all.

    Returns:
        What was seen, once the block has ended, also by an error: ``descents`` and ``findings`` of the record.
    """
    import_torch()
    from gdcli.watching.block import watched

    with watched(keep) as seen:
        yield seen


@contextlib.contextmanager
def _suggesting(settings: type[Any], variables: Mapping[str, Any], expression: Any = "") -> Iterator[None]:
    """Hints in the form of a Python call: at a setting, for a keyword argument that is none and no variable either."""
    try:
        yield
    except UnknownVariableError as error:
        is_function = isinstance(expression, GivenFunction)
        if error.name in variables and (meant := setting_meant(error.name, settings.__struct_fields__)):
            whose = f"parameter of {expression.name}" if is_function else "variable of the expression"
            message = f"'{error.name}' is neither a setting nor a {whose}"
            raise GdcliError("unknown-setting", message, f"did you mean '{meant}'?") from None
        if is_function:
            message = f"{expression.name} has no parameter '{error.name}'"
            raise GdcliError(error.code, message, error.hint) from None
        raise
    except MissingVariableError as error:
        is_setting = error.name in settings.__struct_fields__
        given = f'values={{"{error.name}": 1}}' if is_setting else f"{error.name}=1"
        error.hint = error.hint.replace(f"--{error.name} 1", given)
        raise


def _split(
    settings: type[Any], mapping: Mapping[str, Any] | None, more: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keyword arguments that are settings, and those that are variables."""
    fields = [name for name in settings.__struct_fields__ if name not in READ]
    words = {**mapping_in("settings", mapping), **more}
    words |= optimizer_in(words)
    given = {name: plain(word) for name, word in words.items() if name in fields}
    variables = {name: word for name, word in words.items() if name not in fields}
    for name in READ:
        if mapping and name in mapping and name in settings.__struct_fields__:
            given[name] = variables.pop(name)
    return given, variables
