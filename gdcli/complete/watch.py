"""The settings of ``watch`` checked."""

from __future__ import annotations

import os
from typing import get_args

from gdcli.contract.watch import WatchFindingCode, WatchSettings
from gdcli.errors import GdcliError, OutsideError
from gdcli.lang.suggest import did_you_mean

FINDINGS: tuple[str, ...] = get_args(WatchFindingCode)
ANY = "any"


def complete_watch(settings: WatchSettings) -> WatchSettings:
    """Check that there is a script, and that the findings have names.

    Raises:
        GdcliError: for settings that do not fit.
        OutsideError: when the script does not exist.
    """
    name = settings.script
    if not name:
        raise GdcliError(
            "usage", "watch needs a script", "for example: gdcli watch train.py, or gdcli watch - < train.py"
        )
    for code in settings.fail_on:
        if code not in (*FINDINGS, ANY):
            hint = did_you_mean(code, FINDINGS) or f"the findings are {', '.join(FINDINGS)}, or {ANY}"
            raise GdcliError("usage", f"there is no finding '{code}'", hint)
    is_notebook = name.lower().endswith(".ipynb")
    if settings.cell is not None and not is_notebook:
        raise GdcliError("usage", f"--cell is about the cells of a notebook, and {name} is none", "leave out --cell")
    if is_notebook and settings.args:
        raise GdcliError("usage", f"a notebook takes no arguments, but got '{settings.args[0]}'")
    if name != "-" and not os.path.lexists(name):
        raise OutsideError("script", f"cannot read {name}: there is no such file")
    return settings
