"""Newton's method with the exact Hessian."""

from __future__ import annotations

from typing import Any

import torch

from gdcli.contract.fields import Nested
from gdcli.descent.curvature import hessian_at
from gdcli.errors import GdcliError
from gdcli.rules.by_hand import ByHand
from gdcli.rules.rule import Evaluate, NoStepError, Rates, Tensors
from gdcli.tensors import Problem, plain

SINGULAR = "the Hessian is singular, so Newton's equation has no unique solution"
WITHOUT_A_HESSIAN = "lbfgs and manual-backtracking need no Hessian"
MOST_UNKNOWNS = 2000  # of which the Hessian has four million elements


class Newton(ByHand):
    """``x -= lr * damping * solve(H, g)``, over all variables together (Nocedal and Wright 2006, section 3.3).

    It goes to where the gradient of the quadratic that fits here is 0: a minimum, a maximum or a saddle. Up and down
    are the same step.
    """

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any], problem: Problem) -> None:
        super().__init__(tensors, rates, given)
        self.problem = problem
        self.damping: float = given["damping"]
        self.directions: Tensors = {}
        self.curvature: float | None = None  # the Hessian of one unknown
        unknowns = sum(x.numel() for x in tensors.values())
        if unknowns > MOST_UNKNOWNS:
            message = f"newton solves a system with the full Hessian, and {unknowns:,} unknowns are too many"
            raise GdcliError("optimizer", message, f"at most {MOST_UNKNOWNS:,} are allowed; lbfgs needs no Hessian")

    def step(self, evaluate: Evaluate) -> None:  # noqa: ARG002 -- the Hessian comes from the problem
        """Move the variables."""
        gradients = {n: torch.zeros_like(x) if x.grad is None else x.grad for n, x in self.variables.items()}
        matrix = hessian_at(self.problem)
        gradient = torch.cat([g.reshape(-1) for g in gradients.values()])
        wide = torch.promote_types(matrix.dtype, torch.float32)  # LAPACK has no half precision
        solution, is_singular = torch.linalg.solve_ex(matrix.to(wide), gradient.to(wide))
        if bool(is_singular):
            raise NoStepError(SINGULAR if not gradient.any() else f"{SINGULAR}; {WITHOUT_A_HESSIAN}")
        self.curvature = matrix.item() if matrix.numel() == 1 else None
        parts = torch.split(solution.to(matrix.dtype), [x.numel() for x in self.variables.values()])
        with self.no_grad:
            for (name, x), part in zip(self.variables.items(), parts, strict=True):
                self.directions[name] = part.reshape(x.shape)
                x.sub_(self.rates[name] * self.damping * self.directions[name])

    def memory(self, name: str) -> dict[str, Nested]:
        """The direction of the last step, and the Hessian of one unknown."""
        if name not in self.directions:
            return {}
        curvature: dict[str, Nested] = {} if self.curvature is None else {"hessian": self.curvature}
        return {"direction": plain(self.directions[name])} | curvature
