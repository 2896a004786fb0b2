"""Reshaping, joining, splitting and repeating tensors."""

from __future__ import annotations

from gdcli.lang.functions.rows import free, linalg, nn, tensor_method
from gdcli.lang.signature import function

CATEGORY = "shape"

FUNCTIONS = (
    function("reshape", "input, shape: sizes", "the same elements in another shape", "reshape(arange(6), (2, 3))"),
    tensor_method(
        "view", "input, size: sizes", "the same elements in another shape, not copied", "view(arange(6), (2, 3))"
    ),
    function(
        "flatten",
        "input, start_dim: int = 0, end_dim: int = -1",
        "dimensions merged into one",
        "flatten([[1, 2], [3, 4]])",
        facts=("input itself",),
    ),
    function("ravel", "input", "all elements in one dimension", "ravel([[1, 2], [3, 4]])"),
    function("squeeze", "input, dim: ints = None", "dimensions of size 1 removed", "squeeze([[1, 2, 3]])"),
    function("unsqueeze", "input, dim: int", "a dimension of size 1 inserted", "unsqueeze([1, 2, 3], 1)"),
    function(
        "transpose",
        "input, dim0: int, dim1: int",
        "two dimensions swapped",
        "transpose([[1, 2], [3, 4]], 0, 1)",
        other_names=("swapdims",),
    ),
    function("torch.t", "input", "the transpose of a matrix", "torch.t([[1, 2]])"),
    function("swapaxes", "input, axis0: int, axis1: int", "the same as transpose", "swapaxes([[1, 2], [3, 4]], 0, 1)"),
    function("permute", "input, dims: sizes", "dimensions reordered", "permute([[1, 2, 3], [4, 5, 6]], (1, 0))"),
    function(
        "movedim",
        "input, source: ints, destination: ints",
        "dimensions moved to other positions",
        "movedim([[1, 2, 3], [4, 5, 6]], 0, 1)",
        other_names=("moveaxis",),
    ),
    free(
        "stack",
        "tensors: tensors, dim: int = 0",
        "tensors joined along a new dimension",
        "stack([[1, 2], [3, 4]], dim=1)",
    ),
    free(
        "cat",
        "tensors: tensors, dim: int = 0",
        "tensors concatenated along dim",
        "cat([[1, 2], [3]])",
        other_names=("concat", "concatenate"),
    ),
    free("hstack", "tensors: tensors", "tensors stacked horizontally (by columns)", "hstack([[1, 2], [3]])"),
    free(
        "vstack",
        "tensors: tensors",
        "tensors stacked vertically (by rows)",
        "vstack([[1, 2], [3, 4]])",
        other_names=("row_stack",),
    ),
    free("column_stack", "tensors: tensors", "vectors as the columns of a matrix", "column_stack([[1, 2], [3, 4]])"),
    function(
        "unbind",
        "input, dim: int = 0",
        "the slices along dim, one by one",
        "unbind([[1, 2], [3, 4]])[1]",
        facts=("parts",),
    ),
    function(
        "chunk",
        "input, chunks: int, dim: int = 0",
        "split into this many parts",
        "chunk([1, 2, 3, 4], 2)[1]",
        facts=("parts",),
    ),
    function(
        "split",
        "tensor, split_size_or_sections: ints, dim: int = 0",
        "split into parts of this size",
        "split([1, 2, 3, 4, 5], 2)[2]",
        facts=("parts",),
    ),
    function(
        "broadcast_to", "input, size: sizes", "broadcast to a shape, without copying", "broadcast_to([1, 2], (3, 2))"
    ),
    tensor_method("expand", "input, size: sizes", "expanded to a shape, without copying", "expand([1, 2], (3, 2))"),
    tensor_method("expand_as", "input, other", "expanded to the shape of other", "expand_as([1], [2, 3])"),
    tensor_method("view_as", "input, other", "the same elements in the shape of other", "view_as([1, 2], [[3], [4]])"),
    tensor_method(
        "reshape_as", "input, other", "the same elements in the shape of other", "reshape_as([1, 2], [[3], [4]])"
    ),
    tensor_method("repeat", "input, repeats: sizes", "input repeated along each dimension", "repeat([1, 2], 3)"),
    function("tile", "input, dims: sizes", "input repeated along the last dimensions", "tile([1, 2], (2, 2))"),
    function(
        "repeat_interleave",
        "input, repeats: int, dim: int = None",
        "each element repeated",
        "repeat_interleave([1, 2], 3)",
    ),
    function(
        "diag",
        "input, diagonal: int = 0",
        "the diagonal of a matrix, or a matrix with this diagonal",
        "diag([1, 2])",
        facts=("square",),
    ),
    function(
        "diagflat",
        "input, offset: int = 0",
        "the matrix with these elements on its diagonal",
        "diagflat([[1, 2]])",
        facts=("square",),
    ),
    function(
        "diag_embed",
        "input, offset: int = 0, dim1: int = -2, dim2: int = -1",
        "matrices with these diagonals",
        "diag_embed([[1, 2], [3, 4]])",
        facts=("square",),
    ),
    function(
        "diagonal",
        "input, offset: int = 0, dim1: int = 0, dim2: int = 1",
        "the elements on a diagonal",
        "diagonal([[1, 2], [3, 4]])",
    ),
    linalg(
        "linalg.diagonal",
        "A, *, offset: int = 0, dim1: int = -2, dim2: int = -1",
        "the diagonals of the last two dimensions",
        "linalg.diagonal([[1, 2], [3, 4]])",
    ),
    function("tril", "input, diagonal: int = 0", "the lower triangle, zeros above", "tril([[1, 2], [3, 4]])"),
    function("triu", "input, diagonal: int = 0", "the upper triangle, zeros below", "triu([[1, 2], [3, 4]])"),
    nn(
        "pad",
        "input, pad: ints, mode: 'constant'|'reflect'|'replicate'|'circular' = 'constant', value: number = None",
        "input padded at the ends",
        "pad([1, 2], (1, 2))",
    ),
)
