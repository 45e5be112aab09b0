"""The index of one account: how it is read from the tables, stored, saved to a file and evaluated."""
