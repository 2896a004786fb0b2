"""A figure as a picture for a terminal: signs and colours in cells, nothing else."""
