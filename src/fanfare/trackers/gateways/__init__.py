"""What others say about virtual domains: the DNS, and the domain itself over TLS."""
