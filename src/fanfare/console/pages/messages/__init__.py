"""Messages: what was sent, the templates, and addresses that get none."""
