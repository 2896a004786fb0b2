"""Parts of a sweep as NPZ files: the cells of some tiles, and of which sweep they are.

``settings`` (JSON), ``gdcli`` (its version) and ``engine`` (JSON) say of which sweep and how they were made, ``shard``
which of how many, and ``tiles`` which tiles these are. ``status``, ``steps``, ``loss``, ``end`` (cells, elements) and,
if it was measured, ``rate`` are those of their cells, one tile after the other; ``run_steps`` is what they took. No
torch is needed to read what a part is.
"""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import msgspec

from gdcli.contract.sweep import TILE, EngineMade, Shard, SweepSettings
from gdcli.data.npy import read_npy, read_text
from gdcli.errors import GdcliError
from gdcli.lang.arrays import Array, Origin
from gdcli.unreadable import unreadable
from gdcli.version import __version__

if TYPE_CHECKING:
    from gdcli.sweeps.ends import Cells
    from gdcli.sweeps.sweep import Sweep

_MOST = 1 << 31  # numbers of an array
_UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError, LookupError)


@dataclass(frozen=True, slots=True)
class Part:
    """What a part is; ``cells_of`` reads its cells. ``settings`` is the JSON of the settings of the sweep."""

    path: str
    settings: str
    version: str
    engine: EngineMade
    shard: Shard
    tiles: list[int]
    run_steps: int


def write_part(file: IO[bytes], sweep: Sweep, tiles: Sequence[int], run_steps: int) -> None:
    """Write the cells of some tiles."""
    import torch

    from gdcli.sweeps.grid import place_of
    from gdcli.sweeps.npz import write_npz

    chosen, cells = place_of(sweep.grid.cells(tiles)), sweep.cells
    arrays = {
        "shard": torch.tensor([sweep.shard.number, sweep.shard.of]),
        "tiles": torch.tensor(list(tiles), dtype=torch.int64),
        "run_steps": torch.tensor(run_steps),
        "status": cells.status[chosen],
        "steps": cells.steps[chosen],
        "loss": cells.loss[chosen],
        "end": cells.x[:, chosen].T,
    }
    if cells.rate is not None:
        arrays["rate"] = cells.rate[chosen]
    engine = msgspec.json.encode(sweep.made).decode()
    write_npz(file, arrays, {"settings": settings_text(sweep.settings), "gdcli": __version__, "engine": engine})


def settings_text(settings: SweepSettings) -> str:
    """The JSON by which parts are compared."""
    return msgspec.json.encode(settings).decode()


def read_part(path: str) -> Part:
    """What a part is, without its cells.

    Raises:
        GdcliError: for a file that cannot be read, is no part, or is damaged.
    """
    with _opened(path) as archive:
        if "settings.npy" not in archive.namelist():
            message = f"{path} is not a part of a sweep"
            raise GdcliError("part", message, "a part is what --shard I/N --save FILE.npz writes")
        texts = {name: read_text(archive.read(f"{name}.npy"), name) for name in ("settings", "gdcli", "engine")}
        numbers = {name: _whole(_array(archive, name, path)) for name in ("shard", "tiles", "run_steps")}
        shard = Shard(*numbers["shard"])
        if not 1 <= shard.number <= shard.of:
            raise ValueError(shard)
        engine = msgspec.json.decode(texts["engine"], type=EngineMade)
        return Part(path, texts["settings"], texts["gdcli"], engine, shard, numbers["tiles"], numbers["run_steps"][0])


def cells_of(part: Part, size: int) -> Cells:
    """The cells of a part, one tile after the other; ``size`` is the number of all cells of the sweep.

    Raises:
        GdcliError: for a file that cannot be read, or is damaged.
    """
    import torch

    from gdcli.sweeps.ends import Cells

    with _opened(part.path) as archive:
        names = ["status", "steps", "loss", "end", *(["rate"] if "rate.npy" in archive.namelist() else [])]
        found = {name: _array(archive, name, part.path) for name in names}
    arrays = {}
    for name, read in found.items():
        dtype = getattr(torch, read.dtype)
        numbers = torch.frombuffer(read.numbers, dtype=dtype) if read.numbers else torch.empty(0, dtype=dtype)
        arrays[name] = numbers.reshape(read.shape)
    count = sum(min(TILE, size - tile * TILE) for tile in part.tiles)
    if any(len(each) != count for each in arrays.values()):
        raise GdcliError("part", f"{part.path} is damaged: it does not have {count:,} cells", "make it again")
    return Cells(arrays["status"], arrays["steps"], arrays["loss"], arrays["end"].T, arrays.get("rate"))


@contextlib.contextmanager
def _opened(path: str) -> Iterator[zipfile.ZipFile]:
    """The archive of a path; what is wrong with it is an error that says so."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise unreadable("part", f"the part {path}", path, error, (".npz",)) from error
    except (*_UNREADABLE, msgspec.MsgspecError, TypeError):
        message = f"{path} is cut off, damaged, or not an NPZ file"
        raise GdcliError("part", message, "make this part again") from None


def _array(archive: zipfile.ZipFile, name: str, path: str) -> Array:
    return read_npy(archive.read(f"{name}.npy"), f"{name} in {path}", Origin(path, "npz", names=(name,)), _MOST)


def _whole(read: Array) -> list[int]:
    return array("q", bytes(read.numbers)).tolist()


# What several parts are together


def check_parts(parts: Sequence[Part], size: int) -> None:
    """Check that parts of one sweep are all of it, each tile once.

    Raises:
        GdcliError: for a tile that is missing, or there twice.
    """
    owner: dict[int, str] = {}
    count = -(-size // TILE)
    for part in parts:
        if any(not 0 <= tile < count for tile in part.tiles):
            raise GdcliError("part", f"{part.path} is damaged: it has tiles beyond the grid", "make this part again")
        for tile in part.tiles:
            if tile in owner:
                message = f"tile {tile} is in {owner[tile]} and in {part.path}"
                if part.path == owner[tile]:
                    message = f"{part.path} is given twice"
                raise GdcliError("part", message, "leave one of them out")
            owner[tile] = part.path
    missing = [tile for tile in range(count) if tile not in owner]
    if missing:
        of = {part.shard.of for part in parts}
        message = f"{len(missing)} of {count} tiles {'is' if len(missing) == 1 else 'are'} missing: {_listed(missing)}"
        if len(of) > 1:
            raise GdcliError(
                "part", message, "the parts are of different numbers of shards; make them with one --shard I/N"
            )
        (n,) = of
        shards = sorted({tile % n + 1 for tile in missing})
        names = _listed([f"{shard}/{n}" for shard in shards])
        raise GdcliError("part", message, f"add {'the part' if len(shards) == 1 else 'the parts'} of --shard {names}")


def _listed(things: Sequence[Any], most: int = 8) -> str:
    words = [str(thing) for thing in things[:most]]
    if len(things) > most:
        return f"{', '.join(words)} and {len(things) - most:,} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def check_same(parts: Sequence[Part]) -> None:
    """Check that parts are of one sweep, made by one version and one engine.

    Raises:
        GdcliError: for one that is not as the first.
    """
    first = parts[0]
    for part in parts:
        check_of(part, first.settings, first.engine, f"in {first.path}")


def check_of(part: Part, settings: str, engine: EngineMade, where: str, hint: str = "") -> None:
    """Check that a part is of a sweep with these settings and this engine, those ``where``.

    Raises:
        GdcliError: for a part of another sweep, and one that another version of gdcli or another engine has made; with
            ``hint``, or what fits.
    """
    if part.version != __version__:
        message = f"{part.path} was made by gdcli {part.version}, and this is {__version__}"
        raise GdcliError("part", message, hint or "make all parts with one version")
    if part.settings != settings:
        message = f"{part.path} is of another sweep: {difference(part.settings, settings, where)}"
        raise GdcliError("part", message, hint or "use the parts of one sweep")
    if part.engine != engine:
        message = f"{part.path} was made by the engine {part.engine.name}, and what is {where} by {engine.name}"
        raise GdcliError("part", message, hint or "make all parts with the same packages, or with --engine replay")


def difference(there: str, here: str, where: str) -> str:
    """The first setting that differs, in words."""
    a, b = msgspec.json.decode(there), msgspec.json.decode(here)
    for key in dict.fromkeys([*b, *a]):
        if a.get(key) != b.get(key):
            return f"{key} is {_shown(a.get(key))} there, and {_shown(b.get(key))} {where}"
    return "its settings are not the same"


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def settings_of(part: Part) -> SweepSettings:
    """The settings of the sweep of a part.

    Raises:
        GdcliError: for a part that is damaged.
    """
    try:
        return msgspec.json.decode(part.settings, type=SweepSettings)
    except msgspec.MsgspecError as error:
        raise GdcliError("part", f"{part.path} is damaged: {error}", "make this part again") from None


def disjoint(parts: Sequence[Part], has: Sequence[int]) -> Iterator[Part]:
    """Those of some parts that share no tile with ``has`` or with one before."""
    taken = set(has)
    for part in parts:
        if taken.isdisjoint(part.tiles):
            taken.update(part.tiles)
            yield part
