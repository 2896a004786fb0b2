"""Values that are given in Python: tensors, NumPy arrays, nested lists. Large ones are kept as arrays, not as text."""

from __future__ import annotations

import ctypes
import hashlib
import math
from typing import TYPE_CHECKING, Any

from gdcli.cells import BadLineError, flat
from gdcli.data.npy import Header, array_of, dtype_of
from gdcli.errors import GdcliError
from gdcli.lang.arrays import Array
from gdcli.lang.scan import MAX_CHARACTERS

if TYPE_CHECKING:
    import torch

MOST_NUMBERS = 1_000
"""So many numbers stand in the settings of a record; of more there are the shape and the SHA-256."""


def array_given(name: str, value: Any) -> Array | None:
    """The numbers of a tensor or an array of NumPy (or what says that it is like one); None for anything else.

    Raises:
        GdcliError: for one that does not hold plain numbers.
    """
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "untyped_storage"):
        return _of_tensor(name, value)
    if not hasattr(value, "__array_interface__") and hasattr(value, "__array__") and not isinstance(value, type):
        value = value.__array__()
    interface = getattr(value, "__array_interface__", None)
    if not isinstance(interface, dict) or not hasattr(value, "tobytes"):
        return None
    if interface["typestr"][1] not in "fiubc":  # objects may be numbers: they are read as a list
        return None
    dtype, item, swapped = dtype_of(interface["typestr"], f"the value of {name}")
    header = Header(dtype, item, swapped, columns_first=False, shape=tuple(interface["shape"]), length=0)
    return array_of(bytearray(value.tobytes()), header, f"the value of {name}", None)


def _of_tensor(name: str, tensor: torch.Tensor) -> Array:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_complex():
        raise GdcliError("dtype", f"the value of {name} is {dtype}, but gdcli has no complex numbers")
    plain = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    plain = plain.cpu().resolve_neg().contiguous()
    numbers = bytearray(ctypes.string_at(plain.data_ptr(), plain.nbytes)) if plain.numel() else bytearray()
    return Array(tuple(tensor.shape), dtype, numbers)


def listed_array(name: str, value: Any) -> Array | None:
    """The numbers of nested lists that are too many for the settings; None for anything else.

    Raises:
        GdcliError: for rows of different lengths.
    """
    if not isinstance(value, list) or _size(value) <= MOST_NUMBERS:
        return None
    try:
        return Array.of_floats(*flat(name, value))
    except BadLineError as error:
        raise GdcliError("values", f"in the value of {name}: {error}") from None


def in_settings(array: Array, plain: Any, *, moves: bool) -> Any:
    """The value as it stands in the settings: as lists, or text for what is not floating-point; None for too many.

    ``plain`` are the numbers as lists. Those of a variable that moves are floating-point in any case.
    """
    if math.prod(array.shape) > MOST_NUMBERS:
        return None
    if moves or not (array.is_whole or array.dtype == "bool") or not array.shape or 0 in array.shape:
        return plain
    text = f"tensor({plain}, dtype=torch.{'int64' if array.is_whole else 'bool'})"
    return text if len(text) <= MAX_CHARACTERS else None


def sha256_of(array: Array) -> str:
    """The SHA-256 of the bytes of its numbers, the last index first."""
    return hashlib.sha256(array.numbers).hexdigest()


def _size(value: Any) -> int:
    return sum(map(_size, value)) if isinstance(value, list) else 1
