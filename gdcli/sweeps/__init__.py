"""Sweeps: many descents along one or two axes."""
