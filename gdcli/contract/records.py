"""The record of every command, by its name."""

from __future__ import annotations

from typing import Any

from gdcli.contract.compare import CompareResult
from gdcli.contract.descent import FitLinearResult, MinimizeResult
from gdcli.contract.grad import GradResult
from gdcli.contract.listings import FunctionsResult, OptimizersResult, ProblemsResult
from gdcli.contract.ops import OpsResult
from gdcli.contract.plot import PlotResult
from gdcli.contract.predict import PredictResult
from gdcli.contract.sweep import SweepResult
from gdcli.contract.watch import WatchResult

RECORDS: dict[str, Any] = {
    "ops": OpsResult,
    "grad": GradResult,
    "minimize": MinimizeResult,
    "fit-linear": FitLinearResult,
    "predict": PredictResult,
    "compare": CompareResult,
    "plot": PlotResult,
    "sweep": SweepResult,
    "watch": WatchResult,
    "functions": FunctionsResult,
    "optimizers": OptimizersResult,
    "problems": ProblemsResult,
}
