"""Shapes of the forms of the Manage Centre."""
