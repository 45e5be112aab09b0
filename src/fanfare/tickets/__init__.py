"""Tickets: events that are sold, and the lines that fans bought for them.

Announces ticket.created, ticket.updated, ticket.deleted, ticket_event.created, ticket_event.changed and
ticket_event.deleted.
"""
