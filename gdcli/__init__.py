"""Gradient descent in the terminal: PyTorch expressions, their gradients, and descents, digit for digit.

>>> import gdcli
>>> gdcli.grad("log(x**2 + y**2)", x=15, y=24).grads["x"]
0.03745318204164505
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gdcli.version import __version__

if TYPE_CHECKING:
    from gdcli.api import compare, fit_linear, grad, grad_each, minimize, ops, plot, predict, sweep, watch
    from gdcli.contract.compare import CompareResult
    from gdcli.contract.descent import FitLinearResult, MinimizeResult, Step
    from gdcli.contract.grad import GradResult, PointsResult
    from gdcli.contract.ops import OpsResult
    from gdcli.contract.plot import PlotResult
    from gdcli.contract.predict import PredictResult
    from gdcli.contract.regression import RegressionResult
    from gdcli.contract.sweep import SweepResult
    from gdcli.contract.watch import WatchResult
    from gdcli.errors import ExpressionError, GdcliError
    from gdcli.lang.nodes import Expression
    from gdcli.lang.parsing import parse

# The module of each name. A name is imported when it is first used, so that ``import gdcli`` costs nothing.
_HOMES = {
    "compare": "gdcli.api",
    "fit_linear": "gdcli.api",
    "grad": "gdcli.api",
    "grad_each": "gdcli.api",
    "minimize": "gdcli.api",
    "ops": "gdcli.api",
    "plot": "gdcli.api",
    "predict": "gdcli.api",
    "sweep": "gdcli.api",
    "watch": "gdcli.api",
    "load_ipython_extension": "gdcli.notebook.magic",
    "unload_ipython_extension": "gdcli.notebook.magic",
    "ExpressionError": "gdcli.errors",
    "GdcliError": "gdcli.errors",
    "Expression": "gdcli.lang.nodes",
    "parse": "gdcli.lang.parsing",
    "CompareResult": "gdcli.contract.compare",
    "FitLinearResult": "gdcli.contract.descent",
    "GradResult": "gdcli.contract.grad",
    "MinimizeResult": "gdcli.contract.descent",
    "OpsResult": "gdcli.contract.ops",
    "PlotResult": "gdcli.contract.plot",
    "PointsResult": "gdcli.contract.grad",
    "PredictResult": "gdcli.contract.predict",
    "RegressionResult": "gdcli.contract.regression",
    "Step": "gdcli.contract.descent",
    "SweepResult": "gdcli.contract.sweep",
    "WatchResult": "gdcli.contract.watch",
}

__all__ = [
    "CompareResult",
    "Expression",
    "ExpressionError",
    "FitLinearResult",
    "GdcliError",
    "GradResult",
    "MinimizeResult",
    "OpsResult",
    "PlotResult",
    "PointsResult",
    "PredictResult",
    "RegressionResult",
    "Step",
    "SweepResult",
    "WatchResult",
    "__version__",
    "compare",
    "fit_linear",
    "grad",
    "grad_each",
    "minimize",
    "ops",
    "parse",
    "plot",
    "predict",
    "sweep",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gdcli' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
