"""The exact answer that stands beside the descent: by which method, for each loss."""

from __future__ import annotations

from gdcli.contract.regression import RegressionSettings
from gdcli.regression.design import Design
from gdcli.regression.exact import Answer, least_squares
from gdcli.regression.lasso import lasso
from gdcli.regression.learn import Gather, alone
from gdcli.regression.newton import huber, logistic
from gdcli.regression.qr import Factor, combine, factor

MOST_COEFFICIENTS = 1_000  # of which a factor is made: its work grows with their square times the rows


def solve(
    design: Design, settings: RegressionSettings, share: tuple[int, int] = (0, 1), gather: Gather = alone
) -> Answer:
    """The coefficients that minimize the loss over all rows that are fitted, with its penalties.

    One pass over the rows makes the factor; each step of refinement or of Newton's method takes another one. Each rank
    of a run on several reads its share, and all find the same answer.
    """
    if len(design.names) > MOST_COEFFICIENTS:
        return Answer(None, None, f"it is not computed for more than {MOST_COEFFICIENTS:,} coefficients")
    found = combine(gather(factor(design, share)))
    l1, l2 = (penalty / share_of_row(settings.loss, found) for penalty in (settings.l1, settings.l2))
    if settings.loss == "mae":
        return Answer(found, None, "least absolute errors are a linear program, which is not solved here")
    if settings.loss in ("mse", "sum", "half-mse"):
        return lasso(design, found, l1, l2) if l1 else least_squares(design, found, l2, share, gather)
    if l1:
        return Answer(found, None, f"it is not computed for the {settings.loss} loss with --l1")
    newton = logistic if settings.loss == "logistic" else huber
    return newton(design, found, l2, share, gather)


def share_of_row(loss: str, found: Factor) -> float:
    """What a row's square, absolute value, Huber's or logistic loss has for a factor in the loss of all rows."""
    return {"sum": 1.0, "half-mse": 1 / (2 * found.rows)}.get(loss, 1 / found.rows)
