"""The box-counting dimension of the edge between runs that diverge and others: ``python docs/boxcount.py map.npz``.

A cell is at the edge when its right or its upper neighbour is of the other kind. The grid is covered by boxes of 1, 2,
4, ... cells a side, and those that hold a cell of the edge are counted: of a smooth curve half as many are left when
the side doubles, of a noisy area a quarter. The dimension is the slope of a straight line through the logarithms, by
least squares; ``--largest`` is the largest side.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.bool_]


def edge_of(kind: Cells) -> Cells:
    """Which cells of a grid of shape (rows, columns) have a neighbour of the other kind on the right or above."""
    edge = np.zeros_like(kind)
    edge[:, :-1] |= kind[:, :-1] != kind[:, 1:]
    edge[:-1] |= kind[:-1] != kind[1:]
    return edge


def boxes(cells: Cells, side: int) -> int:
    """How many boxes of ``side`` cells a side, side by side from a corner, hold one of some cells."""
    rows, columns = (-(-length // side) * side for length in cells.shape)
    padded = np.zeros((rows, columns), dtype=bool)
    padded[: cells.shape[0], : cells.shape[1]] = cells
    blocks = padded.reshape(rows // side, side, columns // side, side)
    return int(blocks.any(axis=(1, 3)).sum())


def dimension(cells: Cells, largest: int = 64) -> tuple[float, dict[int, int]]:
    """The box-counting dimension of some cells, and the count of boxes for each side."""
    counts = {1 << k: boxes(cells, 1 << k) for k in range(largest.bit_length())}
    slope = np.polyfit(-np.log(list(counts)), np.log(list(counts.values())), 1)[0]
    return float(slope), counts


def main() -> None:
    """Read maps that ``gdcli sweep --save map.npz`` wrote, and print the dimension of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("maps", nargs="+", type=Path)
    parser.add_argument("--largest", type=int, default=64, help="the largest side of a box, in cells")
    given = parser.parse_args()
    for path in given.maps:
        with np.load(path) as saved:
            diverged = saved["status"] == list(saved["status_names"]).index("diverged")
        found, counts = dimension(edge_of(diverged), given.largest)
        share = f"{diverged.mean():.1%} of {'x'.join(map(str, diverged.shape[::-1]))} cells diverged"
        print(f"{path.name}: dimension {found:.2f}, {share}; boxes by side: {counts}")


if __name__ == "__main__":
    main()
