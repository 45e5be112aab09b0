"""The search of fans."""
