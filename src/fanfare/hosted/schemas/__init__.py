"""The shapes of hosted pages."""
