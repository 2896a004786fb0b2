"""The rules of torch.optim, each dense one of them.

Names and defaults of their parameters stand here so that they are known without torch; a test compares them with
PyTorch's signatures. What chooses an implementation and no rule (foreach, fused, ...) is left out.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from gdcli.rules.equations import (
    Explained,
    Terms,
    adam_equations,
    adam_step,
    against,
    momentum_step,
    rmsprop_step,
)
from gdcli.rules.row import RuleRow

_ADAM: dict[str, Any] = {"betas": (0.9, 0.999), "eps": 1e-8}
_DECAY, _UP, _DECOUPLED = {"weight_decay": 0}, {"maximize": False}, {"decoupled_weight_decay": False}


def _adamw_step(terms: Terms) -> Explained:
    """Loshchilov and Hutter (2019): the weight decay acts on the variable itself."""
    decayed = "before * (1 - lr * weight_decay)" if terms.get("weight_decay") else "before"
    return adam_equations(terms, against(terms, decays=False), decayed)


def _adagrad_step(terms: Terms) -> Explained:
    """Duchi, Hazan and Singer (2011)."""
    g = against(terms)
    lr = "lr / (1 + (t - 1) * lr_decay)" if terms.get("lr_decay") else "lr"
    return Explained([("sum", f"sum_before + {g}**2"), ("after", f"before - {lr} * {g} / (sqrt(sum) + eps)")])


ROWS = (
    RuleRow(
        name="sgd",
        made_by="torch.optim.SGD",
        parameters=MappingProxyType({"momentum": 0, "dampening": 0, **_DECAY, "nesterov": False, **_UP}),
        lr=0.1,
        formula="v = momentum * v + (1 - dampening) * g;  x -= lr * v  (nesterov: x -= lr * (g + momentum * v))",
        source="Robbins and Monro (1951), A stochastic approximation method; Sutskever et al. (2013)",
        equations=momentum_step,
        remembers=False,
        linear="heavy ball",
    ),
    RuleRow(
        name="adam",
        made_by="torch.optim.Adam",
        parameters=MappingProxyType({**_ADAM, **_DECAY, "amsgrad": False, **_UP, **_DECOUPLED}),
        lr=0.001,
        formula="m = b1 * m + (1 - b1) * g;  v = b2 * v + (1 - b2) * g**2;  "
        "x -= lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)",
        source="Kingma and Ba (2015), Adam: a method for stochastic optimization",
        equations=adam_step,
    ),
    RuleRow(
        name="adamw",
        made_by="torch.optim.AdamW",
        parameters=MappingProxyType({**_ADAM, "weight_decay": 0.01, "amsgrad": False, **_UP}),
        lr=0.001,
        formula="x -= lr * weight_decay * x;  then adam without weight decay in g",
        source="Loshchilov and Hutter (2019), Decoupled weight decay regularization",
        equations=_adamw_step,
    ),
    RuleRow(
        name="amsgrad",
        made_by="torch.optim.Adam",
        fixed=MappingProxyType({"amsgrad": True}),
        parameters=MappingProxyType({**_ADAM, **_DECAY, **_UP, **_DECOUPLED}),
        lr=0.001,
        formula="adam, with the largest v / (1 - b2**t) so far instead of the current one",
        source="Reddi, Kale and Kumar (2018), On the convergence of Adam and beyond",
    ),
    RuleRow(
        name="nadam",
        made_by="torch.optim.NAdam",
        parameters=MappingProxyType({**_ADAM, **_DECAY, "momentum_decay": 0.004, **_DECOUPLED, **_UP}),
        lr=0.002,
        formula="adam, with Nesterov momentum in m: the next mean and the gradient, weighted by a momentum schedule",
        source="Dozat (2016), Incorporating Nesterov momentum into Adam",
    ),
    RuleRow(
        name="radam",
        made_by="torch.optim.RAdam",
        parameters=MappingProxyType({**_ADAM, **_DECAY, **_DECOUPLED, **_UP}),
        lr=0.001,
        formula="adam, rectified: x -= lr * m / (1 - b1**t) while the variance of v is not yet tractable",
        source="Liu et al. (2020), On the variance of the adaptive learning rate and beyond",
    ),
    RuleRow(
        name="adamax",
        made_by="torch.optim.Adamax",
        parameters=MappingProxyType({**_ADAM, **_DECAY, **_UP}),
        lr=0.002,
        formula="m = b1 * m + (1 - b1) * g;  u = max(b2 * u, |g| + eps);  x -= lr / (1 - b1**t) * m / u",
        source="Kingma and Ba (2015), Adam: a method for stochastic optimization, section 7",
    ),
    RuleRow(
        name="adagrad",
        made_by="torch.optim.Adagrad",
        parameters=MappingProxyType({"lr_decay": 0, **_DECAY, "initial_accumulator_value": 0, "eps": 1e-10, **_UP}),
        lr=0.01,
        formula="s = s + g**2;  x -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)",
        source="Duchi, Hazan and Singer (2011), Adaptive subgradient methods",
        equations=_adagrad_step,
    ),
    RuleRow(
        name="adadelta",
        made_by="torch.optim.Adadelta",
        parameters=MappingProxyType({"rho": 0.9, "eps": 1e-6, **_DECAY, **_UP}),
        lr=1.0,
        formula="s = rho * s + (1 - rho) * g**2;  d = sqrt(u + eps) / sqrt(s + eps) * g;  "
        "u = rho * u + (1 - rho) * d**2;  x -= lr * d",
        source="Zeiler (2012), ADADELTA: an adaptive learning rate method",
    ),
    RuleRow(
        name="rmsprop",
        made_by="torch.optim.RMSprop",
        parameters=MappingProxyType({"alpha": 0.99, "eps": 1e-8, **_DECAY, "momentum": 0, "centered": False, **_UP}),
        lr=0.01,
        formula="v = alpha * v + (1 - alpha) * g**2;  x -= lr * g / (sqrt(v) + eps)",
        source="Tieleman and Hinton (2012), lecture 6.5 of Neural networks for machine learning",
        equations=rmsprop_step,
    ),
    RuleRow(
        name="rprop",
        made_by="torch.optim.Rprop",
        parameters=MappingProxyType({"etas": (0.5, 1.2), "step_sizes": (1e-6, 50), **_UP}),
        lr=0.01,
        formula="uses only the sign of g: a step grows by etas[1] while the sign stays, shrinks by etas[0] if it flips",
        source="Riedmiller and Braun (1993), A direct adaptive method for faster backpropagation learning",
    ),
    RuleRow(
        name="asgd",
        made_by="torch.optim.ASGD",
        parameters=MappingProxyType({"lambd": 0.0001, "alpha": 0.75, "t0": 1e6, **_DECAY, **_UP}),
        lr=0.01,
        formula="x -= eta * (g + lambd * x);  eta = lr / (1 + lambd * lr * t)**alpha;  also keeps the mean of x",
        source="Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging",
    ),
    RuleRow(
        name="adafactor",
        made_by="torch.optim.Adafactor",
        parameters=MappingProxyType({"beta2_decay": -0.8, "eps": (None, 0.001), "d": 1.0, "weight_decay": 0.0, **_UP}),
        lr=0.01,
        formula="the second moment of a matrix is stored as a column and a row; updates are clipped at d",
        source="Shazeer and Stern (2018), Adafactor: adaptive learning rates with sublinear memory cost",
        elementwise=False,
    ),
    RuleRow(
        name="lbfgs",
        made_by="torch.optim.LBFGS",
        parameters=MappingProxyType(
            {
                "max_iter": 20,
                "max_eval": None,
                "tolerance_grad": 1e-7,
                "tolerance_change": 1e-9,
                "history_size": 100,
                "line_search_fn": None,
            }
        ),
        lr=1.0,
        formula="x -= lr * H @ g, with H built from the last history_size steps; up to max_iter inner steps per step",
        source="Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization",
        elementwise=False,
        rests=True,
        has_batch_form=True,
        evaluates=True,
        no_clipping="evaluates more gradients within a step, and these would not be clipped",
    ),
    RuleRow(
        name="muon",
        made_by="torch.optim.Muon",
        parameters=MappingProxyType(
            {
                "weight_decay": 0.1,
                "momentum": 0.95,
                "nesterov": True,
                "ns_coefficients": (3.4445, -4.775, 2.0315),
                "eps": 1e-7,
                "ns_steps": 5,
                "adjust_lr_fn": None,
            }
        ),
        lr=0.001,
        formula="v = momentum * v + (1 - momentum) * g;  x -= lr * orthogonalized(v); matrices only",
        source="Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks",
        elementwise=False,
        matrices_only=True,
    ),
)
