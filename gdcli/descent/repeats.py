"""Whether a function of Python gives the same loss again: nothing is said of one that does not."""

from __future__ import annotations

import math

from gdcli.contract.envelope import Notice
from gdcli.contract.short import short
from gdcli.descent.loop import State
from gdcli.lang.function_objective import FunctionObjective, called
from gdcli.tensors import Problem


def does_not_repeat(problem: Problem, state: State) -> Notice | None:
    """What to know of a function that draws numbers which no seed of gdcli governs, or changes from call to call.

    The tensors of the problem are those of ``state``, at which the loss is computed again. A function that changes
    counts as one that draws random numbers from then on.
    """
    function = problem.objective
    if not isinstance(function, FunctionObjective) or problem.batches is not None:
        return None
    name = called(function.expression)
    if function.is_seeded_elsewhere:
        return Notice("random", f"{name} draws random numbers from Python or NumPy, which the seed does not govern")
    if function.is_random:
        return None
    try:
        loss = problem.value().item()
    except Exception as error:  # noqa: BLE001 -- a run that has ended well must not fail here
        function.is_random = True
        message = f"{name} raised {type(error).__name__} when it was called again at the end"
        return Notice("not-repeatable", f"{message}, so there is no diagnosis")
    if loss == state.loss or (math.isnan(loss) and math.isnan(state.loss)):
        return None
    function.is_random = True
    message = f"{name} returned {short(state.loss, 6)} and then {short(loss, 6)} at the same point"
    return Notice("not-repeatable", f"{message}, so there is no diagnosis")
