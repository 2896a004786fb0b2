"""Samples a function for a figure: along a line or over a plane, with the paths of descents in it."""
