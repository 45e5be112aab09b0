"""The shapes of clients, of requests to log in, and of what is issued."""
