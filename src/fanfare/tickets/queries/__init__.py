"""Reads tickets, ticket events and sales."""
