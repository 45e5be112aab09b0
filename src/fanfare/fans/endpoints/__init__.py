"""HTTP endpoints of fans."""
