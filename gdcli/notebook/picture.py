"""The picture of a record: what ``plot()`` returns."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdcli.contract.figure import Figure


class Picture:
    """A picture that a notebook shows.

    ``panels`` is what is drawn, as plain numbers, and ``figure`` the same as a ``matplotlib.figure.Figure``, to be
    changed or added to.
    """

    def __init__(self, panels: Figure, *, surface: bool = False) -> None:
        self.panels = panels
        self.surface = surface

    @functools.cached_property
    def svg(self) -> str:
        """The picture as SVG."""
        from gdcli.render.picture.picture import save_picture

        file = io.BytesIO()
        save_picture(self.panels, ".svg", file, surface=self.surface)
        text = file.getvalue().decode()
        return text[text.index("<svg") :]

    @functools.cached_property
    def figure(self) -> Any:
        """The picture as a figure of matplotlib; a notebook shows it after ``%matplotlib inline``."""
        import matplotlib as mpl

        from gdcli.render.picture.picture import canvas_of
        from gdcli.render.picture.style import RC

        with mpl.rc_context(RC):
            return canvas_of(self.panels, surface=self.surface)[0]

    def __repr__(self) -> str:
        return f"<gdcli picture: {self.panels.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        from gdcli.render.notebook.pieces import boxed, picture

        return {"text/html": boxed(picture(self.svg, self.panels)), "text/plain": repr(self)}
