"""Changes providers and links."""
