"""Generators of the cases of a campaign."""
