"""The version, and that of the PyTorch whose digits the tests expect."""

__version__ = "0.1.0"
TESTED_TORCH = "2.13.0"  # that of constraints.txt
