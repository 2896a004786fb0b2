"""``gdcli compare``: optimizers side by side."""

from __future__ import annotations

from gdcli.cli.command import Command
from gdcli.cli.interrupt import interruptible
from gdcli.cli.output import Output
from gdcli.cli.progress import run_with_progress
from gdcli.cli.show import show
from gdcli.errors import ExitCode
from gdcli.settings import CompareSettings


def complete(settings: CompareSettings) -> CompareSettings:
    """Fill in the example, and check the words."""
    from gdcli.race.entries import complete_compare

    return complete_compare(settings)


def run(settings: CompareSettings, output: Output) -> int:
    """Race and print."""
    from gdcli.race.race import Race
    from gdcli.render.compare import compare_csv, compare_report

    race = Race(settings)
    with interruptible(race.interrupt):
        run_with_progress(race, "racing", quiet=output.quiet)
    record = race.record()
    if output.plot:
        from gdcli.cli.picture import show_race

        show_race(race, record, output)
    else:
        show(record, output, table=compare_report, csv=compare_csv)
    return ExitCode.INTERRUPTED if record.status == "interrupted" else ExitCode.OK


COMMAND = Command(
    name="compare",
    settings=CompareSettings,
    complete=complete,
    run=run,
    help="Let optimizers race from the same starts to the same goal: who gets there, and at what cost.",
    examples=(
        "gdcli compare",
        "gdcli compare himmelblau --optimizer sgd,adam --lr 0.01 --starts 20",
        "gdcli compare quadratic-10 --tune --rates 12 --steps 200",
        "gdcli compare beale --optimizer manual,manual-momentum,manual-nesterov --lr auto --json",
        'gdcli compare "x**4 - x**2" --optimizer sgd,adam --opt adam.betas=0.8,0.9 --domain x=-2:2 --starts 5',
        "gdcli compare rosenbrock --plot",
    ),
    plots=True,
)
