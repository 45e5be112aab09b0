"""HTTP endpoints of streams."""
