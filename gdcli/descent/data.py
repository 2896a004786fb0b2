"""Whether what moves in a descent looks like data, which should stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import torch

from gdcli.contract.envelope import Notice, listed

_MANY = 10  # numbers of a variable


def data_that_moves(leaves: Mapping[str, torch.Tensor]) -> list[Notice]:
    """A notice when some of the variables that move look like data, and others do not.

    Such are tensors of more than ten numbers, and vectors that have one length with others.
    """
    lengths = Counter(leaf.numel() for leaf in leaves.values() if leaf.dim() == 1 and leaf.numel() > 1)
    data = [name for name, x in leaves.items() if x.numel() > _MANY or (x.dim() == 1 and lengths[x.numel()] > 1)]
    others = [name for name in leaves if name not in data]
    if not data or not others:
        return []
    counts = listed([f"{name} ({leaves[name].numel():,} numbers)" for name in data])
    moves, are = ("moves", "it is") if len(data) == 1 else ("move", "these are")
    return [Notice("data-moves", f"{counts} {moves} too; if {are} data, name what moves: --wrt {','.join(others)}")]
