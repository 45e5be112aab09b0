"""Shapes of tickets, ticket events and their figures."""
