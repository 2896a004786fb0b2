"""The places of code: which file and line of the user's own code a call comes from."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from gdcli.watching.seen import Place

_GDCLI = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # noqa: PTH100, PTH120


def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= set(getattr(site, "getsitepackages", list)())
    return tuple(os.path.normpath(folder) + os.sep for folder in folders)


def cell_of(file: str) -> str:
    """The name of the cell of IPython whose code has this for its file; empty if there is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    named = None if shell is None else shell.compile.format_code_name(file)
    if shell is None or named is None:
        return ""
    number = named[1].removeprefix("In")  # In[5]
    return f"cell {number if number != '[0]' else f'[{shell.execution_count}]'}"  # 0: code that a magic runs


class Places:
    """Tells the user's own code from that of libraries, and names its lines."""

    def __init__(self) -> None:
        self._libraries = _library_folders()
        try:
            self._start = os.getcwd().rstrip(os.sep) + os.sep  # noqa: PTH109
        except FileNotFoundError:
            self._start = os.sep
        self._own: dict[CodeType, bool] = {}
        self._places: dict[tuple[CodeType, int], Place] = {}

    def shown(self, file: str) -> str:
        """A file as people write it: from the folder that the script was started in, where it lies there.

        A cell of a notebook that runs has the number that stands beside it: ``cell [5]``.
        """
        return cell_of(file) or file.removeprefix(self._start)

    def is_own(self, code: CodeType) -> bool:
        """Whether a function is the user's: of no library and not of gdcli."""
        known = self._own.get(code)
        if known is None:
            known = self._own[code] = self.is_own_file(code.co_filename)
        return known

    def is_own_file(self, name: str) -> bool:
        """Whether a file, or what stands for one (``<stdin>``), is the user's."""
        if name.startswith("<"):
            return not name.startswith(("<frozen", "<string>", "<__array", "<eval_with", "<attrs", "<decorator"))
        return not name.startswith((*self._libraries, _GDCLI))

    def frame(self, frame: FrameType | None) -> FrameType | None:
        """The innermost frame of the user's code, from a frame outwards; None if there is none."""
        while frame is not None and not self.is_own(frame.f_code):
            frame = frame.f_back
        return frame

    def place(self, frame: FrameType) -> Place:
        """The line that a frame is at."""
        key = frame.f_code, frame.f_lineno or 0
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place(frame.f_code.co_filename, key[1], frame.f_code.co_name)
        return place

    def here(self, depth: int = 1) -> Place:
        """The line of the user's code that called; that of the caller if there is none."""
        caller = sys._getframe(depth + 1)  # noqa: SLF001 -- no other way to the caller
        return self.place(self.frame(caller) or caller)

    def warning_shown(self, show: Callable[..., Any]) -> Callable[..., Any]:
        """``warnings.showwarning`` that names the user's line where the caller that is named is a function of gdcli."""

        def showwarning(
            message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: str | None = None
        ) -> Any:
            if filename.startswith(_GDCLI):
                frame = self.frame(sys._getframe(1))  # noqa: SLF001
                if frame is not None:
                    filename, lineno, line = frame.f_code.co_filename, frame.f_lineno, None
            return show(message, category, filename, lineno, file, line)

        return showwarning

    def of_traceback(self, error: BaseException) -> Place | None:
        """The innermost line of the user's code in the traceback of an error."""
        found, entry = None, error.__traceback__
        while entry is not None:
            code = entry.tb_frame.f_code
            if self.is_own(code):
                found = Place(code.co_filename, entry.tb_lineno, code.co_name)
            entry = entry.tb_next
        if found is None and isinstance(error, SyntaxError) and error.filename:
            found = Place(error.filename, error.lineno or 0, "<module>")
        return found
