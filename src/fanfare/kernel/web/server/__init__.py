"""The server's side of a connection: bytes in within bounds, requests out of them, and the timers of both."""
