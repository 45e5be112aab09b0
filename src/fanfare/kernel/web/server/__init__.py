"""The server side of HTTP connections: bounded reading, request parsing and timeouts."""
