"""``gdcli ops``: expressions, one per row."""

from __future__ import annotations

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.cli.show import show
from gdcli.contract.ops import OpsSettings
from gdcli.errors import ExitCode


def complete(settings: OpsSettings) -> OpsSettings:
    """Fill in the notebook's example, and check the arguments."""
    from gdcli.complete.ops import complete_ops

    return complete_ops(settings)


def run(settings: OpsSettings, output: Output) -> int:
    """Evaluate and print."""
    from gdcli.operations import ops
    from gdcli.render.documents import ops_csv
    from gdcli.render.table import ops_table

    record = ops(settings)
    show(record, output, table=ops_table, csv=ops_csv)
    return ExitCode.OK if record.status == "ok" else ExitCode.USAGE


def code(settings: OpsSettings) -> str:
    """The equivalent PyTorch script."""
    from gdcli.codegen.ops import ops_script

    return ops_script(settings)


COMMAND = Command(
    name="ops",
    settings=OpsSettings,
    complete=complete,
    run=run,
    help="Evaluate PyTorch expressions, one per row: result, dtype and shape.",
    examples=(
        "gdcli ops",
        "gdcli ops --a 1 --b 2",
        'gdcli ops "a * b" "a @ b" "outer(a, b)" --a 1,2,3 --b "arange(3)"',
        'gdcli ops "W.matmul(x)" --W "[[1, 2], [3, 4]]" --x 5,6 --json',
    ),
    code=code,
)
