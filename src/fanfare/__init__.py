"""Fanfare: a fan CRM and engagement server for clubs, festivals, venues and labels."""
