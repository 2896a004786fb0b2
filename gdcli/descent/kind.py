"""What one kind of descent knows beyond the loop: given to a run, for ``minimize`` and for ``fit-linear``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import UNSET, UnsetType

from gdcli.contract.descent import DescentRecord, KnownMinimum
from gdcli.contract.envelope import Notice
from gdcli.contract.grad import GradientCheck
from gdcli.descent.loop import State
from gdcli.tensors import Problem

if TYPE_CHECKING:
    from gdcli.descent.diagnosis.diagnose import Finder
    from gdcli.descent.run import Descent

R = TypeVar("R", bound=DescentRecord)


class Kind(Generic[R]):
    """What one kind of descent knows beyond the loop.

    ``record`` is what the record of ``command`` is made of.
    """

    command: str
    record: type[R]

    def prepare(self, settings: Any) -> Problem:
        """The objective, with its variables at the start."""
        raise NotImplementedError

    def again(self, settings: Any) -> Descent[R]:
        """The same descent with other settings."""
        raise NotImplementedError

    def begin(self, problem: Problem) -> None:
        """A run begins."""

    def watch(self, state: State) -> None:
        """Look at a state; every one is shown, in order."""

    def is_stuck(self, state: State) -> bool:  # noqa: ARG002 -- for kinds that know more
        """Whether a gradient of zero at this state is known not to mean a minimum."""
        return False

    def nearest_minimum(self, state: State) -> KnownMinimum | UnsetType:  # noqa: ARG002
        """The known minimum that is nearest to a state."""
        return UNSET

    def checks(self, first: State, last: State) -> dict[str, GradientCheck] | UnsetType:  # noqa: ARG002
        """The checks of the gradient at the start and at the end, where they were asked for."""
        return UNSET

    def notices(self, problem: Problem) -> list[Notice]:  # noqa: ARG002
        """What to know about the problem, however the run goes."""
        return []

    def finders(self) -> list[Finder]:
        """What the diagnosis looks for in this kind alone."""
        return []
