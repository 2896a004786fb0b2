"""The collections in which the problems were published, as they are cited."""

from __future__ import annotations

JAMIL_YANG = "Jamil and Yang (2013), A literature survey of benchmark functions for global optimization problems"
SURJANOVIC_BINGHAM = "Surjanovic and Bingham (2013), Virtual Library of Simulation Experiments"
LUKSAN_VLCEK = (
    "Lukšan and Vlček (2000), Test problems for nonsmooth unconstrained and linearly constrained optimization"
)
NIST = "NIST Statistical Reference Datasets, nonlinear regression"


def mgh(number: int) -> str:
    """A problem of Moré, Garbow and Hillstrom, by its number."""
    return f"Moré, Garbow and Hillstrom (1981), Testing unconstrained optimization software, problem {number}"
