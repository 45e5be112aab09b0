"""HTTP endpoints of registrations, scans and passes."""
