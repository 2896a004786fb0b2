"""Gradient descent: update rules, and the loop as a generator of steps."""
