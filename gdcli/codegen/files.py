"""The lines of a script that read the value of a variable from its file."""

from __future__ import annotations

from gdcli.data.reference import in_home
from gdcli.lang.arrays import Array, Origin

STANDARD = ("csv", "io", "json", "math", "sys")
"""The modules of Python's own library that a script may import."""
TAKEN_TO_READ = frozenset(["csv", "io", "json", "sys", "numpy", "parquet", "open", "float"])
"""What a script that reads files calls by these names."""

_OF_NUMPY = ("npy", "npz")


def quoted(text: str) -> str:
    """A text as a literal of Python."""
    return f'"{text}"' if text.isprintable() and not set('"\\') & set(text) else repr(text)


def modules_for(origin: Origin) -> set[str]:
    """The modules by which a file is read."""
    module = {"csv": "csv", "json": "json", "jsonl": "json", "parquet": "parquet"}.get(origin.kind, "numpy")
    needs_csv = origin.kind != "csv" or origin.delimiter != " "
    binary = origin.kind in (*_OF_NUMPY, "parquet")
    found = {module} if needs_csv else set()
    return found | (({"sys", "io"} if binary else {"sys"}) if origin.path == "-" else set())


def read_lines(origin: Origin, name: str, file: str) -> list[str]:
    """The lines that read a file into a variable of this name; ``file`` is a name for the open file."""
    source = quoted(in_home(origin.path))
    if origin.kind in (*_OF_NUMPY, "parquet"):
        load = "parquet.read_table" if origin.kind == "parquet" else "numpy.load"
        return [f"{name} = {load}({'io.BytesIO(sys.stdin.buffer.read())' if origin.path == '-' else source})"]
    lines = "sys.stdin" if origin.path == "-" else file
    match origin.kind, origin.delimiter:
        case "json", _:
            read = f"json.load({lines})"
        case "jsonl", _:
            read = f"[json.loads(line) for line in {lines} if line.strip()]"
        case _, " ":
            read = f"[line.split() for line in {lines} if line.strip()]"
        case _, ",":
            read = f"[row for row in csv.reader({lines}) if row]"
        case _, delimiter:
            read = f"[row for row in csv.reader({lines}, delimiter={quoted(delimiter)}) if row]"
    if origin.path == "-":
        return [f"{name} = {read}"]
    newline = ', newline=""' if "csv.reader" in read else ""
    return [f'with open({source}, encoding="utf-8-sig"{newline}) as {file}:', f"    {name} = {read}"]


def tensor_text(value: Array, data: str, dtype: str) -> str:
    """The expression that makes the tensor of a value from what was read of its file, under the name ``data``."""
    origin = value.origin
    if origin is None:
        raise RuntimeError("the array is not from a file")
    asked = f", dtype=torch.{dtype}"
    if origin.kind in _OF_NUMPY:
        part = data + "".join(f"[{quoted(name)}]" for name in origin.names)
        if dtype == "bfloat16":  # NumPy does not have it
            return f'torch.from_numpy({part}.astype("float64", order="C")).to(torch.bfloat16)'
        return f'torch.from_numpy({part}.astype("{dtype}", order="C"))'
    if origin.kind == "parquet":
        columns = [f"{data}[{quoted(name)}].to_pylist()" for name in origin.names]
        if len(columns) == 1:
            return f"torch.tensor({columns[0]}{asked})"
        return f"torch.tensor([{', '.join(columns)}]{asked}).T.contiguous()"
    if origin.kind == "csv":
        rows = f"{data}[1:]" if origin.header else data
        cells = [f"float(row[{place}])" for place in origin.places]
        row = cells[0] if len(cells) == 1 else f"[{', '.join(cells)}]"
        if len(cells) > 3 and origin.places == tuple(range(len(cells))):
            row = f"[float(cell) for cell in row[:{len(cells)}]]"
        return f"torch.tensor([{row} for row in {rows}]{'' if dtype == 'float32' else asked})"
    part = "".join(f"[{quoted(name)}]" for name in origin.names)
    if origin.each or origin.kind == "jsonl":
        return f"torch.tensor([row{part} for row in {data}]{asked})"
    return f"torch.tensor({data}{part}{asked})"


def numbers_of(value: Array) -> str:
    """The numbers of an array that is not from a file, as nested lists."""
    return str(memoryview(value.numbers).cast("B").cast("d", value.shape).tolist())
