"""Importing torch, at the first use of it."""

from __future__ import annotations

import gc
import warnings

from gdcli.errors import OutsideError


def import_torch() -> None:
    """Import torch quietly, and without garbage collection.

    It warns when there is no NumPy, which gdcli does not need; and it makes half a million objects, none of which is
    garbage.
    """
    collecting = gc.isenabled()
    gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torch  # noqa: F401
        except (ImportError, OSError, MemoryError, SystemError) as error:  # the last two without enough memory
            sentence = " ".join(str(error).split()) or "out of memory"
            starved = isinstance(error, MemoryError | SystemError) or "failed to map" in sentence
            hint = "not enough memory, perhaps" if starved else "reinstall torch"
            raise OutsideError("torch", f"PyTorch cannot be loaded: {sentence}", hint) from error
    gc.freeze()
    if collecting:
        gc.enable()
