"""``grad``: its settings and its records, for one point and for many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Struct, UnsetType

from gdcli.contract.envelope import ErrorDetail, Notice
from gdcli.contract.fields import EXPLAIN, PROBLEM, Device, Dtype, Nested, Seed, Values, Wrt, meta
from gdcli.contract.shown import Shown
from gdcli.contract.sources import Sources

if TYPE_CHECKING:
    from gdcli.notebook.explanation import Explanation  # noqa: TID251 -- as in shown.py

Explain = Annotated[bool, meta("show the tape: every operation, forward and backward", EXPLAIN)]
Depth = Annotated[int, meta("levels of the tape to show; 0 shows as many as fit", EXPLAIN, "N", ge=0)]
Symbolic = Annotated[bool, meta("show each partial derivative as a formula (SymPy)", EXPLAIN)]
Substitute = Annotated[
    bool, meta("show the formulas of a program without its names, in the variables alone; implies --symbolic", EXPLAIN)
]
Latex = Annotated[bool, meta("show the formulas as LaTeX; implies --symbolic", EXPLAIN)]
Hessian = Annotated[bool, meta("show the second derivatives, and classify the point", EXPLAIN)]
Jacobian = Annotated[bool, meta("show the Jacobian of a result of any shape", EXPLAIN)]
Check = Annotated[bool, meta("check the gradient against finite differences and SymPy", EXPLAIN)]
Each = Annotated[bool, meta("take the variables as lists of equal length, one item per point", EXPLAIN)]
Points = Annotated[
    str,
    meta("read points from a CSV or JSON lines file (- is standard input), and stream the results", EXPLAIN, "FILE"),
]


class GradSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``grad``: one expression, and where to differentiate it."""

    expression: Annotated[str, meta("expression to differentiate", PROBLEM, "EXPR")] = ""
    values: Values = {}
    sources: Sources = UNSET
    wrt: Wrt = []
    explain: Explain = False
    depth: Depth = 0
    symbolic: Symbolic = False
    substitute: Substitute = False
    latex: Latex = False
    hessian: Hessian = False
    jacobian: Jacobian = False
    check: Check = False
    each: Each = False
    points: Points = ""
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class TapeNode(Struct, frozen=True, kw_only=True):
    """One node of the tape of ``grad --explain``; node 0 is the result, and a parent comes before its children.

    ``text`` is its part of the expression, at ``span``. ``op`` is PyTorch's name of the operation, and ``grad_fn`` that
    of its backward. ``local`` is the derivative of the parent with respect to this node (for tensors: the parent's
    elements summed), ``rule`` the same in symbols, in the language (empty where there is no simple rule), and ``grad``
    the gradient that reached it. For tensors of more than 1,000 elements ``value``,
    ``local`` and ``grad`` are null, and norms are given. ``note`` explains what autograd does here.

    In a program each statement that the result depends on has a tree of its own, those of the last statements first:
    ``name`` is what its root is called, ``function`` the function of which this is a name, empty for the program
    itself. A use of a name has the kind "name" and no parts: ``grad`` is what this use adds to the gradient of the
    name, and ``statement`` the id of the node that has the name. ``line`` is counted from 1.
    """

    id: int
    parent: int | None
    text: str
    span: tuple[int, int]
    kind: Literal["operation", "variable", "constant", "name"]
    op: str
    grad_fn: str | None
    dtype: str | None
    shape: list[int] | None
    value: Nested
    norm: float | None
    local: Nested
    rule: str
    grad: Nested
    grad_norm: float | None
    note: str
    name: str | UnsetType = UNSET
    function: str | UnsetType = UNSET
    line: int | UnsetType = UNSET
    statement: int | UnsetType = UNSET


class Derivative(Struct, frozen=True, kw_only=True):
    """The partial derivative with respect to ``variable`` as a formula, or why there is none (``obstacle``).

    ``formula`` is in the language of gdcli, ``latex`` in LaTeX, and ``value`` what the formula gives at the point, in
    the dtype of the run.

    In a program, ``result`` is the name of what is differentiated. Without ``substitute`` its names have derivatives
    too, from the result back: ``variable`` is then ``name``, which the statement at ``line`` gives, followed by the
    line where the program gives the name several times. In ``formula``, ``∂loss/∂y`` stands for the derivative of a
    row above.
    """

    variable: str
    formula: str | None
    latex: str | None
    value: float | None
    obstacle: str
    result: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    line: int | UnsetType = UNSET


class Curvature(Struct, frozen=True, kw_only=True):
    """The Hessian at a point: ``matrix[i][j]`` is the derivative with respect to ``labels[i]`` and ``labels[j]``.

    ``eigenvalues`` are in ascending order; there are none where the matrix, which is what autograd returns, is not that
    of the function: at a "kink", and where ``message`` says so. ``condition_number`` is the ratio of the largest to the
    smallest absolute eigenvalue, null when one is 0 within rounding.
    """

    labels: list[str]
    matrix: list[list[float | None]]
    eigenvalues: list[float | None]
    condition_number: float | None
    gradient_norm: float | None
    point: Literal["minimum", "maximum", "saddle", "flat", "not critical", "kink", "undefined"]
    message: str


class JacobianMatrix(Struct, frozen=True, kw_only=True):
    """``matrix[i][j]`` is the derivative of element ``rows[i]`` of the result with respect to ``columns[j]``."""

    rows: list[str]
    columns: list[str]
    matrix: list[list[float | None]]


class CheckRow(Struct, frozen=True, kw_only=True):
    """One element of a gradient, computed in three ways; ``doubt`` names the one not to trust, ``reason`` says why.

    ``left`` and ``right`` are the one-sided slopes, given at a kink and where only one side is defined. A row is
    "undefined" where there is no slope, and "unconfirmed" where no other method can confirm it.
    """

    label: str
    autograd: float | None
    differences: float | None
    symbolic: float | None
    left: float | None
    right: float | None
    relative_error: float | None
    agreeing_digits: int | None
    verdict: Literal["agree", "kink", "disagree", "undefined", "unconfirmed"]
    doubt: Literal["", "autograd", "differences", "symbolic"]
    reason: str


class LostValue(Struct, frozen=True, kw_only=True):
    """A value that is lost in the dtype of the run: ``value`` is the right one, null beyond the range of float64.

    ``computed`` is what the run has, null where it is not finite. ``part`` is the piece of the expression that went
    wrong first. ``instead`` is an expression that has the right value and gradient in this dtype, tried at this point;
    empty where none was found.
    """

    value: float | None
    computed: float | None
    part: str
    instead: str
    message: str


class GradientCheck(Struct, frozen=True, kw_only=True):
    """The check of a gradient: one row per element, and the verdict on all of them.

    The verdict is "unclear" when no row disagrees but some are undefined or unconfirmed, or elements were not checked
    because that would take too long. ``lost`` is there when the
    value of the expression is not what the run has computed.
    """

    rows: list[CheckRow]
    verdict: Literal["agree", "disagree", "unclear"]
    message: str
    lost: LostValue | UnsetType = UNSET


class GradResult(Shown, frozen=True, kw_only=True):
    """The record of ``grad``. A gradient is null for a variable outside ``settings.wrt``, as autograd's None."""

    command: Literal["grad"] = "grad"
    settings: GradSettings
    status: Literal["ok"] = "ok"
    message: str
    value: Nested
    grad_fn: str | None
    values: dict[str, Nested]
    grads: dict[str, Nested]
    tape: list[TapeNode] | UnsetType = UNSET
    derivatives: list[Derivative] | UnsetType = UNSET
    hessian: Curvature | UnsetType = UNSET
    jacobian: JacobianMatrix | UnsetType = UNSET
    check: GradientCheck | UnsetType = UNSET
    warnings: list[Notice] = []

    def explain(self, depth: int = 0) -> Explanation:
        """The tape as a tree, as ``gdcli grad --explain`` prints it, and as a graph; a notebook shows both.

        ``depth`` is how many levels of the tree are shown; 0 shows as many as fit.
        """
        from gdcli.notebook import explanation  # noqa: TID251 -- as in shown.py

        found: Any = explanation.explain(self, depth)
        return found  # type: ignore[no-any-return]


class Point(Struct, frozen=True, kw_only=True, gc=False):
    """One point of ``grad --each`` or ``--points``, with the value of the expression and the gradient there.

    ``values`` holds the variables that differ from point to point. A point that cannot be read or evaluated has an
    ``error`` instead, and the ``line`` of the file, counted from 1.
    """

    values: dict[str, Nested] | UnsetType = UNSET
    value: Nested | UnsetType = UNSET
    grads: dict[str, Nested] | UnsetType = UNSET
    line: int | UnsetType = UNSET
    error: ErrorDetail | UnsetType = UNSET


class PointsResult(Shown, frozen=True, kw_only=True):
    """The record of ``grad --each`` and ``grad --points``: a value and a gradient at each point, in order.

    ``values`` holds the variables that are the same at every point. "failed": some points have an error.
    """

    command: Literal["grad"] = "grad"
    settings: GradSettings
    values: dict[str, Nested]
    points: list[Point]
    status: Literal["ok", "failed", "interrupted"]
    message: str
    warnings: list[Notice] = []


class PointLine(Point, frozen=True, kw_only=True, gc=False, tag_field="record", tag="point"):
    """A line of ``--jsonl`` for a point of ``grad --each`` or ``--points``."""
