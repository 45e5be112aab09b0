"""Pages of links, advertising and what both bring."""
