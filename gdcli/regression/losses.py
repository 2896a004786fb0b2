"""The losses of a regression, as expressions in gdcli's language. No torch here."""

from __future__ import annotations

from msgspec import Struct

from gdcli.contract.regression import LossName, RegressionSettings


class LossRow(Struct, frozen=True, kw_only=True):
    """A loss over rows: its ``text`` by the ``prediction`` and ``y``, for a script that needs no more than PyTorch.

    ``curvature`` bounds its second derivative by the prediction of a row (None where it has none), of one row and not
    of their mean. ``is_mean`` says that it is a mean over the rows, and ``is_quadratic`` that it is a least squares.
    """

    text: str
    curvature: float | None
    is_mean: bool = True
    is_quadratic: bool = False


LOSSES: dict[LossName, LossRow] = {
    "mse": LossRow(text="mean(({prediction} - y)**2)", curvature=2.0, is_quadratic=True),
    "sum": LossRow(text="sum(({prediction} - y)**2)", curvature=2.0, is_mean=False, is_quadratic=True),
    "half-mse": LossRow(text="mean(({prediction} - y)**2) / 2", curvature=1.0, is_quadratic=True),
    "mae": LossRow(text="mean(abs({prediction} - y))", curvature=None),
    "huber": LossRow(text="F.huber_loss({prediction}, y)", curvature=1.0),
    "logistic": LossRow(text="F.binary_cross_entropy_with_logits({prediction}, y)", curvature=0.25),
}


def loss_expression(settings: RegressionSettings) -> str:
    """The loss of a batch ``X``, shape (n, p), with ``y``, shape (n,), by ``w``, shape (p,), and ``b``, a number.

    That of ``--l1`` is not in it: its step is proximal.
    """
    prediction = "X @ w + b" if settings.intercept else "X @ w"
    loss = LOSSES[settings.loss].text.format(prediction=prediction)
    return f"{loss} + {settings.l2!r} * sum(w**2)" if settings.l2 else loss
