"""Makes idols and events, changes them, and ties fans to idols."""
