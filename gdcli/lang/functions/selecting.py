"""Sorting, and selecting elements."""

from __future__ import annotations

from gdcli.lang.functions.rows import WHOLE, elementwise
from gdcli.lang.signature import function

CATEGORY = "sorting and selecting"

FUNCTIONS = (
    function(
        "sort",
        "input, dim: int = -1, descending: bool = False",
        "sorted values along dim, and indices",
        "sort([3, 1, 2])[0]",
        facts=("values and indices",),
    ),
    function("msort", "input", "sorted along the first dimension", "msort([3, 1, 2])"),
    function(
        "argsort",
        "input, dim: int = -1, descending: bool = False",
        "the indices that sort along dim",
        "argsort([3, 1, 2])",
        gradient=WHOLE,
    ),
    function(
        "topk",
        "input, k: int, dim: int = -1, largest: bool = True, sorted: bool = True",
        "the k largest along dim, and indices",
        "topk([3, 1, 2], 2)[0]",
        facts=("values and indices",),
    ),
    function(
        "kthvalue",
        "input, k: int, dim: int = -1, keepdim: bool = False",
        "the k-th smallest along dim, and its index",
        "kthvalue([3, 1, 2], 2)[0]",
        facts=("values and indices",),
    ),
    function("select", "input, dim: int, index: int", "one slice along dim", "select([[1, 2], [3, 4]], 0, 1)"),
    function(
        "narrow",
        "input, dim: int, start: int, length: int",
        "length elements along dim, from start",
        "narrow([1, 2, 3, 4], 0, 1, 2)",
    ),
    function(
        "index_select",
        "input, dim: int, index: index",
        "the slices at these indices along dim",
        "index_select([10, 20, 30], 0, [2, 0])",
    ),
    function(
        "gather",
        "input, dim: int, index: index",
        "the elements at these indices along dim",
        "gather([[1, 2], [3, 4]], 1, [[1], [0]])",
    ),
    function(
        "take",
        "input, index: index",
        "the elements at these indices of the flattened input",
        "take([[1, 2], [3, 4]], [0, 3])",
    ),
    function(
        "take_along_dim",
        "input, indices: index, dim: int = None",
        "the elements at the indices that argsort gives",
        "take_along_dim([3, 1, 2], [1, 2, 0], 0)",
    ),
    function(
        "masked_select", "input, mask", "the elements where the mask is true", "masked_select([1, 2, 3], [1, 2, 3] > 1)"
    ),
    elementwise(
        "masked_fill",
        "input, mask, value: either",
        "value where the mask is true, else input",
        "masked_fill([1, 2, 3], [1, 2, 3] > 1, 0)",
    ),
    function(
        "scatter",
        "input, dim: int, index: index, src: either",
        "input with src at these indices along dim",
        "scatter([1, 2, 3], 0, [2], 9)",
    ),
    function(
        "scatter_add",
        "input, dim: int, index: index, src",
        "input with src added at these indices along dim",
        "scatter_add([1, 2, 3], 0, [0, 0], [10, 20])",
    ),
    function(
        "index_add",
        "input, dim: int, index: index, source, *, alpha: number = 1",
        "input with the slices of source added at these indices",
        "index_add([1, 2, 3], 0, [0, 0], [10, 20])",
    ),
    function("flip", "input, dims: sizes", "reversed along dims", "flip([1, 2, 3], 0)"),
    function("fliplr", "input", "columns reversed", "fliplr([[1, 2], [3, 4]])"),
    function("flipud", "input", "rows reversed", "flipud([[1, 2], [3, 4]])"),
    function(
        "roll", "input, shifts: ints, dims: ints = None", "shifted, with elements wrapping around", "roll([1, 2, 3], 1)"
    ),
    function("rot90", "input, k: int = 1, dims: ints = (0,1)", "rotated by k right angles", "rot90([[1, 2], [3, 4]])"),
)
