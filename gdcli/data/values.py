"""The value of a variable that stands in a file, as an array."""

from __future__ import annotations

from gdcli.data.document import read_document
from gdcli.data.file import File
from gdcli.data.npy import read_npy, read_npz
from gdcli.data.parquet import read_parquet
from gdcli.data.table import read_table
from gdcli.errors import GdcliError
from gdcli.lang.arrays import Array, Origin


def array_in(file: File, selector: str | None) -> Array:
    """The numbers of a file that a selector means; None means all of them.

    Raises:
        GdcliError: for a selector that does not fit the file, and contents that are not numbers.
    """
    match file.kind:
        case "csv":
            found = read_table(file, selector)
        case "json" | "jsonl":
            found = read_document(file, selector)
        case "npz":
            found = read_npz(file.content, file.name, file.path, selector)
        case "parquet":
            found = read_parquet(file, selector)
        case "npy":
            if selector is not None:
                message = f"{file.name} holds one array, which has no part '{selector}'"
                raise GdcliError("values", message, f"write @{file.path}, and select in the expression: x[:, 0]")
            found = read_npy(file.content, file.name, Origin(file.path, "npy"))
    if 0 in found.shape:
        raise GdcliError("empty", f"{file.name} has no numbers: its shape is {found.shape}")
    return found
