"""Sells tickets, changes them, and keeps the events that they are for."""
