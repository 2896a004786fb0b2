"""What is known of an update rule or a schedule, as one row of the catalogue. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from gdcli.rules.equations import Explained, Terms

if TYPE_CHECKING:
    from gdcli.codegen.by_hand import ByHand

_NONE: Mapping[str, Any] = MappingProxyType({})

NOTATION: Mapping[str, str] = MappingProxyType(
    {
        "x": "a variable",
        "g": "its gradient (with maximize its negative), plus weight_decay * x where the formula has no weight_decay",
        "t": "the number of the step, from 1",
        "b1, b2": "the two numbers of betas",
        "f": "the loss as a function of x (with maximize its negative)",
        "other names": "parameters, and what is kept from step to step, which starts as 0",
        "decoupled_weight_decay": "x -= lr * weight_decay * x comes first, and g is the gradient alone",
    }
)
"""What the names in a formula mean."""

LinearKind = Literal["plain", "heavy ball", "nesterov"]
"""A rule whose steps are linear in the gradient, by what momentum does in it."""


class ScriptLines(Struct, frozen=True, kw_only=True):
    """How a script writes a rule by hand; each part is made from the names and numbers of one script.

    ``setup`` and ``functions`` stand before the loop, ``before_step`` where autograd still records, and ``step`` where
    it does not, with the gradients to be cleared after it. ``remembers`` are the letters of the tensors that are kept
    of each variable and start as zeros.
    """

    setup: Callable[[ByHand], Sequence[str]] | None = None
    functions: Callable[[ByHand], Sequence[Sequence[str]]] | None = None
    before_step: Callable[[ByHand], Sequence[str]] | None = None
    step: Callable[[ByHand], Sequence[str]] | None = None
    remembers: str = ""


class RuleRow(Struct, frozen=True, kw_only=True):
    """An update rule.

    ``made_by`` is its class, here or in torch.optim, ``fixed`` what it is always called with, and ``parameters`` what
    else it takes, with its defaults; ``between`` are the bounds of some, which they must not reach, ``whole`` those
    that are whole numbers, and ``choices`` the words that some take instead of their default None. ``lr`` is the
    learning rate when none is given: the notebook's 0.1 for its own loop and for sgd, PyTorch's default for the others
    of torch.optim. ``formula`` has statements of Python separated by ";  " in the ``NOTATION``, and at most one
    sentence that begins with "where". ``method`` is what it is called in a title.

    ``equations`` are those of ``--walk`` and ``script`` the lines of ``--code``; a rule of torch.optim needs no lines.

    remembers         its next step depends on more than the place, whatever its momentum
    rests             a step that moves nothing is followed by none that does, though it remembers
    elementwise       it treats each element of a tensor on its own, so that many runs can be one tensor
    has_batch_form    batch/ makes its steps for many runs at once, though it is not elementwise
    evaluates         a step evaluates the loss again, beside the evaluation of the loop
    second_order      a step solves with the Hessian, and goes to where the gradient is 0, uphill too
    matrices_only     it takes matrices alone
    can_rebind        it may be written as ``x = x - lr * x.grad``
    no_clipping       why the gradients of its steps cannot be clipped; empty where they can
    is_own            it is somebody's own class: nothing is known of its steps
    takes_others      its class takes parameters that are not among ``parameters``
    takes_lr          it has a learning rate; ``lr`` is nan where its class has no number for it
    needs_lr          it has none unless one is given
    linear            how its steps are linear in the gradient (the theory of a diagnosis); None where they are not
    """

    name: str
    made_by: str
    fixed: Mapping[str, Any] = _NONE
    parameters: Mapping[str, Any] = _NONE
    between: Mapping[str, tuple[float, float]] = _NONE
    whole: frozenset[str] = frozenset()
    choices: Mapping[str, tuple[str, ...]] = _NONE
    lr: float
    formula: str
    source: str
    method: str = "gradient descent"
    equations: Callable[[Terms], Explained] | None = None
    script: ScriptLines | None = None
    remembers: bool = True
    rests: bool = False
    elementwise: bool = True
    has_batch_form: bool = False
    evaluates: bool = False
    second_order: bool = False
    matrices_only: bool = False
    can_rebind: bool = False
    no_clipping: str = ""
    is_own: bool = False
    takes_others: bool = False
    takes_lr: bool = True
    needs_lr: bool = False
    linear: LinearKind | None = None

    @property
    def path(self) -> str:
        """Its class in PyTorch; empty for a rule written by hand."""
        return self.made_by if self.made_by.startswith("torch.") else ""


class ScheduleRow(Struct, frozen=True, kw_only=True):
    """A schedule: its class in torch.optim.lr_scheduler, and what that is always called with.

    ``parameters`` are the names of what else it takes; ``needs`` are those that must be given, each with an example as
    text, and ``unless`` names for one of them another parameter that may be given instead. ``needs_loss`` says that its
    step takes the loss.
    """

    name: str
    class_name: str
    parameters: Sequence[str]
    needs: Mapping[str, str] = _NONE
    unless: Mapping[str, str] = _NONE
    fixed: Mapping[str, Any] = _NONE
    needs_loss: bool = False

    @property
    def path(self) -> str:
        """Its class in PyTorch."""
        return f"torch.optim.lr_scheduler.{self.class_name}"
