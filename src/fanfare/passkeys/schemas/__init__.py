"""Shapes of passkeys, of what devices answer, and of the origins for both."""
