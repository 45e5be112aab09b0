"""The tables that are exported, by what they are about, and the statements that read them."""
