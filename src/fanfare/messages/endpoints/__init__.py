"""Messages over HTTP, for who manages an account."""
