"""The source of a script with the remedy of a finding in it: one line changes, and all keep their numbers."""

from __future__ import annotations

import ast
import io
import tokenize

from msgspec.structs import replace

from gdcli.contract.watch import WatchFinding
from gdcli.watching.findings.source import Source
from gdcli.watching.script import Script
from gdcli.watching.seen import WatchedDescent


class CannotChangeError(Exception):
    """A remedy that cannot be written into the source of the script, with the reason."""


def changed(script: Script, finding: WatchFinding, loop: WatchedDescent | None) -> Script:
    """The script with the remedy of a finding in its source; its other lines keep their numbers.

    Raises:
        CannotChangeError: when the line is not in the script itself, or is not one that can be changed alone.
    """
    files = [finding.file] if loop is None else [finding.file, loop.place.file]
    own = [part for part in script.parts if part.file in files]
    if not own:
        raise CannotChangeError("the line is in a module that the script imports, and only the script is changed")
    for part in own:
        try:
            encoding = "utf-8"
            if isinstance(part.source, bytes):
                encoding, _ = tokenize.detect_encoding(io.BytesIO(part.source).readline)
            text = part.source if isinstance(part.source, str) else part.source.decode(encoding)
            new = edited(text, finding)
            if new is not None:
                compile(new, part.file, "exec", dont_inherit=True, flags=ast.PyCF_ONLY_AST)
                source = new if isinstance(part.source, str) else new.encode(encoding)
                parts = [replace(each, source=source) if each is part else each for each in script.parts]
                return replace(script, parts=parts)
        except (SyntaxError, ValueError):
            continue
    raise CannotChangeError("the line is part of a larger statement, or shares its line with others")


def edited(text: str, finding: WatchFinding) -> str | None:
    """A source with the line of a remedy replaced, or a statement added beside the line of the finding."""
    remedy = finding.remedy
    if remedy is None:
        return None
    lines = text.split("\n")
    if remedy.replaces and remedy.line <= len(lines) and lines[remedy.line - 1].strip() == remedy.replaces:
        lines[remedy.line - 1] = lines[remedy.line - 1].replace(remedy.replaces, remedy.text, 1)
        return "\n".join(lines)
    source = Source(finding.file, text)
    statement = source.statement(remedy.line if remedy.replaces else finding.line)
    if statement is None or not _stands_alone(statement, source.tree):
        return None
    if remedy.replaces:
        if ast.unparse(statement) != remedy.replaces:
            return None
        return _with_span(lines, statement, remedy.text)
    old = ast.get_source_segment(text, statement) or ""
    if remedy.line <= finding.line:
        return _with_span(lines, statement, f"{remedy.text}; {old}")
    return None if isinstance(statement, ast.Return) else _with_span(lines, statement, f"{old}; {remedy.text}")


def _stands_alone(statement: ast.stmt, tree: ast.Module) -> bool:
    """Whether a statement has no block, and no other one like it is on its first line."""
    simple = [each for each in ast.walk(tree) if isinstance(each, ast.stmt) and each.lineno == statement.lineno
              and not hasattr(each, "body") and not isinstance(each, ast.Match)]  # fmt: skip
    return simple == [statement]


def _with_span(lines: list[str], statement: ast.stmt, text: str) -> str:
    """The lines with the text of a statement replaced by one of as many lines."""
    first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
    head = lines[first].encode()[: statement.col_offset].decode()
    tail = lines[last].encode()[statement.end_col_offset :].decode()
    missing = [""] * (last - first - text.count("\n"))
    return "\n".join([*lines[:first], head + text + tail, *missing, *lines[last + 1 :]])
