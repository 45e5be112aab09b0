"""Changes the settings of an account."""
