"""A table in one or more files, read in batches of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from gdcli.data.rows.batch import Batch, Part, batches_of
from gdcli.data.rows.columnar import Columnar
from gdcli.data.rows.delimited import Delimited
from gdcli.data.rows.files import DataFile, files_in, sha256_of
from gdcli.data.rows.objects import JsonLines, JsonList
from gdcli.data.rows.source import Source, Wanted
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean

TEXT_HINT = "take it as categories with --categorical {column}, or leave it out with --exclude {column}"
_FEW = 8  # columns in a hint


class Rows:
    """The rows of a table: its ``name`` in sentences, its ``paths``, and the names of its ``columns``."""

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        self._sources = sources
        self.name = "standard input" if name == "-" else name
        self.paths = tuple(source.file.path for source in sources)
        self.columns = sources[0].columns

    @cached_property
    def sha256(self) -> str:
        """What identifies the content, in hexadecimal digits; ``sha256_of`` says of what."""
        return sha256_of([source.file for source in self._sources])

    def batches(
        self,
        numbers: Sequence[str],
        texts: Sequence[str] = (),
        *,
        size: int = 65_536,
        share: tuple[int, int] = (0, 1),
    ) -> Iterator[Batch]:
        """The rows in their order, ``size`` at a time (the last batch may have fewer), read anew at every call.

        ``numbers`` are columns that hold numbers (true and false are 1 and 0), ``texts`` are taken as they are.
        ``share`` is ``(rank, of)``: the rows are divided into ``of`` consecutive shares that are nearly even, and those
        of ``rank`` are read; a share may be empty.

        Raises:
            OutsideError: when a file cannot be read.
            GdcliError: for a column that there is not, a row that is not as it should be, and a file that has changed.
        """
        for name in (*numbers, *texts):
            self._check_column(name)
        wanted = Wanted(tuple(dict.fromkeys(numbers)), tuple(dict.fromkeys(texts)))
        return batches_of(self._parts(wanted, *share), size)

    def _check_column(self, name: str) -> None:
        if name in self.columns:
            return
        shown = ", ".join(self.columns[:_FEW]) + (", ..." if len(self.columns) > _FEW else "")
        hint = did_you_mean(name, self.columns) or f"its columns are {shown}"
        raise GdcliError("data", f"{self.name} has no column '{name}'", hint)

    def _parts(self, wanted: Wanted, rank: int, of: int) -> Iterator[Part]:
        total = sum(source.extent for source in self._sources)
        start, stop = total * rank // of, total * (rank + 1) // of
        for source in self._sources:
            if start < source.extent and stop > 0:
                source.file.check()
                with source.file.reading():
                    yield from source.parts(wanted, max(0, start), min(stop, source.extent))
                source.file.check()
            start, stop = start - source.extent, stop - source.extent


def open_rows(paths: Sequence[str], hint: str = TEXT_HINT) -> Rows:
    """The table that files and folders hold, together; ``-`` is standard input, which is kept in a temporary file.

    ``hint`` says what to do about a text in a column of numbers, whose name is put in the place of ``{column}``.

    Raises:
        OutsideError: when a file cannot be read.
        GdcliError: for a file that is empty or has no header, names that are not told apart, and files with other
            columns than the first.
    """
    sources = [_source(DataFile(path), hint) for path in files_in(paths)]
    for source in sources:
        _check_like(sources[0], source)
    return Rows(paths[0] if len(paths) == 1 else f"{len(paths)} files", sources)


def _source(file: DataFile, hint: str) -> Source:
    match file.kind:
        case "jsonl":
            return JsonLines(file, hint)
        case "json":
            return JsonList(file, hint)
        case "parquet" | "arrow":
            return Columnar(file, hint)
        case "csv":
            return Delimited(file, hint)


_LIKE = "files that are read together must have the same columns, in any order"


def _check_like(first: Source, source: Source) -> None:
    """Raise GdcliError for a file that does not have the columns of the first one, or whose units are others."""
    name, other = source.file.name, first.file.name
    if isinstance(first, Columnar) != isinstance(source, Columnar):
        raise GdcliError("data", f"{other} and {name} are of different kinds", "give files of one kind")
    if lacking := [column for column in first.columns if column not in source.columns]:
        hint = did_you_mean(lacking[0], source.columns) or _LIKE
        raise GdcliError("data", f"{name} has no column '{lacking[0]}', which {other} has", hint)
    if new := [column for column in source.columns if column not in first.columns]:
        raise GdcliError("data", f"{name} has a column '{new[0]}', which {other} does not have", _LIKE)
