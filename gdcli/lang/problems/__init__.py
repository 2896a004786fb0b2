"""The catalogue of named test problems: published functions whose minima are known. No torch here.

A problem has a name that users type and a title that is shown; an ``expression`` in the expression language; a
``start`` for each of its variables, as text in that language; the ``domain`` in which it is usually searched, as an
interval (low, high) for each variable; its ``minima``, each with the values of the variables and the loss, all the
global ones in the domain that are known, and in ``local`` some well-known ones that are not global; what makes it
``hard``; its ``source``; and a ``note`` where one is needed.

A fixed problem of one to three variables calls them x, y and z; a larger one has a vector x. A problem in any
dimension has a vector x as well, of ``dimension`` numbers unless another dimension is asked for::

    find("rastrigin").instantiate(10).expression

The usual form of a few of them is one in x and y: ``find("rosenbrock").expression`` is that of textbooks, and
``find("rosenbrock").instantiate(2)`` the same function of a vector.

The start is the published one. Functions from global optimization have none: their start is a point from which a
descent shows the difficulty of the problem. A domain that was not published is one that contains the start and the
minima. The points and losses were refined by Newton's method, in higher precision than float64 where needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gdcli.errors import GdcliError
from gdcli.lang.problems import (
    convex,
    flat_or_kinked,
    least_squares,
    many_minima,
    many_minima_in_the_plane,
    valleys,
)
from gdcli.lang.problems.problem import CatalogueProblem, Category, Instance, Minimum
from gdcli.lang.suggest import did_you_mean

__all__ = ["PROBLEMS", "CatalogueProblem", "Category", "Instance", "Minimum", "find", "name_of"]

_MODULES = (convex, valleys, many_minima, many_minima_in_the_plane, flat_or_kinked, least_squares)

PROBLEMS: Mapping[str, CatalogueProblem] = MappingProxyType(
    {problem.name: problem for module in _MODULES for problem in module.PROBLEMS}
)
"""Every problem by its name, category after category."""


def name_of(text: str) -> str:
    """The name that a text stands for: case is ignored, and spaces and underscores count as hyphens."""
    return text.strip().lower().replace("_", "-").replace(" ", "-")


def find(name: str) -> CatalogueProblem:
    """The problem of this name, as ``name_of`` reads it.

    Raises:
        GdcliError: for a name that is not in the catalogue.
    """
    wanted = name_of(name)
    if wanted in PROBLEMS:
        return PROBLEMS[wanted]
    begun = [known for known in PROBLEMS if len(wanted) > 2 and known.startswith(wanted)]
    hint = did_you_mean(wanted, begun[:1]) or did_you_mean(wanted, PROBLEMS)
    hint = hint or "for example: rosenbrock, himmelblau, rastrigin or beale"
    raise GdcliError("unknown-problem", f"there is no problem '{name}'", hint)
