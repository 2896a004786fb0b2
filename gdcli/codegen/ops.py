"""The script of ``ops``."""

from __future__ import annotations

from gdcli.codegen.files import quoted
from gdcli.codegen.script import Script
from gdcli.complete.sources import given
from gdcli.contract.ops import OpsSettings
from gdcli.errors import ExpressionError
from gdcli.lang.nodes import Expression
from gdcli.lang.program import rows_of
from gdcli.lang.values import bind


def ops_script(settings: OpsSettings) -> str:
    """A script that prints expression, numbers, dtype and shape of each row; ``settings`` are complete.

    An expression that cannot be parsed becomes a comment.
    """
    parsed = [row for text in settings.expressions for row in rows_of(text, settings.values)]
    expressions = [row for _, row in parsed if isinstance(row, Expression)]
    script = Script(settings, expressions, bind(expressions, given(settings)))
    show = script.new_name("show")
    function = [
        "",
        f"def {show}(name, result):",
        '    print(name, result.tolist(), result.dtype, tuple(result.shape), sep="\\t")',
        "",
    ]
    rows = [_row(script, show, text, row) for text, row in parsed]
    return script.text("Expressions side by side.", script.declarations(()), function, rows)


def _row(script: Script, show: str, text: str, parsed: Expression | ExpressionError) -> str:
    if isinstance(parsed, ExpressionError):
        return f"# {' '.join(text.split())}: {parsed.message}"
    return f"{show}({quoted(text)}, {script.print(parsed)})"
