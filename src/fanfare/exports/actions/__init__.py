"""Changes exports."""
