"""``gdcli grad --each`` and ``gdcli grad --points``: gradients at many points."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING

from msgspec import UnsetType

from gdcli.cli.interrupt import interruptible
from gdcli.cli.messages import to_stderr, warn
from gdcli.cli.output import Output
from gdcli.cli.progress import progress
from gdcli.cli.show import show, with_notices
from gdcli.complete.sources import given
from gdcli.contract.grad import GradSettings
from gdcli.errors import ExitCode, GdcliError

if TYPE_CHECKING:
    from gdcli.contract.envelope import Notice
    from gdcli.contract.grad import Point
    from gdcli.explain.points import PointGradients
    from gdcli.pointfile import PointFile
    from gdcli.render.points import Writer


def check(settings: GradSettings) -> None:
    """Check the file of points, without torch.

    Raises:
        GdcliError: for a file that cannot be read, or whose header does not match the variables.
    """
    if settings.points:
        from gdcli.lang.parsing import parse
        from gdcli.pointfile import check as check_file

        check_file(settings.points, parse(settings.expression, settings.values), given(settings))


def print_each(settings: GradSettings, output: Output) -> int:
    """Differentiate at the points that the variables list, and print."""
    from gdcli.explain.points import grad_each
    from gdcli.render.points import points_csv, points_lines
    from gdcli.render.points_table import points_table

    record = grad_each(settings)
    table = functools.partial(points_table, show_all=output.all)
    if output.format == "jsonl":
        with output.open() as file:
            file.write(points_lines(record))
        if not output.quiet:
            warn(record.warnings)
    else:
        show(record, output, table=table, csv=points_csv)
    return ExitCode.OK if record.status == "ok" else ExitCode.USAGE


def stream_points(settings: GradSettings, output: Output) -> int:
    """Differentiate at the points of a file as they are read, and print the results in their order."""
    from gdcli.explain.points import gradients_for
    from gdcli.lang.parsing import parse
    from gdcli.pointfile import PointFile

    points = PointFile(settings.points, parse(settings.expression, settings.values), given(settings))
    chosen = points.format if output.format == "table" else output.format
    stream = _Stream(points, gradients_for(points, settings, one_shape=chosen == "csv"))
    stream.notices = output.heard.notices if chosen == "json" else list  # lines and CSV have no place for them
    _, size = points.progress
    hidden = output.quiet or size is None or sys.stdout.isatty()  # the results show the progress
    with (
        interruptible(stream.stop) as interruption,
        output.open() as file,
        progress("differentiating", size or 0, quiet=hidden) as bar,
    ):
        stream.print(_writer(chosen, stream.gradients), file, bar)
    if not output.quiet:
        warn(stream.record.warnings)
    if stream.record.status == "interrupted":
        to_stderr(stream.record.message)
    codes = {"ok": ExitCode.OK, "failed": ExitCode.FAILED, "interrupted": interruption.code}
    return codes[stream.record.status]


def _writer(chosen: str, gradients: PointGradients) -> Writer:
    from gdcli.render.points import Csv, Document, JsonLines

    start = gradients.record([])
    if chosen == "csv":
        return Csv(gradients.names, start.values, start.settings.wrt)
    return Document(start) if chosen == "json" else JsonLines()


class _Stream:
    """The results at the points of a file; an error in a line goes to standard error, and the rest continues."""

    def __init__(self, points: PointFile, gradients: PointGradients) -> None:
        self.points = points
        self.gradients = gradients
        self.record = gradients.record([])
        self.notices: Callable[[], list[Notice]] = list
        self._stopped_by: str | None = None

    def stop(self, by: str) -> None:
        """Stop after the results that are being computed; ``by`` says by what (" by SIGTERM")."""
        self._stopped_by = by

    def print(self, writer: Writer, file: IO[bytes], show: Callable[[float], None]) -> None:
        """Write the results as they are computed, and the end of the output; ``show`` gets the number of bytes read."""
        trouble: GdcliError | None = None
        begun = False
        try:
            for chunk in self.points.chunks(lambda: self._stopped_by is not None):
                answers = self.gradients.at(chunk)
                begun = True
                file.write(writer.write(answers))
                file.flush()
                _report(answers)
                show(self.points.progress[0])
        except GdcliError as error:
            if not begun:
                raise
            trouble = error
            to_stderr(f"error: {error.message}")
        finally:
            self.points.close()
        stopped_by = None if self.points.ended else self._stopped_by
        record = self.gradients.record([], stopped_by=stopped_by, trouble=trouble)
        self.record = with_notices(record, self.notices())
        file.write(writer.end(self.record))


def _report(answers: Sequence[Point]) -> None:
    """Report which lines have no result, and why."""
    bad = [f"error: line {a.line}: {a.error.message}" for a in answers if not isinstance(a.error, UnsetType)]
    if bad:
        to_stderr("\n".join(bad))
