"""Products of vectors and matrices, decompositions and norms."""

from __future__ import annotations

from gdcli.lang.functions.rows import ALONG, DTYPE, WHOLE, free, linalg
from gdcli.lang.signature import function

CATEGORY = "linear algebra"

FUNCTIONS = (
    function(
        "matmul",
        "input, other",
        "matrix product, input @ other",
        "matmul([[1, 2], [3, 4]], [1, 1])",
        facts=("rows by columns", "product"),
        also=("torch.linalg.matmul",),
    ),
    function(
        "mm",
        "input, mat2",
        "product of two matrices",
        "mm([[1, 2], [3, 4]], [[1], [1]])",
        facts=("rows by columns", "product"),
    ),
    function(
        "mv",
        "input, vec",
        "product of a matrix and a vector",
        "mv([[1, 2], [3, 4]], [1, 1])",
        facts=("rows by columns", "product"),
    ),
    function(
        "bmm",
        "input, mat2",
        "batched product of matrices",
        "bmm([[[1, 2], [3, 4]]], [[[1], [1]]])",
        facts=("product",),
    ),
    function(
        "dot",
        "input, tensor",
        "dot product of two vectors",
        "dot([1, 2], [3, 4])",
        facts=("rows by columns", "product"),
    ),
    function(
        "vdot",
        "input, other",
        "the same as dot for real vectors",
        "vdot([1, 2], [3, 4])",
        facts=("rows by columns", "product"),
    ),
    function(
        "inner",
        "input, other",
        "dot products along the last dimension",
        "inner([[1, 2], [3, 4]], [1, 1])",
        facts=("product",),
    ),
    function(
        "outer",
        "input, vec2",
        "outer product of two vectors",
        "outer([1, 2], [3, 4])",
        facts=("product",),
        other_names=("ger",),
    ),
    linalg("vecdot", "x, y, *, dim: int = -1", "dot products along dim", "vecdot([[1, 2], [3, 4]], [1, 1])"),
    function(
        "cross", "input, other, dim: int = None", "cross product of vectors of length 3", "cross([1, 0, 0], [0, 1, 0])"
    ),
    linalg(
        "linalg.cross",
        "input, other, *, dim: int = -1",
        "cross product of vectors of length 3",
        "linalg.cross([1, 0, 0], [0, 1, 0])",
    ),
    function("kron", "input, other", "Kronecker product", "kron([[1, 2]], [[1], [3]])"),
    free(
        "einsum",
        "equation: text, *operands: operands",
        "sums of products, by Einstein's convention",
        "einsum('ij,j->i', [[1, 2], [3, 4]], [1, 1])",
    ),
    free(
        "tensordot",
        "a, b, dims: int = 2",
        "product summed over the last dims of a and first of b",
        "tensordot([[1, 2]], [[3], [4]], 1)",
    ),
    function(
        "addmm",
        "input, mat1, mat2, *, beta: number = 1, alpha: number = 1",
        "beta * input + alpha * (mat1 @ mat2)",
        "addmm(1, [[1, 2]], [[3], [4]])",
    ),
    function(
        "addmv",
        "input, mat, vec, *, beta: number = 1, alpha: number = 1",
        "beta * input + alpha * (mat @ vec)",
        "addmv(1, [[1, 2], [3, 4]], [1, 1])",
    ),
    linalg(
        "multi_dot",
        "tensors: tensors",
        "product of several matrices, in the fastest order",
        "multi_dot([[1, 2], [[1, 2], [3, 4]], [1, 1]])",
    ),
    function("trace", "input", "sum of the diagonal", "trace([[1, 2], [3, 4]])", facts=("reduction",)),
    function("det", "input", "determinant", "det([[1, 2], [3, 4]])", also=("torch.linalg.det",)),
    function("logdet", "input", "log of the determinant", "logdet([[2, 0], [0, 3]])"),
    function(
        "slogdet",
        "input",
        "sign and log absolute value of the determinant",
        "slogdet([[1, 2], [3, 4]])[1]",
        also=("torch.linalg.slogdet",),
    ),
    function(
        "inverse",
        "input",
        "inverse of a matrix",
        "inverse([[2, 0], [0, 4]])",
        facts=("inversion",),
        also=("torch.linalg.inv",),
    ),
    linalg(
        "pinv",
        "input, *, atol: number = None, rtol: number = None, hermitian: bool = False",
        "pseudo-inverse (Moore-Penrose)",
        "pinv([[1, 2], [3, 4], [5, 6]])",
    ),
    function(
        "pinverse",
        "input, rcond: number = 1e-15",
        "pseudo-inverse (older form of pinv)",
        "pinverse([[1, 2], [3, 4], [5, 6]])",
    ),
    linalg(
        "solve",
        "A, B, *, left: bool = True",
        "the solution X of A @ X = B",
        "solve([[2, 0], [0, 4]], [1, 1])",
        facts=("inversion",),
    ),
    linalg(
        "solve_triangular",
        "input, B, *, upper: bool, left: bool = True, unitriangular: bool = False",
        "the solution X of input @ X = B for a triangular input",
        "solve_triangular([[2, 0], [1, 4]], [[2], [5]], upper=False)",
    ),
    function(
        "cholesky",
        "input, *, upper: bool = False",
        "the triangular L such that input = L @ L.T",
        "cholesky([[4, 2], [2, 3]])",
        module="torch.linalg",
        also=("torch.cholesky",),
    ),
    linalg("eigvalsh", "input, UPLO: 'L'|'U' = 'L'", "eigenvalues of a symmetric matrix", "eigvalsh([[2, 1], [1, 2]])"),
    linalg(
        "eigh",
        "input, UPLO: 'L'|'U' = 'L'",
        "eigenvalues and eigenvectors of a symmetric matrix",
        "eigh([[2, 1], [1, 2]])[0]",
    ),
    linalg("svdvals", "A", "singular values, largest first", "svdvals([[3, 0], [0, 4]])"),
    linalg(
        "linalg.qr", "A", "QR decomposition: orthogonal Q, triangular R, A = Q @ R", "linalg.qr([[3, 1], [4, 2]])[1]"
    ),
    linalg(
        "vector_norm",
        f"x, ord: number = 2, {ALONG}, {DTYPE}",
        "norm of all elements, or along dim",
        "vector_norm([3, 4], 1)",
        facts=("reduction",),
    ),
    linalg(
        "matrix_norm",
        f"input, ord: number|'fro'|'nuc' = 'fro', dim: ints = (-2,-1), keepdim: bool = False, {DTYPE}",
        "norm of a matrix",
        "matrix_norm([[1, 2], [3, 4]], 2)",
    ),
    linalg(
        "linalg.norm",
        f"input, ord: number|'fro'|'nuc' = None, {ALONG}, {DTYPE}",
        "norm of a vector or a matrix",
        "linalg.norm([[1, 2], [3, 4]], 2)",
        facts=("reduction",),
    ),
    linalg(
        "linalg.cond",
        "input, p: number|'fro'|'nuc' = None",
        "condition number of a matrix",
        "linalg.cond([[1, 2], [3, 4]])",
    ),
    linalg(
        "matrix_rank",
        "input, *, atol: number = None, rtol: number = None, hermitian: bool = False",
        "rank of a matrix",
        "matrix_rank([[1, 2], [2, 4]])",
        gradient=WHOLE,
    ),
    function(
        "matrix_exp",
        "input",
        "matrix exponential",
        "matrix_exp([[0, 1], [-1, 0]])",
        also=("torch.linalg.matrix_exp",),
    ),
    function(
        "matrix_power",
        "input, n: int",
        "n-th power of a matrix",
        "matrix_power([[1, 1], [0, 1]], 5)",
        also=("torch.linalg.matrix_power",),
    ),
    free(
        "vander",
        "x, N: int = None, increasing: bool = False",
        "Vandermonde matrix of x",
        "vander([1, 2, 3])",
        gradient="PyTorch's derivative fails: the matrix is filled in place",
        facts=("square",),
    ),
    free(
        "cdist",
        "x1, x2, p: number = 2",
        "distances from every row of x1 to every row of x2",
        "cdist([[0, 0]], [[3, 4], [1, 0]])",
    ),
)
