"""Shapes of staff: roles, members, forms."""
