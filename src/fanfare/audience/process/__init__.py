"""The process that keeps the indexes of its accounts up to date and answers queries about them."""
