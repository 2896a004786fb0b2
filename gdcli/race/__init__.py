"""Optimizers side by side on the same problem from the same starts: who reaches the goal, and at what cost."""
