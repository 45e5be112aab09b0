"""HTTP endpoints of staff, a module for each noun."""
