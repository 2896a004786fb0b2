"""``--shard``, ``--merge`` and ``--resume``: their words, and the files that they are about. No torch here."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from gdcli.cli.output import Output
from gdcli.cli.whole_file import whole_file
from gdcli.contract.sweep import Shard, SweepSettings
from gdcli.errors import GdcliError, OutsideError

if TYPE_CHECKING:
    from gdcli.sweeps.part import Part
    from gdcli.sweeps.sweep import Finished, Sweep

_ALL = Shard(1, 1)
_GIVEN = {"expression": "the expression", "values": "the values of variables", "lrs": "--lr.NAME"}


def read_shard(text: str | None) -> Shard:
    """The shard of ``--shard 3/8``; the whole sweep without one.

    Raises:
        GdcliError: for other words, and a shard that there is not.
    """
    if text is None:
        return _ALL
    match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
    if match is None:
        raise GdcliError("shard", f"--shard takes I/N, not '{text}'", "for example: --shard 3/8, the third of eight")
    number, of = int(match[1]), int(match[2])
    if of == 0:
        raise GdcliError("shard", f"--shard {text} is one of no shards", "for example: --shard 3/8, the third of eight")
    if not 1 <= number <= of:
        hint = f"they are 1/{of} to {of}/{of}" if of > 1 else "the only one is 1/1"
        raise GdcliError("shard", f"there is no shard {number} of {of}", hint)
    return Shard(number, of)


def check_shards(output: Output) -> None:
    """Check what is printed and saved together with these options.

    Raises:
        GdcliError: for options that cannot be combined.
    """
    shard = read_shard(output.shard)
    for option in ("merge", "shard", "resume"):
        if output.live and getattr(output, option):
            message = f"--live runs the cells from coarse to fine, and --{option} goes by tiles"
            raise GdcliError("usage", message, f"leave out --live or --{option}")
    if output.merge:
        for option, given in (("shard", output.shard), ("resume", output.resume)):
            if given:
                message = f"--merge runs nothing, so --{option} would change nothing"
                raise GdcliError("usage", message, f"leave out --{option} or --merge")
    elif output.shard is not None:
        _check_part(output, shard)
    if output.resume and not output.save:
        message = "--resume keeps the finished tiles beside the file that is saved, and none is"
        raise GdcliError("usage", message, "add --save map.npz")


def _check_part(output: Output, shard: Shard) -> None:
    """Raise GdcliError when something else than the one part of a shard is saved or printed."""
    name = f"part-{shard.number}.npz"
    if not output.save:
        raise GdcliError("usage", "--shard makes a part of the map, and it is not saved", f"add --save {name}")
    for path in output.save:
        if not path.lower().endswith(".npz"):
            message = f"--shard makes a part of the map, which is an NPZ file, not {path}"
            raise GdcliError("usage", message, f"use --save {name}; --merge then saves {path}")
    if len(output.save) > 1:
        raise GdcliError("usage", "--shard makes one part, and --save names several files", f"keep --save {name}")
    if output.format != "table":
        message = f"--shard makes a part of the map, which has no record for --{output.format}"
        raise GdcliError("usage", message, f"leave out --{output.format}; --merge prints the record")
    if output.output is not None:
        message = "--output writes the record, and a part of the map has none"
        raise GdcliError("usage", message, "leave out --output; --merge prints the record")


def settings_of_merge(given: SweepSettings, output: Output) -> SweepSettings:
    """The settings of the parts of ``--merge``; those that were ``given`` without it.

    Raises:
        GdcliError: for settings that are given together with parts, and parts that are not one sweep.
    """
    check_shards(output)
    if not output.merge:
        return given
    for name in given.__struct_fields__:
        if getattr(given, name) != getattr(SweepSettings(), name):
            what = _GIVEN.get(name, f"--{name.replace('_', '-')}")
            message = f"--merge takes the settings from the parts, so {what} would change nothing"
            raise GdcliError("usage", message, f"leave out {what}")
    return checked_parts(output.merge)[1]


def checked_parts(paths: Sequence[str]) -> tuple[list[Part], SweepSettings]:
    """All parts of one sweep, in the order of their tiles, and its settings.

    Raises:
        GdcliError: for one that is no part or of another sweep, and for tiles that are missing or there twice.
    """
    import math

    from gdcli.complete.sweep import axes_of
    from gdcli.sweeps.part import check_parts, check_same, read_part, settings_of

    parts = [read_part(path) for path in paths]
    check_same(parts)
    settings = settings_of(parts[0])
    check_parts(parts, math.prod(map(len, axes_of(settings))))
    return sorted(parts, key=lambda part: part.tiles), settings


class Kept:
    """The folder beside a target, in which finished tiles are kept until the target is written."""

    def __init__(self, target: str) -> None:
        self.folder = Path(f"{target}.tiles")

    def parts(self, sweep: Sweep) -> list[Part]:
        """What is there already.

        Raises:
            GdcliError: for tiles of another sweep, or made in another way.
        """
        from gdcli.sweeps.part import check_of, disjoint, read_part, settings_text

        found = [read_part(str(path)) for path in sorted(self.folder.glob("tiles-*.npz"))]
        hint = f"rm -r {quote(str(self.folder))} begins anew; or save under another name"
        for part in found:
            check_of(part, settings_text(sweep.settings), sweep.made, "here", hint)
        return list(disjoint(found, ()))

    def make(self) -> None:
        """Make the folder.

        Raises:
            OutsideError: when that cannot be done.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutsideError("output", f"cannot make the folder {self.folder}: {error.strerror}") from error

    def keep(self, sweep: Sweep, finished: Finished) -> None:
        """Keep tiles that have been run together, whole or not at all.

        Raises:
            OutsideError: when that cannot be done.
        """
        from gdcli.sweeps.part import write_part

        with whole_file(str(self.folder / f"tiles-{finished.tiles[0]:06}.npz")) as file:
            write_part(file, sweep, finished.tiles, finished.run_steps)

    def remove(self) -> None:
        """Remove the folder, with the files that have been made there; other files stay, and the folder with them."""
        with contextlib.suppress(OSError):
            for path in list(self.folder.iterdir()):
                if re.fullmatch(r"tiles-\d+\.npz|rank-\d+(-of-\d+\.npz)?|failed|\..*\.gdcli-.*\.tmp", path.name):
                    path.unlink(missing_ok=True)
            self.folder.rmdir()
