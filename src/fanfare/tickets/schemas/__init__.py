"""Schemas of tickets, ticket events and sales."""
