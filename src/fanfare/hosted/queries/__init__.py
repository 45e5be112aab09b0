"""What hosted pages read."""
