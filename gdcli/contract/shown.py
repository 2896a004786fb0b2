"""Records that show themselves in a notebook, and that can be drawn, saved and put into a table of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from msgspec.structs import replace

from gdcli.contract.envelope import Record

if TYPE_CHECKING:
    from os import PathLike

    from gdcli.notebook.page import Page  # noqa: TID251 -- see ``_shown``
    from gdcli.notebook.picture import Picture  # noqa: TID251


def _shown() -> Any:
    """What shows a record. It stands above records, and is imported when somebody asks for it."""
    from gdcli.notebook import show  # noqa: TID251 -- the methods of a record are where people look for it

    return show


class Shown(Record, frozen=True, kw_only=True, dict=True):
    """A record that a run leaves.

    ``run``, what made it, is no part of it: it is in no document, and records are equal without it.
    """

    def made_by(self, run: Any) -> Self:
        """This record, which keeps from now on what made it: its pictures need not run it again."""
        self.__dict__["run"] = run
        return self

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        """What a notebook shows: HTML, and as plain text what the command prints."""
        bundle: dict[str, str] = _shown().bundle(self)
        return bundle

    def plot(self, *, surface: bool = False) -> Picture:
        """The picture that ``--save run.svg`` saves; a notebook shows it. With ``surface``, contours as a surface.

        Raises:
            GdcliError: for a record that has no picture.
            OutsideError: without matplotlib.
        """
        picture: Picture = _shown().plot(self, surface=surface)
        return picture

    def save(self, *paths: str | PathLike[str], **options: Any) -> None:
        """Save what the endings of the names say, as ``--save`` does: also ``.json`` and ``.csv``.

        ``options`` are ``surface``, ``fps`` and ``seconds``.

        Raises:
            GdcliError: for a name with an ending that this record cannot be saved as.
            OutsideError: for a library that is missing, and a file that cannot be written.
        """
        _shown().save(self, paths, options)

    def page(self, height: int = 800) -> Page:
        """The interactive page that ``--save run.html`` saves; a notebook shows it, so many pixels high.

        Raises:
            GdcliError: for a record that has no page.
            OutsideError: without plotly.
        """
        page: Page = _shown().page(self, height)
        return page

    def frame(self) -> Any:
        """The table that ``--csv`` prints, as a pandas.DataFrame.

        Raises:
            OutsideError: without pandas.
        """
        return _shown().frame(self)


R = TypeVar("R", bound=Record)


def changed(record: R, **changes: Any) -> R:
    """A record with other values in some fields, which keeps what made it."""
    found = replace(record, **changes)
    if isinstance(record, Shown) and "run" in record.__dict__:
        found.__dict__["run"] = record.__dict__["run"]
    return found
