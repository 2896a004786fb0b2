"""A figure as a picture for a terminal: characters and colours in cells."""
