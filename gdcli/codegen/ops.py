"""The script of ``ops``."""

from __future__ import annotations

from collections.abc import Sequence

from gdcli.codegen.files import quoted
from gdcli.codegen.program import Placed
from gdcli.codegen.script import Script
from gdcli.complete.sources import given
from gdcli.contract.ops import OpsSettings
from gdcli.errors import ExpressionError
from gdcli.lang.nodes import Expression
from gdcli.lang.parsing import rows_of
from gdcli.lang.values import bind


def ops_script(settings: OpsSettings) -> str:
    """A script that prints expression, numbers, dtype and shape of each row; ``settings`` are complete.

    An expression that cannot be parsed becomes a comment.
    """
    parsed = [rows_of(text, settings.values) for text in settings.expressions]
    expressions = [row for rows in parsed for _, row in rows if isinstance(row, Expression)]
    script = Script(settings, expressions, bind(expressions, given(settings)))
    show = script.new_name("show")
    function = [
        "",
        f"def {show}(name, result):",
        '    print(name, result.tolist(), result.dtype, tuple(result.shape), sep="\\t")',
        "",
    ]
    lines = [line for rows in parsed for line in _lines(script, show, rows)]
    return script.text("Expressions side by side.", script.declarations(()), [*script.functions(), *function], lines)


def _lines(script: Script, show: str, rows: Sequence[tuple[str, Expression | ExpressionError]]) -> list[str]:
    """The rows of one expression; those of a program between its statements."""
    found = [(text, row) for text, row in rows if isinstance(row, Expression)]
    wrong = [f"# {' '.join(text.split())}: {row.message}" for text, row in rows if isinstance(row, ExpressionError)]
    programs = [row for _, row in found if row.is_program]
    placed = script.printer.statements(programs) if programs else []
    for text, row in found:
        placed.append(Placed(row.root.span[0], [f"{show}({quoted(text)}, {script.printer.text(row)})"]))
    return wrong + [line for each in sorted(placed, key=lambda each: each.place) for line in each.lines]
