"""The catalogue of update rules and schedules: names, formulas, sources. No torch here.

In the formulas x is a variable, g its gradient (weight decay added), lr the learning rate, t the step counted from 1.
``lr`` is the learning rate that a rule starts with when none is given: the notebook's 0.1 for its own loop and for sgd,
PyTorch's default for the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct


class RuleEntry(Struct, frozen=True, kw_only=True):
    """A rule: ``path`` is its class in PyTorch (empty for a rule written by hand), ``fixed`` what it is called with."""

    name: str
    path: str = ""
    fixed: Mapping[str, Any] = MappingProxyType({})
    lr: float
    formula: str
    source: str


_ROWS = (
    RuleEntry(
        name="manual",
        lr=0.1,
        formula="x -= lr * g",
        source="Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées",
    ),
    RuleEntry(
        name="manual-momentum",
        lr=0.1,
        formula="v = momentum * v + g;  x -= lr * v",
        source="Polyak (1964), Some methods of speeding up the convergence of iteration methods",
    ),
    RuleEntry(
        name="manual-nesterov",
        lr=0.1,
        formula="v = momentum * v + g;  x -= lr * (g + momentum * v)",
        source="Nesterov (1983), A method of solving a convex programming problem with rate O(1/k²); form of "
        "Sutskever et al. (2013)",
    ),
    RuleEntry(
        name="manual-adam",
        lr=0.001,
        formula="m = b1 * m + (1 - b1) * g;  v = b2 * v + (1 - b2) * g**2;  "
        "x -= lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)",
        source="Kingma and Ba (2015), Adam: a method for stochastic optimization",
    ),
    RuleEntry(
        name="sgd",
        path="torch.optim.SGD",
        lr=0.1,
        formula="v = momentum * v + (1 - dampening) * g;  x -= lr * v  (nesterov: x -= lr * (g + momentum * v))",
        source="Robbins and Monro (1951), A stochastic approximation method; Sutskever et al. (2013)",
    ),
    RuleEntry(
        name="adam",
        path="torch.optim.Adam",
        lr=0.001,
        formula="m = b1 * m + (1 - b1) * g;  v = b2 * v + (1 - b2) * g**2;  "
        "x -= lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)",
        source="Kingma and Ba (2015), Adam: a method for stochastic optimization",
    ),
    RuleEntry(
        name="adamw",
        path="torch.optim.AdamW",
        lr=0.001,
        formula="x -= lr * weight_decay * x;  then adam without weight decay in g",
        source="Loshchilov and Hutter (2019), Decoupled weight decay regularization",
    ),
    RuleEntry(
        name="amsgrad",
        path="torch.optim.Adam",
        fixed=MappingProxyType({"amsgrad": True}),
        lr=0.001,
        formula="adam, with the largest v / (1 - b2**t) so far in the place of the last",
        source="Reddi, Kale and Kumar (2018), On the convergence of Adam and beyond",
    ),
    RuleEntry(
        name="nadam",
        path="torch.optim.NAdam",
        lr=0.002,
        formula="adam, with Nesterov's momentum in m: the next mean and the gradient, weighted by a momentum schedule",
        source="Dozat (2016), Incorporating Nesterov momentum into Adam",
    ),
    RuleEntry(
        name="radam",
        path="torch.optim.RAdam",
        lr=0.001,
        formula="adam, rectified: x -= lr * m / (1 - b1**t) while the variance of v is not yet known",
        source="Liu et al. (2020), On the variance of the adaptive learning rate and beyond",
    ),
    RuleEntry(
        name="adamax",
        path="torch.optim.Adamax",
        lr=0.002,
        formula="m = b1 * m + (1 - b1) * g;  u = max(b2 * u, |g| + eps);  x -= lr / (1 - b1**t) * m / u",
        source="Kingma and Ba (2015), Adam: a method for stochastic optimization, section 7",
    ),
    RuleEntry(
        name="adagrad",
        path="torch.optim.Adagrad",
        lr=0.01,
        formula="s = s + g**2;  x -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)",
        source="Duchi, Hazan and Singer (2011), Adaptive subgradient methods",
    ),
    RuleEntry(
        name="adadelta",
        path="torch.optim.Adadelta",
        lr=1.0,
        formula="s = rho * s + (1 - rho) * g**2;  d = sqrt(u + eps) / sqrt(s + eps) * g;  "
        "u = rho * u + (1 - rho) * d**2;  x -= lr * d",
        source="Zeiler (2012), ADADELTA: an adaptive learning rate method",
    ),
    RuleEntry(
        name="rmsprop",
        path="torch.optim.RMSprop",
        lr=0.01,
        formula="v = alpha * v + (1 - alpha) * g**2;  x -= lr * g / (sqrt(v) + eps)",
        source="Tieleman and Hinton (2012), lecture 6.5 of Neural networks for machine learning",
    ),
    RuleEntry(
        name="rprop",
        path="torch.optim.Rprop",
        lr=0.01,
        formula="the sign of g alone counts: a step grows by etas[1] while it stays, shrinks by etas[0] if it turns",
        source="Riedmiller and Braun (1993), A direct adaptive method for faster backpropagation learning",
    ),
    RuleEntry(
        name="asgd",
        path="torch.optim.ASGD",
        lr=0.01,
        formula="x -= eta * (g + lambd * x);  eta = lr / (1 + lambd * lr * t)**alpha;  mean of x kept beside",
        source="Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging",
    ),
    RuleEntry(
        name="adafactor",
        path="torch.optim.Adafactor",
        lr=0.01,
        formula="the second moment of a matrix is kept as a column and a row; an update is clipped at d",
        source="Shazeer and Stern (2018), Adafactor: adaptive learning rates with sublinear memory cost",
    ),
    RuleEntry(
        name="lbfgs",
        path="torch.optim.LBFGS",
        lr=1.0,
        formula="x -= lr * H @ g, with H built from the last history_size steps; up to max_iter inner steps in one",
        source="Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization",
    ),
    RuleEntry(
        name="muon",
        path="torch.optim.Muon",
        lr=0.001,
        formula="v = momentum * v + (1 - momentum) * g;  x -= lr * (v, made orthogonal); matrices only",
        source="Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks",
    ),
)
RULES: Mapping[str, RuleEntry] = MappingProxyType({row.name: row for row in _ROWS})

# Each schedule by the name of its class in torch.optim.lr_scheduler.
SCHEDULES: Mapping[str, str] = MappingProxyType(
    {
        "constant": "ConstantLR",
        "linear": "LinearLR",
        "exponential": "ExponentialLR",
        "polynomial": "PolynomialLR",
        "step": "StepLR",
        "multistep": "MultiStepLR",
        "cosine": "CosineAnnealingLR",
        "cosine-restarts": "CosineAnnealingWarmRestarts",
        "cyclic": "CyclicLR",
        "one-cycle": "OneCycleLR",
        "plateau": "ReduceLROnPlateau",
        "lambda": "LambdaLR",
        "multiplicative": "MultiplicativeLR",
    }
)
