"""The tape as a graph: every tensor with its value and its gradient, every use of it with what it adds to that."""
