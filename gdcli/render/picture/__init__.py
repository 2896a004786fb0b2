"""A figure as a file for slides and papers, through matplotlib."""
