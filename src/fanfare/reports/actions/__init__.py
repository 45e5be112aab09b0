"""Creates and deletes reports and their links."""
