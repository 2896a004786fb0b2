"""Batches of rows: which rows of the data each step of a descent sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from gdcli.complete.batches import check_rows
from gdcli.descent.evaluation import Evaluation
from gdcli.descent.loop import Rule


class Batches:
    """The ``rows`` of variables, ``size`` at a time, in one pass after the other; the last of a pass may have fewer.

    ``now`` has the rows of the present batch by variable. With ``shuffle`` each pass has another order,
    ``torch.randperm`` of a generator of its own that begins at ``seed``; without it, that of the data.
    """

    def __init__(
        self, tensors: Mapping[str, torch.Tensor], names: Sequence[str], size: int, *, shuffle: bool, seed: int
    ) -> None:
        """Take the first batch.

        Raises:
            GdcliError: for variables without rows, or with different numbers of them.
        """
        check_rows(list(names), {name: tuple(tensors[name].shape) for name in names})
        self._data = {name: tensors[name] for name in names}
        self._generator = torch.Generator().manual_seed(seed) if shuffle else None
        self.rows = len(tensors[names[0]])
        self.size = min(size, self.rows)
        self.now: dict[str, torch.Tensor] = {}
        self._rest: list[torch.Tensor] = []
        self.draw()

    def draw(self) -> None:
        """Take the next batch."""
        if not self._rest:
            order = torch.arange(self.rows)
            if self._generator is not None:
                order = torch.randperm(self.rows, generator=self._generator)
            self._rest = list(torch.split(order, self.size))[::-1]
        taken = self._rest.pop()
        self.now = {name: tensor[taken.to(tensor.device)] for name, tensor in self._data.items()}

    def take_all(self) -> None:
        """Take all rows."""
        self.now = dict(self._data)


class Batched:
    """A rule after each of whose steps the next batch is taken, and all rows after the last one."""

    def __init__(self, rule: Rule, batches: Batches, steps: Callable[[], int]) -> None:
        """``steps`` says how many steps there are to be, as far as is known by now."""
        self._rule = rule
        self._batches = batches
        self._steps = steps
        self._made = 0
        if steps() == 0:
            batches.take_all()

    def step(self, evaluate: Evaluation) -> None:
        """Make the step on the present batch, and take the next one."""
        self._rule.step(evaluate)
        self._made += 1
        if self._made == self._steps():
            self._batches.take_all()
        else:
            self._batches.draw()
