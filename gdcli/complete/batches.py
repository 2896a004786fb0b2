"""The settings of ``--batch`` completed and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gdcli.contract.descent import MinimizeSettings
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean, variables_listed
from gdcli.rules.catalogue import RULES

USUAL_SIZE = 32
_TOLERANCES = ("tol_grad", "tol_loss", "tol_x", "until")


def batched(settings: MinimizeSettings) -> list[str]:
    """The variables whose rows are taken in batches; none without ``--batch``."""
    return [] if isinstance(settings.batch, UnsetType) else settings.batch


def with_batches(settings: MinimizeSettings, variables: Sequence[str]) -> MinimizeSettings:
    """With the size and the order of the batches, where there are any; ``wrt`` is complete.

    Raises:
        GdcliError: for a name that is no variable, or one that moves, and options that do not go together.
    """
    names = batched(settings)
    if not names:
        for option in ("batch_size", "shuffle"):
            if getattr(settings, option) is not UNSET:
                message = f"--{option.replace('_', '-')} is about batches of rows, and --batch names none"
                raise GdcliError("batch", message, "name the variables of data: --batch X,y")
        return settings
    for name in names:
        if name not in variables:
            hint = did_you_mean(name, variables) or variables_listed(variables)
            raise GdcliError("batch", f"--batch names '{name}', which is not a variable of the expression", hint)
        if name in settings.wrt:
            message = f"--batch takes rows of {name}, which moves as a whole"
            raise GdcliError("batch", message, f"leave {name} out of --wrt or --batch")
    _check_options(settings)
    size = USUAL_SIZE if settings.batch_size is UNSET else settings.batch_size
    return replace(settings, batch_size=size, shuffle=settings.shuffle is not False)


def _check_options(settings: MinimizeSettings) -> None:
    """Raise GdcliError for options that are about one loss, where each step has the loss of its batch."""
    for name in _TOLERANCES:
        if getattr(settings, name) is not None:
            option = f"--{name.replace('_', '-')}"
            message = f"{option} would test one batch, not all rows"
            raise GdcliError("batch", message, f"leave out {option}, and set --steps")
    if settings.update == "rebind":
        raise GdcliError("batch", "--update rebind takes no batches", "leave out --update or --batch")
    if RULES[settings.optimizer].second_order:
        message = f"{settings.optimizer} takes the second derivatives of all rows, not of a batch"
        raise GdcliError("batch", message, "leave out --batch, or use another optimizer")


def check_rows(names: list[str], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise GdcliError unless the variables have equally many rows; those whose shapes are not known are left out."""
    counts = {}
    for name in names:
        if name in shapes:
            if not shapes[name]:
                raise GdcliError("batch", f"{name} is one number, so it has no rows", f"leave {name} out of --batch")
            counts[name] = shapes[name][0]
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count:,}" for name, count in counts.items())
        raise GdcliError("batch", f"the variables of --batch have different numbers of rows: {listed}")
