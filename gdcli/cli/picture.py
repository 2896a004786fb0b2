"""``--plot``: the picture of a descent, gathered while it runs and drawn when it has ended; that of a race."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gdcli.cli.output import Output
from gdcli.cli.report import warn
from gdcli.figure.trail import Trail
from gdcli.results import CompareResult, Notice, ResultLine, Step

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.descent.loop import Descent
    from gdcli.figure.model import Figure
    from gdcli.race.race import Race


class Sketch:
    """Looks at the steps of a descent, and keeps as much of them as a picture needs."""

    def __init__(self, descent: Descent[Any], title: str) -> None:
        self.descent = descent
        self.title = title
        self.trail = Trail(descent.settings.optimizer)

    def watch(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The steps as they come."""
        for step in steps:
            self.trail.add(step)
            yield step

    def draw(self, outcome: ResultLine) -> Drawing:
        """The picture, once the descent has ended."""
        from gdcli.figure.descent import figure_of

        if self.trail.last is None or self.trail.last.iteration != outcome.result.iteration:
            self.trail.add(outcome.result)
        return Drawing(figure_of(self.descent, self.title, self.trail))


@dataclass(frozen=True)
class Drawing:
    """A figure, and how it is shown on a terminal."""

    figure: Figure

    @property
    def notices(self) -> list[Notice]:
        """What has to be said about it."""
        return [Notice(remark.code, remark.message) for remark in self.figure.remarks]

    def instead_of_table(self, outcome: ResultLine, digits: int) -> RenderableType:
        """How the descent ended, and the picture."""
        from rich.text import Text

        from gdcli.render.table import ending

        return self.below(Text(self.figure.title, "bold"), ending(outcome, digits))

    def below(self, *parts: RenderableType) -> RenderableType:
        """Something, and the picture below it."""
        from rich.console import Group
        from rich.text import Text

        from gdcli.render.terminal.picture import Picture

        return Group(*parts, Text(""), Picture(self.figure, titled=False))


def show_race(race: Race, record: CompareResult, output: Output) -> None:
    """Print a race, and the paths of its optimizers below it."""
    from gdcli.cli.show import show_for_people
    from gdcli.figure.race import race_figure
    from gdcli.render.compare import compare_report

    drawing = Drawing(race_figure(race, record))
    notices = [*record.warnings, *drawing.notices]
    show_for_people(lambda width: drawing.below(compare_report(record, output.digits, width)), notices, output)
    if not output.quiet:
        warn(notices)
