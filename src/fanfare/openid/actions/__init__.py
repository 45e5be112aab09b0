"""Registers clients, and issues and ends what fans grant them."""
