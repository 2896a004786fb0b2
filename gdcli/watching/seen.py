"""What was seen of a script and its descents: plain data, without tensors or hooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from gdcli.contract.fields import Nested

FEW = 64
"""A tensor of at most this many elements is recorded as its numbers, a larger one as an ``Extent``."""
EVENTS = 32
"""The most events that are kept of an iteration."""

EventKind: TypeAlias = Literal["zero_grad", "step", "step_end", "schedule", "backward", "grad", "unscale"]
Before: TypeAlias = Literal["none", "zero", "kept", "other"]
Moved: TypeAlias = Literal["step", "in place", "rebound"]


class Place(Struct, frozen=True, gc=False):
    """A line of a file, and the function that it is in (``<module>`` outside of functions)."""

    file: str
    line: int
    function: str


class Extent(Struct, frozen=True, gc=False):
    """The size of a tensor of many elements, or with NaN or inf in it.

    ``smallest`` and ``largest`` are over all elements, NaN if one is NaN; both are None where only the norm was taken.
    """

    count: int
    norm: float
    smallest: float | None = None
    largest: float | None = None
    not_finite: int | None = None


Amount: TypeAlias = Nested | Extent
"""The numbers of a tensor (nested lists, non-finite ones included), or their extent; None where there is no tensor."""


class Leaf(Struct):
    """A tensor that the graph of a loss reaches, an optimizer holds, or a module or the caller's frame has.

    ``name`` is the name that iterations use: that of the caller's frame (``x``, ``params[0]``), with the attributes of
    an object or a module (``model.fc.weight``), or ``optimizer[0]``. ``variable`` is the name in the caller's frame
    alone, when it is one. ``op`` is the name of the operation that made a tensor that is not a leaf. ``reached`` and
    ``held`` are of the first iteration or any later one; ``module`` is the class of the module that it belongs to.
    """

    name: str
    shape: list[int]
    dtype: str
    requires_grad: bool
    is_leaf: bool
    op: str | None = None
    variable: str | None = None
    module: str | None = None
    reached: bool = False
    held: bool = False

    @property
    def count(self) -> int:
        """The number of elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count


class LeafState(Struct, gc=False):
    """A leaf in an iteration.

    ``value`` and ``grad`` are those right after backward (``torch.autograd.grad``: ``grad`` is what it returned).
    ``grad_before`` is what was in ``.grad`` when backward began: ``before`` says whether that was None, all zeros, what
    the last backward of this descent left there unchanged (``kept``), or something else. For a large tensor that was
    not looked at, ``before`` is "other" for zeros too. ``fresh`` is the gradient that this backward added:
    grad - grad_before, where both are numbers.

    ``moved`` is the norm of the change of the value until the next backward of this descent (or the end), None where
    unknown; ``by`` what changed it: the step of an optimizer, an operation in place, or the name being bound to another
    tensor, None where it did not change or that is unknown. ``is_leaf`` is of the tensor that had the name.
    """

    value: Amount
    grad: Amount
    grad_before: Amount = None
    before: Before = "none"
    moved: float | None = None
    by: Moved | None = None
    is_leaf: bool = True


class Event(Struct, frozen=True, gc=False):
    """Something that was called between two backwards.

    ``step`` is written when ``optimizer.step`` begins and ``step_end`` when it has returned (a closure's backwards lie
    between). ``optimizer`` is the index into ``WatchedScript.optimizers`` (also of the one whose rate a schedule sets).
    ``zeroed`` has the names of the leaves of the descent whose gradients a zero_grad concerns. ``rates`` are by group.
    ``backward`` and ``grad`` are those of other descents.
    """

    kind: EventKind
    place: Place
    optimizer: int | None = None
    rates: list[float] = []


class Iteration(Struct, gc=False):
    """One backward of a descent. ``number`` counts from 0.

    ``loss`` is a number, also for a loss that was scaled (``scale`` is the factor of a GradScaler, 1 if none).
    ``batch`` has the sizes of the first dimensions of the inputs of the graph where they are known. ``leaves`` is by
    name; a leaf that this backward did not reach is in it as long as an earlier one did. ``events`` are those after
    this backward and before the next one of this descent, in order; ``more_events`` were not kept.
    ``inside_step``: backward ran inside ``optimizer.step(closure)``. ``lr`` is that of the first step after it.
    """

    number: int
    loss: float
    leaves: dict[str, LeafState]
    reached: list[str]
    events: list[Event] = []
    more_events: int = 0
    scale: float = 1.0
    lr: float | list[float] | None = None
    inside_step: bool = False
    looked: bool = False


class Saved(Struct, frozen=True, gc=False):
    """A tensor or a number that a node saved for backward, by PyTorch's name for it (``self``, ``result``, ``other``).

    ``extent`` is None for what is not a floating point tensor; ``value`` has a plain number, or the numbers of few.
    ``zero_units`` is, for a result of two or more dimensions, the number of positions of the last dimension whose
    elements are all 0, and ``units`` that dimension.
    """

    name: str
    shape: list[int]
    extent: Extent | None = None
    value: Any = None
    zero_units: int | None = None
    units: int | None = None


class Node(Struct, frozen=True, gc=False):
    """An operation of the autograd graph, such as ``MulBackward0``.

    ``inputs`` are indices of nodes, names of leaves, or None for what needs no gradient. ``place`` is the line of the
    user's code that called it, where known. ``shape`` is that of its result.
    """

    op: str
    inputs: list[int | str | None]
    saved: list[Saved] = []
    shape: list[int] | None = None
    place: Place | None = None


class Graph(Struct, frozen=True, gc=False):
    """The autograd graph of an iteration, from the loss (node 0) down; ``left_out`` nodes are beyond the limit."""

    iteration: int
    nodes: list[Node]
    left_out: int = 0


class OptimizerFacts(Struct):
    """An optimizer that took a step or was seen in a frame: its class, and a dict of numbers and words for each group.

    ``holds`` are the names of its parameters, in the names of the first descent that knows them, None where none does.
    ``groups`` is as at its first step.
    """

    name: str
    groups: list[dict[str, Any]]
    holds: list[str | None]
    variable: str | None = None
    steps: int = 0
    place: Place | None = None


class Failure(Struct, frozen=True):
    """The exception that ended the script, or that a backward raised; ``place`` is the innermost line of user code.

    ``in_backward``: it was raised by backward or torch.autograd.grad itself.
    """

    type: str
    message: str
    place: Place | None
    in_backward: bool = False


class WatchedDescent(Struct):
    """The backwards of one line of code: a loop, or a single call.

    ``run`` counts the descents of this line: another one begins when all leaves are others. ``kind`` is the function
    that computes the gradient. ``iterations`` are those that were kept, in order, with gaps between; ``count`` is how
    many there were. ``not_finite`` is the first iteration with a loss, value or gradient that is not finite (kept too).
    ``result`` is the state of the leaves at the end, by name: value, and gradient as it stands there, with ``loss``
    None. ``frame`` are the tensors of the caller's frame in the first iteration, also those that are not reached.
    ``graphs`` has the graphs that were looked at: of the first iteration, of the first one that is not finite, and of
    some between and at the end. ``relus`` is in them. ``failure`` is the error that its last backward raised.
    """

    place: Place
    kind: Literal["backward", "grad"] = "backward"
    run: int = 0
    count: int = 0
    leaves: dict[str, Leaf] = {}
    iterations: list[Iteration] = []
    result: dict[str, LeafState] = {}
    not_finite: int | None = None
    frame: list[Leaf] = []
    graphs: list[Graph] = []
    optimizers: list[int] = []
    inside_compiled: bool = False
    failure: Failure | None = None
    smallest: tuple[int, float] | None = None

    @property
    def is_loop(self) -> bool:
        """Whether the line was run more than once."""
        return self.count > 1

    def pairs(self) -> Iterator[tuple[Iteration, Iteration]]:
        """The kept iterations that followed each other directly."""
        for one, other in zip(self.iterations, self.iterations[1:], strict=False):
            if other.number == one.number + 1:
                yield one, other


class WatchedScript(Struct):
    """All that was seen: the descents in the order of their first backward, optimizers, and how the script ended.

    ``loose_events`` are those before the first backward of any descent (at most ``EVENTS``): a step before backward.
    ``files`` are the files of user code that places are in, and ``sources`` the texts of those that no file has
    (notebook cells, standard input), by the name that places have.
    """

    descents: list[WatchedDescent] = []
    optimizers: list[OptimizerFacts] = []
    loose_events: list[Event] = []
    failure: Failure | None = None
    sources: dict[str, str] = {}
    descents_left_out: int = 0
