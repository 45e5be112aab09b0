"""What hosted pages change."""
