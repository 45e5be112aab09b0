"""What changes projects, and the figures of ads."""
