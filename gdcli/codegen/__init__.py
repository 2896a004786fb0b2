"""``--code``: the plain PyTorch script that prints the numbers of a run. No torch here: it is made from the words."""
