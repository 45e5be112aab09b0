"""The calls of hosted pages."""
