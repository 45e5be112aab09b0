"""Makes, changes and deletes fans and what is noted about them."""
