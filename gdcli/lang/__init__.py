"""The expression language: text, checked tree, PyTorch callable."""
