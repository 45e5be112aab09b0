"""Shapes of fans and of what is noted about them."""
