"""Changes purchases, products and shops."""
