"""The script of ``ops``."""

from __future__ import annotations

from gdcli.codegen.files import quoted
from gdcli.codegen.script import Script
from gdcli.complete.sources import given
from gdcli.contract.ops import OpsSettings
from gdcli.errors import ExpressionError
from gdcli.lang.nodes import Expression
from gdcli.lang.syntax import parse
from gdcli.lang.values import bind


def ops_script(settings: OpsSettings) -> str:
    """A script that prints expression, numbers, dtype and shape of each row; ``settings`` are complete.

    An expression that cannot be parsed becomes a comment.
    """
    parsed = [_parsed(text) for text in settings.expressions]
    expressions = [each for each in parsed if isinstance(each, Expression)]
    script = Script(settings, expressions, bind(expressions, given(settings)))
    show = script.new_name("show")
    function = [
        "",
        f"def {show}(name, result):",
        '    print(name, result.tolist(), result.dtype, tuple(result.shape), sep="\\t")',
        "",
    ]
    rows = [_row(script, show, text, each) for text, each in zip(settings.expressions, parsed, strict=True)]
    return script.text("Expressions side by side.", script.declarations(()), function, rows)


def _parsed(text: str) -> Expression | ExpressionError:
    try:
        return parse(text)
    except ExpressionError as error:
        return error


def _row(script: Script, show: str, text: str, parsed: Expression | ExpressionError) -> str:
    if isinstance(parsed, ExpressionError):
        return f"# {' '.join(text.split())}: {parsed.message}"
    return f"{show}({quoted(text)}, {script.print(parsed)})"
