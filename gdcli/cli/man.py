"""The manual pages: one of gdcli with the topics of its help, and one for each command, in the language of man(7).

They are made when the package is built, from the same texts as ``--help`` and ``gdcli help``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import typer

from gdcli.cli.app import COMMANDS, group, load
from gdcli.cli.topics import TOPICS, Examples, Part, Rows, exit_codes
from gdcli.version import __version__


def pages() -> dict[str, str]:
    """The text of each page by the name of its file: ``gdcli.1``, ``gdcli-minimize.1``, ..."""
    return {"gdcli.1": _of_gdcli(), **{f"gdcli-{name}.1": _of_command(name) for name in COMMANDS}}


def _of_gdcli() -> str:
    root = group()
    context = typer.Context(root, info_name="gdcli", help_option_names=["--help", "-h"])
    lines = [*_head("gdcli", "gradient descent in the terminal"), r"\fBgdcli\fR \fICOMMAND\fR [\fIOPTIONS\fR]"]
    lines += [".SH DESCRIPTION", _text(root.help), ".SH COMMANDS"]
    for name, text in COMMANDS.items():
        lines += [".TP", rf"\fBgdcli\-{_text(name)}\fR(1)", _text(text)]
    lines += [".SH OPTIONS", *_options([p.get_help_record(context) for p in root.get_params(context)])]
    for name, (title, parts) in TOPICS.items():
        lines += [f".SH {_text(name.replace('-', ' ').upper())}", f"{_text(title)}.", *_parts(parts())]
    return "\n".join(lines) + "\n"


def _of_command(name: str) -> str:
    command = load(name)
    context = typer.Context(command, info_name=name, help_option_names=["--help", "-h"])
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join([r"[\fIOPTIONS\fR]", *(rf"[\fI{p.metavar}\fR]{'...' * (p.nargs != 1)}" for p in arguments)])
    lines = [*_head(f"gdcli-{name}", COMMANDS[name].rstrip(".")), rf"\fBgdcli {_text(name)}\fR {usage}"]
    lines += [".SH DESCRIPTION", _text(command.help), ".SH OPTIONS"]
    for panel, records in command.panels(context).items():
        lines += [f".SS {_text(panel)}", *_options(records)]
    lines += [".SH EXAMPLES", *_parts([Examples(command.epilog.splitlines())])]
    lines += [".SH EXIT STATUS", *_parts(part._replace(heading="") for part in exit_codes() if isinstance(part, Rows))]
    others = [r"\fBgdcli\fR(1)", *(rf"\fBgdcli\-{_text(each)}\fR(1)" for each in COMMANDS if each != name)]
    return "\n".join([*lines, ".SH SEE ALSO", ",\n".join(others)]) + "\n"


def _head(name: str, what: str) -> list[str]:
    return [
        f'.TH {_text(name).upper()} 1 "" "gdcli {__version__}" "gdcli"',
        ".nh",  # no hyphens within words, which may be code
        ".ad l",
        ".SH NAME",
        rf"{_text(name)} \- {_text(what)}",
        ".SH SYNOPSIS",
    ]


def _options(records: Iterable[tuple[str, str] | None]) -> Iterator[str]:
    """The options, each with its help line."""
    for record in filter(None, records):
        name, _, value = record[0].partition(" ") if record[0].startswith("--") else (record[0], "", "")
        yield from (".TP", rf"\fB{_text(name)}\fR \fI{_text(value)}\fR" if value else rf"\fB{_text(name)}\fR")
        yield _text(record[1])


def _parts(parts: Iterable[Part]) -> Iterator[str]:
    """The parts of a page on a topic."""
    for part in parts:
        if isinstance(part, Rows):
            if part.heading:
                yield from (".PP", f"{_text(part.heading)}:")
            for label, text in part.rows:
                yield from (".TP", rf"\fB{_text(label)}\fR", _text(text))
        elif isinstance(part, Examples):
            yield from (".PP", ".nf", *(rf"\fB{_text(line)}\fR" for line in part.lines), ".fi")
        else:
            yield from (".PP", _text(part))


def _text(text: str | None) -> str:
    """A text in which nothing is a request or an escape."""
    line = " ".join((text or "").split()).replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    line = line.replace("^", r"\(ha").replace("~", r"\(ti").replace("`", r"\(ga")
    return rf"\&{line}" if line.startswith((".", r"\(aq")) else line
