"""Changes storages, and calls them."""
