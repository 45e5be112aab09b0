"""Pages of events, their gates, passes and registrations."""
