"""What changes sessions: the steps of logging in, and what fans do once they are in."""
