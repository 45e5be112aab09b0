"""Who or what made a click: a pure function of what the request said, and of published lists."""
