"""What a command prints, as HTML in a cell of a notebook."""
