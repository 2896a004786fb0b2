"""Options of the output that would have no effect are refused. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdcli.cli.output import Kind, Output
from gdcli.cli.save import targets
from gdcli.errors import GdcliError


def check_effect(output: Output, settings: Any, saves: Sequence[Kind], *, many_rows: bool) -> None:
    """Check that each option about tables, pictures and runs has something to be about.

    ``settings`` are those of the command, ``saves`` are the kinds of files that it saves, and ``many_rows`` says that a
    table has a row per iteration or per point.

    Raises:
        GdcliError: for an option that would change nothing.
    """
    kinds = {target.kind for target in targets(output.save, saves)}
    has_table = output.format == "table" or "table" in kinds
    for option, given in (("every", output.every > 1), ("all", output.all)):
        if given and not has_table:
            message = f"--{option} is about the rows of a table, and --{output.format} prints none"
            raise GdcliError("usage", message, f"leave out --{option} or --{output.format}")
        if given and not many_rows:
            message = f"--{option} is about the rows of a long table, and none is printed"
            raise GdcliError("usage", message, f"leave out --{option}")
    if output.cells and output.format != "json":
        raise GdcliError("usage", "--cells is about the JSON document, and none is printed", "add --json")
    if output.over == "iterations" and not (output.plot or output.live or kinds - {"table"}):
        message = "--over is about what a picture counts, and none is drawn or saved"
        raise GdcliError("usage", message, "add --plot, or leave out --over")
    if output.require_convergence and output.format == "code":
        message = "--require-convergence is about how a run ends, and --code runs nothing"
        raise GdcliError("usage", message, "leave out --require-convergence or --code")
    tolerances = ["tol_grad", "tol_loss", "tol_x", "until"]
    together = [name for name in tolerances[:3] if getattr(settings, name, None) is not None]
    if getattr(settings, "tol", "any") == "all" and len(together) < 2:
        message = "--tol all is about several tolerances, and " + ("only one is" if together else "none is") + " set"
        raise GdcliError("usage", message, "add --tol-grad 1e-6 --tol-loss 1e-9, or leave it out")
    if output.require_convergence and all(getattr(settings, name, None) is None for name in tolerances):
        message = "--require-convergence is about a tolerance, and none is set, so no run would be converged"
        raise GdcliError("usage", message, "add --tol-grad 1e-6 (or --tol-loss, --tol-x, --until), or leave it out")
