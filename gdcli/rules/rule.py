"""What an update rule is: how it speaks to the loop, and to who shows its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from gdcli.contract.fields import Nested

Tensors = dict[str, torch.Tensor]
Rates = dict[str, float]
Evaluate = Callable[[], torch.Tensor]
"""Computes the loss at the tensors as they are, and puts its gradient in the place of their ``.grad``."""


class NoStepError(Exception):
    """A rule can make no step from here; ``why`` says so in a sentence that goes on after a colon."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def why_not_computed(error: Exception) -> str:
    """Why a step could not be computed, where its numbers are the reason: a huge rate or parameter; else empty.

    PyTorch does this with Python's numbers, which raise where tensors would be infinite.
    """
    if isinstance(error, ZeroDivisionError):
        return "the step cannot be computed, because it divides by zero"
    if isinstance(error, OverflowError) or "without overflow" in str(error):
        return "the step cannot be computed, because a number in it is too large"
    return ""


class UpdateRule(Protocol):
    """An update rule. ``rates`` are the learning rates by variable, which a schedule may change between two steps."""

    rates: Rates

    def step(self, evaluate: Evaluate) -> None:
        """Move the variables once, by their ``.grad``, which stays as it is; a variable without a gradient stays.

        ``evaluate`` is for rules that look again inside a step; each call counts as an evaluation.

        Raises:
            NoStepError: when there is no step from here; the variables are where they were then.
        """

    def memory(self, name: str) -> dict[str, Nested]:
        """What the rule knows of a variable beside its rate: what it keeps from step to step, or has just computed."""

    def numbers(self, name: str) -> dict[str, Nested]:
        """The numbers that the rule was given for a variable, by the names of its options."""
