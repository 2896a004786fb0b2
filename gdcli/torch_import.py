"""Importing torch, at the first use of it."""

from __future__ import annotations

import gc
import warnings


def import_torch() -> None:
    """Import torch quietly, and without garbage collection.

    It warns when there is no NumPy, which gdcli does not need; and it makes half a million objects, none of which is
    garbage.
    """
    collecting = gc.isenabled()
    gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch  # noqa: F401
    gc.freeze()
    if collecting:
        gc.enable()
