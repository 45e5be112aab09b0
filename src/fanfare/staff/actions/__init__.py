"""Invites people, signs them in, and changes what they may do."""
