"""The public contract: the settings and the record of each command, and the model of a figure. No torch."""
