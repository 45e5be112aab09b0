"""Changes webhooks, follows the change log for them, and sends."""
