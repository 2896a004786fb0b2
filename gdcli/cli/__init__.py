"""The command line: thin modules over the core, and the only place that catches errors."""
