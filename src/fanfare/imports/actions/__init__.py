"""Changes imports."""
