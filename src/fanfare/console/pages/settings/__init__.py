"""Settings: a small page for each thing that an account sets up."""
