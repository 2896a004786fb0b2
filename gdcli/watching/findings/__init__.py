"""What is wrong with a loop: one module for each kind of cause."""
