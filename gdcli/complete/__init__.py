"""Fills in the defaults of each command's settings and checks them: one module per command. No torch."""
