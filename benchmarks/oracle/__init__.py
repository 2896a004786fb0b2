"""Judges the sentences of a diagnosis by calculations in float64 that share no code with it."""
