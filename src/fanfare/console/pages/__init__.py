"""The pages of the Manage Centre, a module for each noun."""
